/** Errors and notices of the server: what they answer, what the client may see of them, and what an error does to later messages. */
import {
  decodeErrorBeginning,
  decodeErrorFields,
  type ErrorFields,
  errorResponse,
  isFatal,
  noticeResponse,
} from '../../protocol/error-response.ts';
import type { Frame } from '../../protocol/frame-reader.ts';
import { ProtocolError } from '../../protocol/protocol-error.ts';
import { endMisplaced, isOfCut } from '../client/copy-in.ts';
import { completeUnsent } from '../client/local-answers.ts';
import { clientPosition } from '../client/positions.ts';
import { refusalResponse } from '../client/refusal-response.ts';
import { isForced, tellForced } from '../client/refuse.ts';
import { beginFallback } from '../reuse/text-fallback.ts';
import type { SessionPolicy } from '../session-policy.ts';
import type { Conversation } from '../state/conversation.ts';
import type { Execution } from '../state/execution.ts';
import { readsNoRow, showsColumnsFirst } from '../state/execution-rules.ts';
import { endsBatch, type PendingQuery, type PendingReply } from '../state/pending-replies.ts';
import { violationIn, withoutAdded } from './added-column.ts';
import { tellCut } from './cut-off.ts';
import { tellLeftOut } from './extended.ts';
import { mayTellEnd } from './later-windows.ts';
import { failQuery } from './query.ts';
import { type ErrorOrigin, redact } from './redact.ts';
import { settle } from './settle.ts';

/** A NoticeResponse. @returns whether it goes to the client as it is. */
export function answerNotice(c: Conversation, frame: Frame): boolean {
  const { head } = c.pending;
  if (head?.kind === 'query' && head.part === 'client') completeUnsent(c, head);
  // Each time that the text is read it would be said again.
  if ((head?.kind === 'parse' || head?.kind === 'bind') && head.plan) c.plans.forget(head.plan);
  if (!c.redacts && frame.last) return true;
  const fields = fieldsOf(frame);
  if (c.redacts && mayTellOfPeople(head, c.policy()) && !isOfTransaction(fields)) return false;
  c.toClient.add(noticeResponse(c.redacts ? redact(fields, originOf(c), frame.last) : fields));
  return false;
}

/**
 * INVARIANT 72: a notice may disclose people that its statement does not show, and one that a COMMIT brings about is of any statement before it, cursors WITH
 * HOLD too. If a role's people are counted, none is passed on but those about a text that is only parsed.
 */
function mayTellOfPeople(head: PendingReply | undefined, policy: SessionPolicy | undefined): boolean {
  return head?.kind !== 'parse' && (policy?.role.limitedSubjects?.size ?? 0) > 0;
}

/** Class 25 from the server's own source file: there is a transaction, or there is none. RAISE may use the class, but reports another file. */
function isOfTransaction(fields: ErrorFields): boolean {
  return fields.get('C')?.startsWith('25') === true && fields.get('F') === 'xact.c';
}

interface ErrorAnswer {
  readonly fields: ErrorFields;
  readonly frame: Frame;
  /** The fields are those of the frame, which is whole. */
  readonly verbatim: boolean;
}

