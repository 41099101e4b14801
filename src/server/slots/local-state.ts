/** The shared state of a guard that is one process: kept here, and answered at once. */
import { FailedLogins } from '../login/failed-logins.ts';
import type { SharedState } from './shared-state.ts';
import { SlotCounts } from './slot-counts.ts';

export function localState(): SharedState {
  const places = new SlotCounts();
  const failedLogins = new FailedLogins();
  return {
    take: async (claims) => places.take(claims),
    give: (keys) => places.give(keys),
    attempted: async (principal, address, accepted) => failedLogins.attempted(principal, address, accepted),
    // There is no other worker that could have the session.
    cancel: async () => {},
  };
}
