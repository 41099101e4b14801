/** A client's CancelRequest: to the session whose key it shows, here or at another worker. */

import type { UpstreamKey } from '../upstream/upstream-error.ts';
import type { Services } from './services.ts';

/** Resolves when the server knows, or when nobody has that key; which of the two, the asker is not told. */
export async function cancel({ sessions, shared }: Services, key: UpstreamKey): Promise<void> {
  const session = sessions.find(key);
  if (session) await session.cancel();
  else await shared.cancel(key);
}