/** An ErrorResponse: to the oldest message that is still open, or the end of the session. @returns false: what the client sees of it was sent. */
export function answerError(c: Conversation, frame: Frame): false {
  const said = fieldsOf(frame);
  const head = c.pending.head;
  const meant = c.overtime && said.get('C') === CANCELED ? timedOut(said) : said;
  const fields = head?.assertion ? meant : c.pins.told(meant);
  const answer = { fields, frame, verbatim: fields === said && frame.last };
  if (isFatal(fields)) {
    const running = head && runOf(head);
    if (running && !running.cut && !mayTellEnd(c, running)) return false;
    c.fatal = true;
    const instead = c.ports.pooling && poolerWords(fields);
    c.toClient.add(instead ? errorResponse(instead) : shown(c, answer, head));
    return false;
  }
  if (!head) {
    answerFlush(c, answer);
    return false;
  }
  if (beginFallback(c, head, meant)) return false;
  const run = runOf(head);
  const isUnpaid = run !== undefined && !run.cut && !mayTellEnd(c, run);
  if (c.stalled) return false;
  if (head.kind === 'bind' && !head.fallback) tellLeftOut(c, head);
  const { misplaced } = c;
  c.misplaced = undefined;
  if (misplaced && fields.get('M')?.includes(misplaced.id)) {
    endMisplaced(c, misplaced.type);
    return false;
  }
  if (head.kind === 'query' && head.part === 'client' && !head.forced) completeUnsent(c, head);
  c.life.failed = true;
  if (head.assertion && !c.pins.failed(head.batch, fields)) {
    if (!c.closed) fail(c, head, fields.get('C'));
    return false;
  }
  if (head.kind === 'query' && head.part === 'undo') c.pins.notUndone(fields);
  if (head.forced && isForced(head.forced, fields)) tellForced(c, head.forced);
  else if (run?.cut && (isUnpaid || isOfCut(c, run, fields))) tellCut(c, run);
  else if (!isKnown(head) && !violates(c, head, fields)) c.toClient.add(shown(c, answer, head));
  fail(c, head, fields.get('C'));
  return false;
}

/**
 * An error while everything is answered: if `statement_timeout` strikes at the very end of a message, the server reports it when it has read the next
 * one, which may be the guard's Flush, which has no answer. The server drops what comes up to Sync, and undoes what the batch did.
 */
function answerFlush(c: Conversation, answer: ErrorAnswer): void {
  const { deferred } = c;
  const conversion = deferred && 'conversion' in deferred ? deferred.conversion : undefined;
  const isCut = deferred?.kind === 'fail-statement';
  if (!c.batchOpen || c.unflushed || c.skipping || (deferred && !isCut && !conversion))
    throw new ProtocolError('server sent an error to nothing');
  c.life.failed = true;
  if (isCut) tellCut(c, deferred.run);
  else c.toClient.add(shown(c, answer, undefined));
  if (conversion) c.records.end(conversion.run, 'error', { sqlstate: answer.fields.get('C') });
  else c.skipping = true;
  c.deferred = conversion ? { kind: 'sync', conversion: undefined } : undefined;
}

/** A new row is not allowed: the client gets the refusal instead of the server's error. */
function violates(c: Conversation, head: PendingReply, fields: ErrorFields): boolean {
  const reason = violationIn(head, fields);
  const run = runOf(head);
  if (!reason || !run) return false;
  c.ports.budget.event(run.policy, 'refusal', run.person?.user);
  c.toClient.add(refusalResponse(reason, run.id));
  c.records.end(run, 'refused', { refusal: reason });
  return true;
}

/** The server's error as the client may see it. */
function shown(c: Conversation, answer: ErrorAnswer, head: PendingReply | undefined): Uint8Array {
  const { frame, verbatim } = answer;
  const fields = withoutAdded(answer.fields, head);
  const rendered = head && 'rendered' in head ? head.rendered : undefined;
  const position = Number(fields.get('P'));
  const moved =
    rendered && Number.isInteger(position) && (rendered.judgement.edits.length > 0 || rendered.leads !== undefined);
  if (!c.redacts && !moved && verbatim && fields === answer.fields) return frame.bytes;
  const mapped = new Map(c.redacts ? redact(fields, originOf(c), frame.last) : fields);
  if (moved && mapped.has('P')) mapped.set('P', String(clientPosition(rendered, position)));
  if (c.redacts && isOfAccount(fields) && !mapped.has('H')) mapped.set('H', OF_ACCOUNT);
  return errorResponse(mapped);
}

const OF_ACCOUNT =
  'The database server refused this, not Rowgate: its account lacks a right. "rowgate check" names the GRANT.';

/** A right that the account does not have at the server; what code raises by itself has a context. */
function isOfAccount(fields: ErrorFields): boolean {
  const raised = fields.has('W') || fields.has('q');
  return !raised && fields.get('C') === '42501' && fields.get('R')?.startsWith('aclcheck_error') === true;
}

/** query_canceled */
const CANCELED = '57014';

