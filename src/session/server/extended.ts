/** The answers to Parse, Bind, Describe, Execute and Close. */

import { decodeCommandComplete } from '../../protocol/command-complete.ts';
import type { Frame } from '../../protocol/frame-reader.ts';
import { Backend } from '../../protocol/message-types.ts';
import { MessageWriter } from '../../protocol/message-writer.ts';
import { decodeParameterDescription, parameterDescription } from '../../protocol/parameter-description.ts';
import { unexpectedMessage } from '../../protocol/protocol-error.ts';
import type { Conversation } from '../state/conversation.ts';
import type { Execution } from '../state/execution.ts';
import type { PendingBind, PendingDescribe, PendingExecute, PendingReply } from '../state/pending-replies.ts';
import { applyNames } from '../state/sql-names.ts';
import { countIn } from './answer-grammar.ts';
import { tellCut } from './cut-off.ts';
import { descriptionOf } from './description.ts';
import { admitRow, admitSuspended, admitTag, holdEnd, rowsChanged, shownTag, tellTag, verify } from './row-flow.ts';
import { settle } from './settle.ts';
import { isAboutSubjects } from './shown-columns.ts';

type Extended = Exclude<PendingReply, { kind: 'query' | 'sync' | 'function-call' }>;

/** @returns whether the frame goes to the client. */
export function answerExtended(c: Conversation, head: Extended, frame: Frame): boolean {
  switch (head.kind) {
    case 'parse':
      return acknowledge(c, head, frame, Backend.ParseComplete);
    case 'bind':
      return acknowledge(c, head, frame, Backend.BindComplete);
    case 'close':
      return acknowledge(c, head, frame, Backend.CloseComplete);
    case 'describe':
      return answerDescribe(c, head, frame);
    case 'execute':
      return answerExecute(c, head, frame);
  }
}

function acknowledge(c: Conversation, head: Extended, frame: Frame, expected: number): boolean {
  if (frame.type !== expected) throw unexpectedMessage();
  if (head.kind === 'bind') tellLeftOut(c, head);
  done(c, head);
  return !head.own;
}

/** The Parse that was left out has its answer in its place. */
export function tellLeftOut(c: Conversation, { leftOut }: PendingBind): void {
  if (leftOut && !leftOut.own) c.toClient.add(new MessageWriter(Backend.ParseComplete).finish());
}

function done(c: Conversation, head: Extended): void {
  c.pending.shift();
  settle(c, head, 'done');
}

function answerDescribe(c: Conversation, head: PendingDescribe, frame: Frame): boolean {
  switch (frame.type) {
    case Backend.ParameterDescription:
      if (head.owes !== 'parameters') throw unexpectedMessage();
      head.owes = 'columns';
      return !head.own && ownParameters(c, head, frame);
    case Backend.RowDescription:
      if (head.owes !== 'columns') throw unexpectedMessage();
      learn(head, frame);
      break;
    case Backend.NoData:
      if (head.owes !== 'columns') throw unexpectedMessage();
      learn(head, null);
      break;
    default:
      throw unexpectedMessage();
  }
  done(c, head);
  if (head.own) return false;
  if (!head.conversion) return true;
  // A Query shows no NoData, and nothing of columns that may not be read.
  if (frame.type === Backend.RowDescription && head.run && verify(c, head.run)) {
    // As of a Query: of a read that cannot be cut off any more, the columns show before it runs.
    if (head.conversion.sync && head.run.statement.kind.kind === 'read') return true;
    head.conversion.description = new Uint8Array(frame.bytes);
  }
  return false;
}

/** The client sees its own parameters; those after them are the guard's. */
function ownParameters(c: Conversation, { parameters, rendered }: PendingDescribe, frame: Frame): boolean {
  // Without any of the guard's the server alone knows how many there are: not every text is analyzed.
  if (parameters === undefined || !rendered?.added.length) return true;
  const types = decodeParameterDescription(frame.bytes);
  c.toClient.add(parameterDescription(types.slice(0, parameters)));
  return false;
}

