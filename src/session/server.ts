/** What the server sends: each message is the answer to the oldest one that is still open, or comes by itself. */
import {
  decodeErrorBeginning,
  decodeErrorFields,
  type ErrorFields,
  errorResponse,
  isFatal,
  noticeResponse,
} from '../wire/error-response.ts';
import { type Frame, FrameReader, SERVER_LIMITS } from '../wire/frame-reader.ts';
import { Backend } from '../wire/message-types.ts';
import { decodeParameterStatus } from '../wire/parameter-status.ts';
import { ProtocolError } from '../wire/protocol-error.ts';
import { decodeReadyForQuery, type TransactionStatus } from '../wire/ready-for-query.ts';
import { AddedColumn, violationIn, withoutAdded } from './added-column.ts';
import { endAtCanary } from './canaries.ts';
import { type Conversation, OF_LITERALS } from './conversation.ts';
import { endMisplaced, isOfCut } from './copy-in.ts';
import { tellCut } from './flow.ts';
import { Late } from './late.ts';
import { endsBatch, type Pending, type PendingFunctionCall, type PendingSync } from './pending.ts';
import { poolerWords } from './pooler-words.ts';
import type { SessionPolicy } from './ports.ts';
import { clientPosition } from './positions.ts';
import { type Origin, redact } from './redact.ts';
import { refusalResponse } from './refusal-response.ts';
import { isForced, tellForced } from './refuse.ts';
import type { Run } from './run.ts';
import { answerExtended } from './server-extended.ts';
import { answerQuery, failQuery, readyAfterQuery } from './server-query.ts';
import { readsNoRow, showsColumnsFirst } from './watching.ts';

export class ServerSide {
  private readonly reader = new FrameReader(SERVER_LIMITS);
  private readonly late = new Late();
  private readonly added = new AddedColumn();
  /** A frame that waits for the budget. */
  private held: Frame | undefined;
  private paused = false;
  /** The last pieces' first one was dropped, so these are too. */
  private dropping = false;

  constructor(private readonly c: Conversation) {}

  push(chunk: Uint8Array): void {
    this.reader.push(chunk);
    this.pump();
  }

  /** The budget may be asked again for what is held back. */
  goOn(): void {
    this.c.goOn();
    this.pump();
  }

  /** Takes what can be taken now. INVARIANT: behind a frame that waits for the budget nothing is taken, not even what has come. */
  private pump(): void {
    const { c } = this;
    while (!c.closed && !c.stalled) {
      const frame = this.held ?? this.next();
      if (frame === undefined) break;
      this.held = undefined;
      this.take(frame);
      if (c.stalled) this.held = frame;
    }
    this.pause(c.stalled !== undefined);
  }

  private pause(paused: boolean): void {
    if (paused === this.paused || this.c.closed) return;
    this.paused = paused;
    this.c.ports.pauseServer(paused);
  }

  /** The next frame, without what the guard has added to it. */
  private next(): Frame | undefined {
    for (let frame = this.reader.next(); frame; frame = this.reader.next()) {
      const left = this.added.take(this.c.pending.head, frame);
      if (this.added.late) endAtCanary(this.c, this.added.late);
      if (this.c.closed) return undefined;
      if (left) return left;
    }
    return undefined;
  }

  private take(frame: Frame): void {
    const { c } = this;
    if (frame.first) {
      const shown = this.answer(frame);
      if (c.stalled) return;
      this.dropping = !shown;
    }
    if (this.dropping) return;
    c.toClient.add(frame.bytes);
    c.midFrame = !frame.last;
    c.tellNotices();
  }

