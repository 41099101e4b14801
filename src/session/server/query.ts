/** The answers to a Query, statement by statement. */
import { decodeCommandComplete } from '../../protocol/command-complete.ts';
import type { Frame } from '../../protocol/frame-reader.ts';
import { Backend } from '../../protocol/message-types.ts';
import { ProtocolError, unexpectedMessage } from '../../protocol/protocol-error.ts';
import type { TransactionStatus } from '../../protocol/ready-for-query.ts';
import { copyFail } from '../../protocol/simple-frontend.ts';
import { completeUnsent } from '../client/local-answers.ts';
import { rePreparedForUser } from '../client/re-prepare-for-user.ts';
import type { Conversation } from '../state/conversation.ts';
import type { Execution } from '../state/execution.ts';
import type { PendingQuery, QueryStep } from '../state/pending-replies.ts';
import { privateName } from '../state/private-name.ts';
import { applyNames } from '../state/sql-names.ts';
import { tellCut } from './cut-off.ts';
import { descriptionOf } from './description.ts';
import { admitRow, admitTag, holdEnd, rowsChanged, shownTag, tellTag, verify } from './row-flow.ts';

/** @returns whether the frame goes to the client. */
export function answerQuery(c: Conversation, query: PendingQuery, frame: Frame): boolean {
  if (query.part !== 'client') return answerOwn(c, query, frame);
  const shown = answerClients(c, query, frame);
  const cut = query.runs[query.at]?.cut;
  if (cut && !query.cut) query.cut = cut;
  // Once a statement was cut off, nothing more of the message is shown but its end.
  return shown && !query.cut;
}

function answerClients(c: Conversation, query: PendingQuery, frame: Frame): boolean {
  completeUnsent(c, query);
  const { begun } = query;
  query.begun = frame.type !== Backend.CommandComplete;
  if (query.cut) return passOver(c, query, frame);
  const run = query.runs[query.at];
  // A rule's SELECT was not judged. By Execute the server does not send its rows either.
  if (run?.watch.rowless && (frame.type === Backend.RowDescription || frame.type === Backend.DataRow)) return false;
  switch (frame.type) {
    case Backend.EmptyQueryResponse:
      if (query.runs.length > 0 || query.told || begun) throw unexpectedMessage();
      return true;
    case Backend.RowDescription:
      return describe(c, current(run), frame);
    case Backend.CopyOutResponse:
      current(run).grammar.beginsCopy(frame.type);
      return verify(c, current(run));
    case Backend.CopyDone:
      current(run).grammar.copyOut(frame.type);
      return verify(c, current(run)) && holdEnd(current(run), frame);
    case Backend.CopyInResponse:
      current(run).grammar.beginsCopy(frame.type);
      c.beginCopyIn(current(run));
      return true;
    case Backend.DataRow:
      current(run).grammar.row(frame);
      return admitRow(c, current(run), frame);
    case Backend.CopyData:
      current(run).grammar.copyOut(frame.type);
      return admitRow(c, current(run), frame);
    case Backend.CommandComplete:
      return complete(c, query, current(run), frame);
    default:
      throw unexpectedMessage();
  }
}

function current(run: Execution | undefined): Execution {
  if (!run) throw new ProtocolError('server ran more statements than were judged');
  return run;
}

function describe(c: Conversation, run: Execution, frame: Frame): boolean {
  run.grammar.description(frame);
  const { verifies, looksForPeople, provenance } = run.watch;
  if (verifies || looksForPeople) provenance.learn(descriptionOf(run.policy, frame.bytes));
  return verify(c, run);
}

function complete(c: Conversation, query: PendingQuery, run: Execution, frame: Frame): boolean {
  const tag = decodeCommandComplete(frame.bytes);
  run.grammar.complete(tag, c.copyIn);
  const changed = rowsChanged(tag, run);
  const stands = admitTag(c, run, tag);
  if (c.stalled) return false;
  c.endCopyIn();
  if (query.rendered) applyNames(c, run, query.rendered, tag);
  query.at += 1;
  if (!stands) {
    query.cut = run.cut;
    return false;
  }
  if (query.wrapped && !query.next && query.at === query.runs.length) {
    // PostgreSQL commits before it says that the last statement is complete.
    query.heldComplete = { bytes: shownTag(run, tag) ?? new Uint8Array(frame.bytes), run, changed, tag };
    return false;
  }
  c.records.end(run, 'ok', { changed, tag });
  return !tellTag(c, run, tag);
}

/**
 * What the server still runs of a message in which a statement was cut off. It is undone, except its effects on names: a closed cursor stays closed.
 * A COPY that asks for data gets none.
 */
