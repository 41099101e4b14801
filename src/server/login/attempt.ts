/** One attempt at a password or token: counted, and answered after its wait. */
import { ConnectionClosed, type SocketReader } from '../../net/socket-reader.ts';
import type { SharedState } from '../slots/shared-state.ts';

interface Attempt {
  readonly user: string;
  readonly address: string;
  readonly shared: Pick<SharedState, 'attempted' | 'waited'>;
}

/**
 * Resolves when the attempt may be answered. A client that hangs up keeps no place; nothing more is sent to it, and one that was accepted
 * has not come in: throws ConnectionClosed. (One that was not is recorded by the caller.)
 */
export async function waitForAnswer(
  reader: SocketReader,
  { user, address, shared }: Attempt,
  accepted: boolean,
): Promise<void> {
  const delay = await shared.attempted(user, address, accepted);
  if (delay === 0) return;
  const stayed = await reader.stays(delay);
  // The client may only have closed its own side: the answer must not come sooner for that, and the end must not reveal what the answer would have
  // been.
  if (!stayed) reader.socket.destroy();
  if (accepted) await shared.waited(user, address, stayed);
  if (accepted && !stayed) throw new ConnectionClosed('connection closed');
}