/** Takes in what the columns are: whether they may be read, and what the client will have been shown. */
function learn(head: PendingDescribe, frame: Frame | null): void {
  const { prepared, provenance, renewal, policy } = head;
  const description = descriptionOf(policy, frame ? frame.bytes : null);
  const looked = policy.role.access === 'restricted' || isAboutSubjects(policy.subjectKeys);
  if (looked) provenance.learn(description);
  else provenance.verdict = 'verified';
  provenance.fields = frame ? countIn(frame.bytes, 0, frame.length) : 'none';
  if (prepared && !head.own) prepared.described = description.digest;
  if (!renewal) return;
  const before = renewal.prepared;
  if (before.described !== undefined && before.described !== description.digest) before.columnsChanged = true;
  before.rendered = renewal.renewed.rendered;
  before.statement = renewal.renewed.statement;
  before.policy = renewal.renewed.policy;
  before.provenance = provenance;
}

function answerExecute(c: Conversation, head: PendingExecute, frame: Frame): boolean {
  const shown = answerRun(c, head, frame);
  const { conversion } = head;
  if (conversion?.description && !head.run?.cut && !c.stalled) {
    c.toClient.add(conversion.description);
    conversion.description = undefined;
  }
  return shown;
}

function answerRun(c: Conversation, head: PendingExecute, frame: Frame): boolean {
  const { run } = head;
  if (head.own) {
    if (frame.type === Backend.CommandComplete) done(c, head);
    return false;
  }
  if (frame.type === Backend.EmptyQueryResponse && !run) {
    done(c, head);
    return true;
  }
  if (!run) throw unexpectedMessage();
  switch (frame.type) {
    case Backend.DataRow:
      run.grammar.rowOfPortal(frame, run.watch.provenance.fields, run.rows, head.maxRows);
      return admitRow(c, run, frame);
    case Backend.CopyData:
      run.grammar.copyOut(frame.type);
      return admitRow(c, run, frame);
    case Backend.CopyOutResponse:
      run.grammar.beginsCopy(frame.type);
      return verify(c, run);
    case Backend.CopyDone:
      run.grammar.copyOut(frame.type);
      return verify(c, run) && holdEnd(run, frame);
    case Backend.CopyInResponse:
      run.grammar.beginsCopy(frame.type);
      c.beginCopyIn(run);
      return true;
    case Backend.CommandComplete: {
      const tag = decodeCommandComplete(frame.bytes);
      run.grammar.complete(tag, c.copyIn);
      if (!admitTag(c, run, tag)) return c.stalled ? false : endCut(c, head, run);
      return verify(c, run) ? complete(c, head, run, frame, tag) : endCut(c, head, run);
    }
    case Backend.PortalSuspended:
      // Rows that are shown to no one are not counted.
      if (!run.cut && !c.unheard) run.grammar.suspended(run.rows, head.maxRows);
      if (!admitSuspended(run)) return endCut(c, head, run);
      return verify(c, run) ? complete(c, head, run, frame) : endCut(c, head, run);
    default:
      throw unexpectedMessage();
  }
}

/** @param tag of CommandComplete; absent if the portal was suspended. */
function complete(c: Conversation, head: PendingExecute, run: Execution, frame: Frame, tag?: string): boolean {
  done(c, head);
  c.endCopyIn();
  if (tag !== undefined) {
    if (head.rendered && head.portal?.madeBy === 'bind') applyNames(c, run, head.rendered, tag);
    const changed = rowsChanged(tag, run);
    if (head.conversion) {
      // PostgreSQL commits before it says that a Query's statement is complete.
      head.conversion.complete = { bytes: shownTag(run, tag) ?? new Uint8Array(frame.bytes), changed, tag };
      if (head.conversion.sync) {
        c.block(head.conversion.sync);
        return false;
      }
      c.deferred = { kind: 'sync', conversion: head.conversion };
      return false;
    }
    c.records.end(run, 'ok', { changed, tag });
    return !tellTag(c, run, tag);
  }
  c.records.end(run, 'ok');
  return true;
}

/** The statement was cut off and ended by itself: the server knows of no error, and must be made to. */
function endCut(c: Conversation, head: PendingExecute, run: Execution): boolean {
  const { barrier } = c;
  // Only a Sync may follow a statement that can be cut off. The columns of this prepared one were known, and now have another origin: its table was
  // recreated while it was sent. What followed cannot be undone.
  if (barrier?.until !== head) {
    c.records.end(run, 'cut', { sqlstate: run.cut!.sqlstate });
    c.end(run.cut);
    return false;
  }
  done(c, head);
  c.endCopyIn();
  if (barrier.sync) {
    tellCut(c, run);
    barrier.sync.mustFail = true;
    c.block(barrier.sync);
  } else {
    c.deferred = { kind: 'fail-statement', run, conversion: head.conversion };
  }
  return false;
}