  /** @returns whether the frame goes to the client as it is. */
  private answer(frame: Frame): boolean {
    const { c } = this;
    switch (frame.type) {
      case Backend.ParameterStatus:
        this.follow(frame);
        return !this.late.takes(c, frame);
      case Backend.NotificationResponse:
        return hears(c.ports.policy()) && !this.late.takes(c, frame);
      case Backend.NoticeResponse:
        return this.notice(frame);
      case Backend.ErrorResponse:
        return this.error(frame);
      case Backend.ReadyForQuery:
        return this.ready(frame);
      default:
        return this.success(frame, c.pending.head);
    }
  }

  private success(frame: Frame, head: Pending | undefined): boolean {
    const { c } = this;
    // INVARIANT: an answer that we do not expect goes nowhere, and what was bound to fail must fail.
    if (!head) throw new ProtocolError('server sent an answer to nothing');
    if (head.forced) throw new ProtocolError('a message that is bound to fail did not fail');
    switch (head.kind) {
      case 'query':
        return answerQuery(c, head, frame);
      case 'function-call':
        if (frame.type !== Backend.FunctionCallResponse) throw new ProtocolError('server sent an unexpected message');
        if (head.run) c.records.end(head.run, 'ok');
        return true;
      case 'sync':
        throw new ProtocolError('server sent an unexpected message');
      default:
        return answerExtended(c, head, frame);
    }
  }

  private follow(frame: Frame): void {
    const { name, value } = decodeParameterStatus(frame.bytes);
    if (name === 'application_name') this.c.records.application = value;
    if (OF_LITERALS.includes(name)) this.c.settings.set(name, value);
  }

  private notice(frame: Frame): boolean {
    const { c } = this;
    if (!c.redacts && frame.last) return true;
    const fields = fieldsOf(frame);
    c.toClient.add(noticeResponse(c.redacts ? redact(fields, originOf(c), frame.last) : fields));
    return false;
  }

  private error(frame: Frame): boolean {
    const { c } = this;
    const fields = fieldsOf(frame);
    const head = c.pending.head;
    if (isFatal(fields)) {
      c.fatal = true;
      const instead = c.ports.pooling && poolerWords(fields);
      c.toClient.add(instead ? errorResponse(instead) : this.shown(fields, frame, head));
      return false;
    }
    if (!head) throw new ProtocolError('server sent an error to nothing');
    const { misplaced } = c;
    c.misplaced = undefined;
    if (misplaced && fields.get('M')?.includes(misplaced.id)) {
      endMisplaced(c, misplaced.type);
      return false;
    }
    c.life.failed = true;
    const run = runOf(head);
    if (head.forced && isForced(head.forced, fields)) tellForced(c, head.forced);
    else if (run?.cut && isOfCut(c, run, fields)) tellCut(c, run);
    else if (!isKnown(head) && !this.violates(head, fields)) c.toClient.add(this.shown(fields, frame, head));
    this.fail(head, fields.get('C'));
    return false;
  }

  /** A new row may not stand: the client is told so, in the place of what the server said of it. */
  private violates(head: Pending, fields: ErrorFields): boolean {
    const { c } = this;
    const reason = violationIn(head, fields);
    const run = runOf(head);
    if (!reason || !run) return false;
    c.ports.budget.event(run.policy, 'refusal');
    c.toClient.add(refusalResponse(reason, run.id));
    c.records.end(run, 'refused', { refusal: reason });
    return true;
  }

  /** The server's error as the client may see it. */
  private shown(said: ErrorFields, frame: Frame, head: Pending | undefined): Uint8Array {
    const { c } = this;
    const fields = withoutAdded(said, head);
    const rendered = head && 'rendered' in head ? head.rendered : undefined;
    const position = Number(fields.get('P'));
    const moved =
      rendered && Number.isInteger(position) && (rendered.judgement.edits.length > 0 || rendered.leads !== undefined);
    if (!c.redacts && !moved && frame.last && fields === said) return frame.bytes;
    const shown = new Map(c.redacts ? redact(fields, originOf(c), frame.last) : fields);
    if (moved && shown.has('P')) shown.set('P', String(clientPosition(rendered, position)));
    return errorResponse(shown);
  }

