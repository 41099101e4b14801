/** COPY FROM STDIN: what the client sends while the server reads data (`wire.md` section 3). */
import type { Frame } from '../wire/frame-reader.ts';
import { Frontend } from '../wire/message-types.ts';
import { copyFail } from '../wire/simple-frontend.ts';
import type { Conversation } from './conversation.ts';

/** @returns false where the frame must wait until the COPY has ended. */
export function takeInCopy(c: Conversation, frame: Frame): boolean {
  switch (frame.type) {
    case Frontend.CopyData:
      c.toServer.add(frame.bytes);
      return true;
    case Frontend.CopyDone:
    case Frontend.CopyFail:
      c.toServer.add(frame.bytes);
      c.copyIn = 'ended';
      return true;
    case Frontend.Flush:
      return true;
    case Frontend.Sync:
      // The server ignores it as well; should the COPY fail, it waits for one.
      c.syncInCopy = true;
      return true;
    default:
      // INVARIANT: nothing else goes upstream in COPY: after a bad line the server would run it, unjudged.
      c.toServer.add(copyFail('unexpected message during COPY from stdin'));
      c.copyIn = 'ended';
      return false;
  }
}
