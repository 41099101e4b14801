/** COPY FROM STDIN: what the client sends while the server reads data. */
import type { ErrorFields } from '../../protocol/error-response.ts';
import type { Frame } from '../../protocol/frame-reader.ts';
import { HEADER_BYTES } from '../../protocol/message-cursor.ts';
import { Frontend } from '../../protocol/message-types.ts';
import { copyFail, flush } from '../../protocol/simple-frontend.ts';
import { tellBudget } from '../server/cut-off.ts';
import { changesAreLimitedNow } from '../server/policy-changes.ts';
import { brokenProtocol } from '../server/session-ends.ts';
import type { Conversation } from '../state/conversation.ts';
import type { Execution } from '../state/execution.ts';
import { privateName } from '../state/private-name.ts';
import type { Copying } from './copy-state.ts';
import type { MessagePassage } from './message-passage.ts';
import { cachedPlanChanged, refusalResponse } from './refusal-response.ts';

/** @returns false where the frame must wait until the COPY has ended. */
export function takeInCopy(c: Conversation, frame: Frame): boolean {
  switch (frame.type) {
    case Frontend.CopyData:
      takeData(c, frame);
      return true;
    case Frontend.CopyDone:
      if (current(c).end()) endWith(c, frame.bytes);
      else endWith(c, cutting(c));
      return true;
    case Frontend.CopyFail:
      endWith(c, frame.bytes);
      return true;
    case Frontend.Flush:
      return true;
    case Frontend.Sync:
      // The server ignores it as well; should the COPY fail, it waits for one.
      c.syncInCopy = true;
      return true;
    default:
      // INVARIANT 32: nothing else goes upstream in COPY: after a bad line the server would run it, unjudged.
      c.misplaced = { id: c.ports.newId(), type: frame.type };
      endWith(c, copyFail(privateName(c.misplaced.id)));
      return false;
  }
}

/** Counts a CopyData and passes it on; one that goes over a limit ends the COPY instead. */
function takeData(c: Conversation, frame: Frame): void {
  const copying = current(c);
  // A Sync before all data, as libpq sends it, the server has ignored by the time that it finds something wrong in the data.
  if (!copying.begun) c.syncInCopy = false;
  // Data that would pass a limit is not forwarded, or not kept where it was on its way already: the COPY fails.
  // What it has sent could not be undone once it has ended, nor counted before.
  if (changesAreLimitedNow(c, copying.run)) copying.run.cut ??= cachedPlanChanged();
  const fits = copying.begin(frame.length - HEADER_BYTES) && copying.take(frame.bytes.subarray(HEADER_BYTES));
  if (!fits) endWith(c, cutting(c));
  else if (frame.last) c.pass(frame);
  else c.pass(frame, undefined, new CountedPieces(c, copying, frame.length));
}

/** A long CopyData: rows are counted as they pass; a frame that has begun must come to its end before the COPY can. */
class CountedPieces implements MessagePassage {
  private left: number;

  constructor(
    private readonly c: Conversation,
    private readonly copying: Copying,
    length: number,
  ) {
    this.left = length;
  }

  begin(piece: Uint8Array): Uint8Array[] {
    this.left -= piece.length;
    return [piece];
  }

  push(piece: Uint8Array): Uint8Array[] {
    const { c, copying } = this;
    this.left -= piece.length;
    copying.take(piece);
    if (this.left > 0 || !copying.run.cut || c.copying !== copying) return [piece];
    c.copyIn = 'ended';
    return [piece, cutting(c), flush()];
  }
}

/** The server fails the COPY by it, and quotes the decision's id. */
function cutting(c: Conversation): Uint8Array {
  tellBudget(c, current(c).run);
  return copyFail(privateName(current(c).run.id));
}

function current(c: Conversation): Copying {
  if (!c.copying) throw new Error('COPY data without a COPY');
  return c.copying;
}

function endWith(c: Conversation, bytes: Uint8Array): void {
  c.add(bytes);
  c.copyIn = 'ended';
  // In the extended protocol the server keeps its answer until a Sync or a Flush; a converted Query is followed by neither.
  c.unflushed = true;
  if (c.pending.head?.conversion) c.flush();
}

/**
 * The server's error answers the statement that was cut off: for a COPY that we ended, if it quotes our id. An error that it found in the data before
 * is kept.
 */
export function isOfCut(c: Conversation, run: Execution, fields: ErrorFields): boolean {
  return c.copying?.run !== run || (fields.get('M') ?? '').includes(run.id);
}

/** The server failed the COPY because of our CopyFail, not of its data: PostgreSQL would have ended the session at that message. */
export function endMisplaced(c: Conversation, type: number): void {
  const hex = type.toString(16).toUpperCase().padStart(2, '0');
  c.toClient.add(refusalResponse(brokenProtocol(`unexpected message type 0x${hex} during COPY from stdin`)));
  c.end(brokenProtocol('terminating connection because protocol synchronization was lost'));
}
