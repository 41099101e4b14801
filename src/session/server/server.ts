/** What the server sends: each message is the answer to the oldest one that is still open, or comes by itself. */
import { isReadByPlans } from '../../guard/stages/plan-effects.ts';
import { type Frame, FrameReader, SERVER_LIMITS } from '../../protocol/frame-reader.ts';
import { Backend } from '../../protocol/message-types.ts';
import { decodeParameterStatus } from '../../protocol/parameter-status.ts';
import { ProtocolError, unexpectedMessage } from '../../protocol/protocol-error.ts';
import { decodeReadyForQuery, type TransactionStatus } from '../../protocol/ready-for-query.ts';
import type { SessionPolicy } from '../ports.ts';
import { changedBy } from '../results/added-keys.ts';
import { endAtCanary } from '../results/canaries.ts';
import { type Conversation, OF_LITERALS } from '../state/conversation.ts';
import type { Outbox } from '../state/outbox.ts';
import { endsBatch, type PendingFunctionCall, type PendingReply, type PendingSync } from '../state/pending-replies.ts';
import { AddedColumn } from './added-column.ts';
import { answerError, answerNotice } from './error.ts';
import { answerExtended } from './extended.ts';
import { mayTellCommit } from './later-windows.ts';
import { answerQuery, readyAfterQuery } from './query.ts';
import { RowBatch } from './row-batch.ts';
import { settle } from './settle.ts';

/** What may wait, in bytes: beyond that they pass at once, which no client minds. */
const MOST = 1 << 20;

class DeferredNotifications {
  private frames: Pick<Frame, 'type' | 'bytes'>[] = [];
  private size = 0;

  /** @returns whether the frame waits. */
  takes(c: Conversation, frame: Frame): boolean {
    if (!frame.last || this.size + frame.length > MOST || !(this.frames.length > 0 || hidesAnEnd(c))) return false;
    this.frames.push({ type: frame.type, bytes: new Uint8Array(frame.bytes) });
    this.size += frame.length;
    return true;
  }

  /** Before a ReadyForQuery that the client sees: notifications first, as from the server. */
  release(toClient: Outbox): void {
    if (this.frames.length === 0) return;
    for (const { type, bytes } of this.frames) if (type === Backend.NotificationResponse) toClient.add(bytes);
    for (const { type, bytes } of this.frames) if (type !== Backend.NotificationResponse) toClient.add(bytes);
    this.frames = [];
    this.size = 0;
  }
}

/** Does the client wait for a CommandComplete that the server has sent, or is on the way to? */
function hidesAnEnd({ deferred, pending: { head } }: Conversation): boolean {
  if (deferred) return true;
  switch (head?.kind) {
    case 'query':
      return head.wrapped || head.next !== undefined || head.part !== 'client';
    case 'sync':
      return head.conversion !== undefined;
    default:
      return false;
  }
}

/** What tells how a transaction has ended. */
const ENDS: ReadonlySet<number> = new Set([Backend.ErrorResponse, Backend.CommandComplete, Backend.ReadyForQuery]);

/** To look at the clock at each row of a million would cost more than the row. */
const BETWEEN_LOOKS = 32;

export class ServerSide {
  private readonly reader = new FrameReader(SERVER_LIMITS);
  private readonly late = new DeferredNotifications();
  private readonly added = new AddedColumn();
  /** A frame that waits for the budget. */
  private held: Frame | undefined;
  private paused = false;
  /** The last pieces' first one was dropped, so these are too. */
  private dropping = false;

  private readonly many: RowBatch;

  constructor(private readonly c: Conversation) {
    this.many = new RowBatch(c);
  }

  push(chunk: Uint8Array): void {
    this.reader.push(chunk);
    this.pump();
  }

  /** The budget may be asked again for what is held back. */
  goOn(): void {
    this.c.goOn();
    this.pump();
  }

