/** COPY FROM STDIN: what the client sends while the server reads data. */
import type { Frame } from '../wire/frame-reader.ts';
import { Frontend } from '../wire/message-types.ts';
import { copyFail } from '../wire/simple-frontend.ts';
import { brokenProtocol, type Conversation } from './conversation.ts';
import { refusalResponse } from './refusal-response.ts';
import { privateName } from './refuse.ts';

/** @returns false where the frame must wait until the COPY has ended. */
export function takeInCopy(c: Conversation, frame: Frame): boolean {
  switch (frame.type) {
    case Frontend.CopyData:
      c.pass(frame);
      return true;
    case Frontend.CopyDone:
    case Frontend.CopyFail:
      c.add(frame.bytes);
      ended(c);
      return true;
    case Frontend.Flush:
      return true;
    case Frontend.Sync:
      // The server ignores it as well; should the COPY fail, it waits for one.
      c.syncInCopy = true;
      return true;
    default:
      // INVARIANT: nothing else goes upstream in COPY: after a bad line the server would run it, unjudged.
      c.misplaced = { id: c.ports.newId(), type: frame.type };
      c.add(copyFail(privateName(c.misplaced.id)));
      ended(c);
      return false;
  }
}

function ended(c: Conversation): void {
  c.copyIn = 'ended';
  // In the extended protocol the server keeps what became of it until a Sync or a Flush.
  c.unflushed = true;
}

/** The server failed the COPY because of our CopyFail, not of its data: PostgreSQL would have ended the session at that message. */
export function endMisplaced(c: Conversation, type: number): void {
  const hex = type.toString(16).toUpperCase().padStart(2, '0');
  c.toClient.add(refusalResponse(brokenProtocol(`unexpected message type 0x${hex} during COPY from stdin`)));
  c.end(brokenProtocol('terminating connection because protocol synchronization was lost'));
}
