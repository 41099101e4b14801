/**
 * Notifications and changed parameters come behind the end of a statement, right before ReadyForQuery. Where the client is told of that
 * end later than the guard hears of it, they wait, and come behind it as well.
 */
import type { Frame } from '../../protocol/frame-reader.ts';
import { Backend } from '../../protocol/message-types.ts';
import type { Conversation } from '../state/conversation.ts';
import type { Outbox } from '../state/outbox.ts';

/** What may wait, in bytes: beyond that they pass at once, which no client minds. */
const MOST = 1 << 20;

export class DeferredNotifications {
  private frames: Pick<Frame, 'type' | 'bytes'>[] = [];
  private size = 0;

  /** @returns whether the frame waits. */
  takes(c: Conversation, frame: Frame): boolean {
    if (!frame.last || this.size + frame.length > MOST || !(this.frames.length > 0 || hidesAnEnd(c))) return false;
    this.frames.push({ type: frame.type, bytes: Uint8Array.from(frame.bytes) });
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
function hidesAnEnd({ debt, pending: { head } }: Conversation): boolean {
  if (debt) return true;
  switch (head?.kind) {
    case 'query':
      return head.wrapped || head.next !== undefined || head.part !== 'client';
    case 'sync':
      return head.conversion !== undefined;
    default:
      return false;
  }
}