  /** What an error does to the message that it answers, and to those behind it. */
  private fail(head: Pending, sqlstate: string | undefined): void {
    const { c } = this;
    const run = runOf(head) ?? head.conversion?.run;
    if (run) c.records.end(run, 'error', { sqlstate });
    for (const [at, other] of (head.forced?.runs ?? []).entries())
      c.records.end(other, at === 0 ? 'error' : 'skipped', { sqlstate });
    const syncCame = c.copyIn !== undefined && c.syncInCopy;
    c.endCopyIn();
    if (endsBatch(head)) {
      if (head.kind === 'query') failQuery(c, head);
      return;
    }
    c.pending.shift();
    c.settle(head, 'failed');
    this.skip();
    if (head.conversion) {
      c.skipping = false;
      c.debt = { kind: 'sync', conversion: undefined };
    } else if (syncCame) c.debt = { kind: 'sync', conversion: undefined };
  }

  /** After an error the server drops everything up to Sync: what was sent already, and what the client is still to send. */
  private skip(): void {
    const { c } = this;
    for (let head = c.pending.head; head; head = c.pending.head) {
      if (head.kind === 'sync') return;
      c.pending.shift();
      c.settle(head, 'skipped');
    }
    c.skipping = true;
  }

  private ready(frame: Frame): boolean {
    const { c } = this;
    const status = decodeReadyForQuery(frame.bytes);
    const head = c.pending.shift();
    if (!head || !endsBatch(head)) throw new ProtocolError('server is ready while it owes an answer');
    c.status = status;
    c.settle(head, 'done');
    c.life.ready(status !== 'I');
    if (status === 'I' && c.ports.pooling === 'transaction') {
      // INVARIANT: outside a transaction the next connection's unnamed statement may be another client's.
      c.statements.drop((version) => version.name === '' && version.batch <= head.batch);
    }
    const shown =
      head.kind === 'query'
        ? readyAfterQuery(c, head, status)
        : readyAfterBatch(c, head as PendingSync | PendingFunctionCall, status);
    if (shown) this.late.release(c.toClient);
    return shown;
  }
}

function readyAfterBatch(c: Conversation, head: PendingSync | PendingFunctionCall, status: TransactionStatus): boolean {
  const { run, complete } = head.conversion ?? {};
  if (complete && run && !run.ended) {
    c.toClient.add(complete.bytes);
    c.records.end(run, 'ok', { changed: complete.changed });
  }
  if (head.kind === 'function-call' || !head.mustFail || status !== 'T') return true;
  c.debt = { kind: 'fail-transaction' };
  return false;
}

/** Of a transaction that the guard makes fail or ends without COMMIT the client knows why, whatever the server says: it may be the client's own cancel. */
function isKnown(head: Pending): boolean {
  return head.kind === 'query' && (head.part === 'fail' || (head.part === 'end' && !head.commits));
}

/** Of a message that comes in pieces only the first is read, and the others are dropped: it quotes a value of a client's, or a function's. */
function fieldsOf(frame: Frame): ErrorFields {
  return frame.last ? decodeErrorFields(frame.bytes) : decodeErrorBeginning(frame.bytes);
}

/** INVARIANT: what other sessions notify reaches a role only while it may LISTEN, whatever the server was once told. */
function hears(policy: SessionPolicy | undefined): boolean {
  if (!policy) return false;
  const { access, mode, statements } = policy.role;
  return access === 'unrestricted' || mode === 'observe' || statements.has('listen');
}

function originOf({ copyIn, pending: { head } }: Conversation): Origin {
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

function runOf(head: Pending): Run | undefined {
  switch (head.kind) {
    case 'query':
      if (head.part === 'begin') return head.next?.runs[0];
      return head.cut ? head.runs.find((run) => run.cut) : head.runs[head.at];
    case 'execute':
    case 'function-call':
      return head.run;
    default:
      return undefined;
  }
}