function passOver(c: Conversation, query: PendingQuery, frame: Frame): false {
  const run = query.runs[query.at];
  if (frame.type === Backend.CopyInResponse && run) c.add(copyFail(privateName(run.id)));
  if (frame.type !== Backend.CommandComplete) return false;
  if (run && query.rendered) applyNames(c, run, query.rendered, decodeCommandComplete(frame.bytes));
  query.at += 1;
  return false;
}

/** BEGIN, COMMIT and ROLLBACK of the guard's own. */
function answerOwn(c: Conversation, query: PendingQuery, frame: Frame): boolean {
  if (frame.type !== Backend.CommandComplete) throw unexpectedMessage();
  query.committed = decodeCommandComplete(frame.bytes) === 'COMMIT';
  if (query.part === 'end') {
    for (const setting of [c.token, c.path]) setting.ended(query.committed);
    c.life.ended(query.committed);
  }
  return false;
}

/** The server ended the message with an error: what it had not come to is skipped. */
export function failQuery(c: Conversation, query: PendingQuery): void {
  query.told = true;
  const { runs, at } = query;
  const cut = runs.findIndex((run) => run.cut);
  skipBehind(c, query, cut < 0 ? at : cut);
  query.at = runs.length;
}

/** INVARIANT 232: what the server has run behind a statement that was cut off is undone with it, but not the numbers of sequences that it drew. */
function skipBehind(c: Conversation, { runs, at }: PendingQuery, last: number): void {
  for (const [i, run] of runs.entries()) {
    if (i <= last) continue;
    run.undone = i <= at;
    c.records.endLater(run, 'skipped');
  }
}

/** @returns whether ReadyForQuery goes to the client now. */
export function readyAfterQuery(c: Conversation, query: PendingQuery, status: TransactionStatus): boolean {
  switch (query.part) {
    case 'begin':
      return stepOn(c, query, status);
    case 'fail':
      return true;
    case 'prepare':
      rePreparedForUser(c, query);
      return false;
    case 'undo':
      c.deferred = { kind: 'fallback', fallback: { ...query.undoes!, isUndone: true } };
      return false;
    case 'end':
      return endWrapped(c, query, status);
    case 'client':
      if (!query.told) completeUnsent(c, query);
      if (!query.told && query.at < query.runs.length)
        throw new ProtocolError('server is ready while it owes an answer');
      break;
  }
  if (query.cut && !query.told) tellQueryCut(c, query);
  if (query.wrapped) {
    const goesOn = status === 'T' && !query.cut;
    if (!goesOn) skipSteps(c, query.next);
    const step = goesOn ? query.next : undefined;
    c.deferred = step ? { kind: 'step', step } : { kind: 'end-wrapped', query, commit: goesOn };
    return false;
  }
  if (query.cut && status === 'T') {
    skipSteps(c, query.next);
    c.deferred = { kind: 'fail-transaction' };
    return false;
  }
  return stepOn(c, query, status);
}

/** Sends the next step, or skips it. @returns whether ReadyForQuery is sent to the client. */
function stepOn(c: Conversation, { next, part, told }: PendingQuery, status: TransactionStatus): boolean {
  if (!next) return true;
  if (told) {
    skipSteps(c, next);
    return true;
  }
  // What is to run inside our BEGIN is not sent outside of it.
  if (part === 'begin' && status !== 'T') throw new ProtocolError('BEGIN did not begin a transaction');
  c.deferred = { kind: 'step', step: next };
  return false;
}

function skipSteps(c: Conversation, first: QueryStep | undefined): void {
  for (let step = first; step; step = step.next) for (const run of step.runs) c.records.endLater(run, 'skipped');
}

/** The message's last statement is complete if its COMMIT was; an error of the COMMIT has been shown. */
function endWrapped(c: Conversation, { committed, ends }: PendingQuery, status: TransactionStatus): boolean {
  const held = ends?.heldComplete;
  if (held && committed) c.toClient.add(held.bytes);
  if (held)
    c.records.end(held.run, committed ? 'ok' : 'error', { changed: committed ? held.changed : 0, tag: held.tag });
  if (status === 'I' || !ends) return true;
  // A client's own cancel can hit COMMIT or ROLLBACK before it has any effect: the guard's transaction must still end.
  c.deferred = { kind: 'end-wrapped', query: ends, commit: false };
  return false;
}

/** The server knows of no error: it gave all that it was asked for. */
function tellQueryCut(c: Conversation, query: PendingQuery): void {
  const at = query.runs.findIndex((run) => run.cut);
  tellCut(c, query.runs[at]!);
  skipBehind(c, query, at);
  query.told = true;
}
