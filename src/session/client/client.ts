/** The client's messages: taken frame by frame, as long as none has to wait. */
import { refusal } from '../../core/refusal.ts';
import { CLIENT_LIMITS, type Frame, FrameReader } from '../../protocol/frame-reader.ts';
import { Frontend } from '../../protocol/message-types.ts';
import { mayFollow } from '../reuse/text-fallback.ts';
import type { Conversation } from '../state/conversation.ts';
import { takeBind } from './bind.ts';
import { takeInCopy } from './copy-in.ts';
import { takeClose, takeDescribe } from './describe.ts';
import { takeExecute } from './execute.ts';
import { takeExtended } from './extended.ts';
import { takeFunctionCall } from './function-call.ts';
import { takeParse } from './parse.ts';
import { takeQuery } from './query.ts';

/** So many answers may be owed before more is sent: bounds what is remembered of a client that does not read. */
const MOST_PENDING = 10_000;

export class ClientSide {
  private readonly reader = new FrameReader(CLIENT_LIMITS);
  /** A frame that must wait for the server. */
  private held: Frame | undefined;
  private paused = false;

  constructor(private readonly c: Conversation) {}

  /** A message of the client's waits: for the server, or for the session's next turn. */
  get waits(): boolean {
    return this.held !== undefined;
  }

  push(chunk: Uint8Array): void {
    this.reader.push(chunk);
  }

  /** Takes what can be taken now. */
  pump(): void {
    const { c } = this;
    let taken = false;
    while (!c.closed && !c.leaving) {
      if (c.admission.waits || !c.writeOutcomes()) break;
      const frame = this.held ?? this.reader.next();
      if (frame === undefined) break;
      if (c.waitsForTurn || (taken && c.mustYield())) {
        this.held = frame;
        break;
      }
      this.held = this.take(frame) ? undefined : frame;
      taken = true;
      if (!this.held) {
        c.judging = undefined;
        c.dropRecording();
        c.admission.done();
      } else {
        // The awaited answer may be in the server's buffer: the client's own Sync or Flush comes after the frame that waits.
        if (!c.cancelling) c.flush();
        break;
      }
    }
    this.pause(this.held !== undefined);
  }

  private pause(paused: boolean): void {
    if (paused === this.paused || this.c.closed) return;
    this.paused = paused;
    this.c.ports.pauseClient(paused);
  }

  /** @returns false where the frame must wait. */
  private take(frame: Frame): boolean {
    const { c } = this;
    if (!frame.first) {
      c.passRest(frame);
      return true;
    }
    if (c.copyIn === 'data') return takeInCopy(c, frame);
    if (c.skipping && frame.type !== Frontend.Sync && frame.type !== Frontend.Terminate)
      return isFrontend(frame.type) || this.unknown(frame);
    if (c.blocked) return this.takeBlocked(frame);
    if (c.trying && !mayFollow(c, frame.type, frame.bytes)) return false;
    if (c.pending.length >= MOST_PENDING) return false;
    return this.dispatch(frame);
  }

  /** After a barrier, only messages may pass that cannot change what was judged. */
  private takeBlocked(frame: Frame): boolean {
    const { c } = this;
    if (c.cancelling || c.deferred || !c.barrier) return false;
    if (frame.type === Frontend.Flush && c.barrier.sync === undefined) {
      c.flush();
      return true;
    }
    if (frame.type === Frontend.Sync && c.barrier.syncMayPass && c.barrier.sync === undefined) {
      c.barrier.sync = c.sync(frame.bytes);
      return true;
    }
    return false;
  }

  private dispatch(frame: Frame): boolean {
    const { c } = this;
    if (ASKS.has(frame.type)) {
      // INVARIANT 128: names are judged by the path that the server has said it has.
      if (c.pathMovesIn !== undefined && c.pathMovesIn < c.batch) return false;
      c.pins.assertInBatch();
    }
    switch (frame.type) {
      case Frontend.Query:
        return takeQuery(c, frame);
      case Frontend.Parse:
        return takeExtended(c, frame, takeParse);
      case Frontend.Bind:
        return takeExtended(c, frame, takeBind);
      case Frontend.Describe:
        return takeExtended(c, frame, takeDescribe);
      case Frontend.Execute:
        return takeExtended(c, frame, takeExecute);
      case Frontend.Close:
        return takeExtended(c, frame, takeClose);
      case Frontend.Sync:
        c.sync(frame.bytes);
        return true;
      case Frontend.Flush:
        c.flush();
        return true;
      case Frontend.FunctionCall:
        return takeFunctionCall(c, frame);
      case Frontend.Terminate:
        c.add(frame.bytes);
        c.leaving = true;
        return true;
      case Frontend.CopyData:
      case Frontend.CopyDone:
      case Frontend.CopyFail:
        // Outside COPY they are ignored, as by the server: it may have ended the COPY while they were on their way.
        return true;
      default:
        return this.unknown(frame);
    }
  }

  /** INVARIANT 13: a message that we do not know goes nowhere. */
  private unknown(frame: Frame): true {
    this.c.end(refusal('unsupported', '08P01', `invalid frontend message type ${frame.type}`));
    return true;
  }
}

/** What the server reads by its settings, or runs. */
const ASKS: ReadonlySet<number> = new Set([
  Frontend.Query,
  Frontend.Parse,
  Frontend.Bind,
  Frontend.Describe,
  Frontend.Execute,
  Frontend.FunctionCall,
]);

const known: ReadonlySet<number> = new Set(Object.values(Frontend));

function isFrontend(type: number): boolean {
  return known.has(type) && type !== Frontend.Password;
}