  /** Takes the frames that can be taken now. After a frame that waits for the budget none is taken, even if it has come. */
  pump(): void {
    const { c } = this;
    let taken = 0;
    while (!c.closed && !c.stalled && !c.waitsForTurn && c.writeOutcomes()) {
      if (taken === BETWEEN_LOOKS) {
        taken = 0;
        if (this.reader.holds && c.mustYield()) break;
      }
      taken += 1;
      if (!this.held && this.many.pass(this.reader)) continue;
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
      const { late } = this.added;
      if (late) {
        endAtCanary(this.c, late);
        if (late.watch.check?.added === 'only') late.changes = [...late.changes, ...changedBy(late)];
      }
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
    if (ENDS.has(frame.type) && !mayTellCommit(c)) return false;
    switch (frame.type) {
      case Backend.ParameterStatus:
        this.follow(frame);
        return !c.closed && !this.late.takes(c, frame);
      case Backend.NotificationResponse:
        return hears(c.ports.policy()) && !this.late.takes(c, frame);
      case Backend.NoticeResponse:
        return answerNotice(c, frame);
      case Backend.ErrorResponse:
        return answerError(c, frame);
      case Backend.ReadyForQuery:
        return this.ready(frame);
      default:
        return this.success(frame, c.pending.head);
    }
  }

  private success(frame: Frame, head: PendingReply | undefined): boolean {
    const { c } = this;
    // INVARIANT 87: an unexpected answer is not passed on, and a message that was bound to fail must fail.
    if (!head) throw new ProtocolError('server sent an answer to nothing');
    if (head.forced) throw new ProtocolError('a message that is bound to fail did not fail');
    switch (head.kind) {
      case 'query':
        return answerQuery(c, head, frame);
      case 'function-call':
        if (frame.type !== Backend.FunctionCallResponse || head.run?.ended) throw unexpectedMessage();
        if (head.run) c.records.end(head.run, 'ok');
        return true;
      case 'sync':
        throw unexpectedMessage();
      default:
        return answerExtended(c, head, frame);
    }
  }

  private follow(frame: Frame): void {
    const { name, value } = decodeParameterStatus(frame.bytes);
    if (name === 'application_name') this.c.records.application = value;
    // What the server has read by a setting does not outlive it.
    if (isReadByPlans(name)) this.c.plans.drop();
    if (OF_LITERALS.includes(name)) this.c.settings.set(name, value);
    // Whether it is the one that it should be shows once the end of a transaction has been followed.
    if (name === 'search_path') this.c.reportedPath = value;
    else this.c.pins.reported(name, value);
  }

  private ready(frame: Frame): boolean {
    const { c } = this;
    const status = decodeReadyForQuery(frame.bytes);
    const head = c.pending.shift();
    if (!head || !endsBatch(head)) throw new ProtocolError('server is ready while it owes an answer');
    c.status = status;
    // ROLLBACK TO goes on with a failed transaction, whose COMMIT still reads them.
    if (status === 'I') c.atCommit = [];
    c.overtime = false;
    settle(c, head, 'done');
    c.records.endBound(head.batch);
    if (status === 'I') for (const setting of [c.token, c.path]) setting.ended(!c.life.failed);
    if (c.tokenMovesIn !== undefined && c.tokenMovesIn <= head.batch) c.tokenMovesIn = undefined;
    if (c.pathMovesIn !== undefined && c.pathMovesIn <= head.batch) c.pathMovesIn = undefined;
    // In a failed transaction the server has undone at once what its end is still to undo here.
    if (status !== 'E') {
      if (c.reportedPath !== undefined) c.pins.reported('search_path', c.reportedPath);
      c.reportedPath = undefined;
    }
    c.life.ready(status !== 'I');
    if (status === 'I') c.plans.rest(head.batch);
    if (head.assertion) {
      c.pins.answered(status);
      return false;
    }
    c.pins.ready(head.batch, status);
    if (status === 'I' && c.ports.pooling === 'transaction') {
      // Outside a transaction the next connection's unnamed statement may be another client's.
      c.statements.drop((version) => version.name === '' && version.batch <= head.batch);
    }
    const shown =
      head.kind === 'query'
        ? readyAfterQuery(c, head, status)
        : readyAfterBatch(c, head as PendingSync | PendingFunctionCall, status);
    if (shown) this.late.release(c.toClient);
    if (status === 'I' && c.pending.length === 0 && !c.batchOpen) c.records.rest();
    return shown;
  }
}

function readyAfterBatch(c: Conversation, head: PendingSync | PendingFunctionCall, status: TransactionStatus): boolean {
  if (head.kind === 'sync' && head.fallback) {
    c.deferred = { kind: 'fallback', fallback: head.fallback };
    return false;
  }
  const { run, complete } = head.conversion ?? {};
  if (complete && run && !run.ended) {
    c.toClient.add(complete.bytes);
    c.records.end(run, 'ok', { changed: complete.changed, tag: complete.tag });
  }
  if (head.kind === 'function-call' || !head.mustFail || status !== 'T') return true;
  c.deferred = { kind: 'fail-transaction' };
  return false;
}

/** What other sessions notify reaches a role only while it may LISTEN, whatever the server was once told. */
function hears(policy: SessionPolicy | undefined): boolean {
  if (!policy) return false;
  const { access, mode, statements } = policy.role;
  return access === 'unrestricted' || mode === 'observe' || statements.has('listen');
}