/** The guard cancelled it: the client gets PostgreSQL's error for a statement that runs for too long. */
function timedOut(said: ErrorFields): ErrorFields {
  return new Map(said).set('M', 'canceling statement due to statement timeout');
}

/** The effect of an error on the message that it answers, and on later ones. */
function fail(c: Conversation, head: PendingReply, sqlstate: string | undefined): void {
  const run = runOf(head) ?? head.conversion?.run;
  if (run) c.records.end(run, 'error', { sqlstate });
  const [first, ...others] = head.forced?.runs ?? [];
  if (first) c.records.end(first, 'error', { sqlstate });
  for (const other of others) c.records.endLater(other, 'skipped');
  const syncCame = c.copyIn !== undefined && c.syncInCopy;
  c.endCopyIn();
  if (endsBatch(head)) {
    if (head.kind === 'query') failQuery(c, head);
    return;
  }
  c.pending.shift();
  settle(c, head, 'failed');
  skip(c);
  if (head.conversion && !head.conversion.sync) {
    c.skipping = false;
    c.deferred = { kind: 'sync', conversion: undefined };
  } else if (syncCame) c.deferred = { kind: 'sync', conversion: undefined };
}

/** After an error the server drops everything up to Sync: what was already sent, and what the client is still to send. */
function skip(c: Conversation): void {
  for (let head = c.pending.head; head; head = c.pending.head) {
    if (head.kind === 'sync') return;
    c.pending.shift();
    settle(c, head, 'skipped');
  }
  c.skipping = true;
}

/** Of a transaction that the guard makes fail or ends without COMMIT the client knows why, whatever the server says: it may be the client's own cancel. */
function isKnown(head: PendingReply): boolean {
  return head.kind === 'query' && (ANSWERED_OTHERWISE.has(head.part) || (head.part === 'end' && !head.commits));
}

const ANSWERED_OTHERWISE: ReadonlySet<PendingQuery['part']> = new Set(['fail', 'prepare', 'undo']);

/** Of a message that comes in pieces only the first is read, and the others are dropped: it quotes a value of a client's, or a function's. */
function fieldsOf(frame: Frame): ErrorFields {
  return frame.last ? decodeErrorFields(frame.bytes) : decodeErrorBeginning(frame.bytes);
}

function originOf({ copyIn, pending: { head } }: Conversation): ErrorOrigin {
  switch (head?.kind) {
    case 'parse':
      return 'analysis';
    case 'query': {
      const run = head.part === 'client' && !head.begun ? head.runs[head.at] : undefined;
      if (!run) return 'running';
      return showsColumnsFirst(run.statement.kind) ? 'unread' : 'beginning';
    }
    case 'execute':
      // The data of a COPY is the client's; but triggers may read more.
      return head.run && copyIn === undefined && readsNoRow(head.run.statement.kind) ? 'unread' : 'running';
    default:
      return 'running';
  }
}

function runOf(head: PendingReply): Execution | undefined {
  switch (head.kind) {
    case 'query':
      if (head.part === 'begin') return head.next?.runs[0];
      return head.cut ? head.runs.find((run) => run.cut) : head.runs[head.at];
    case 'bind':
      return head.run?.continuedBy ?? head.run;
    case 'execute':
    case 'function-call':
      return head.run;
    default:
      return undefined;
  }
}

/** The server's own words about the session itself: it stops, it was told to end, it waited too long. */
const OF_SESSION = /^(57P0[1-5]|25P0[34])$/;

/**
 * Replaces a FATAL error that came through a pooler; undefined if it may be shown itself. A client must not read the name of an upstream account, an
 * address, or that Rowgate's password is wrong (it would look for the mistake in its own).
 */
function poolerWords(fields: ErrorFields): ErrorFields | undefined {
  const sqlstate = fields.get('C') ?? '';
  if (OF_SESSION.test(sqlstate)) return undefined;
  const own = { S: 'FATAL', V: 'FATAL' };
  const words =
    sqlstate === '53300'
      ? { C: sqlstate, M: 'the database server has no connection left' }
      : { C: '08006', M: 'the connection to the database server was lost' };
  return new Map(Object.entries({ ...own, ...words }));
}
