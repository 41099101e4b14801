/** A client's CancelRequest: to the session whose key it shows, here or at another worker. */
import type { Services } from './services.ts';
import { slotOf } from './sessions.ts';
import type { UpstreamKey } from './upstream/error.ts';

/** Resolves when the server knows, or when nobody has that key; which of the two, the asker is not told. */
export async function cancel({ sessions, shared, slot }: Services, key: UpstreamKey): Promise<void> {
  const owner = slotOf(key.processId);
  if (owner === slot) await sessions.find(key)?.cancel();
  else await shared.cancel(owner, key);
}
