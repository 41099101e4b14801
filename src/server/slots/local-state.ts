/** The shared state of a guard that is one process: kept here, and answered at once. */
import { FailedLogins } from '../login/failed-logins.ts';
import { Places } from './slot-counts.ts';
import type { SharedState } from './shared-state.ts';

export function localState(): SharedState {
  const places = new Places();
  const failedLogins = new FailedLogins();
  return {
    take: async (claims) => places.take(claims),
    give: (keys) => places.give(keys),
    attempted: async (principal, address, accepted) => failedLogins.attempted(principal, address, accepted),
    // There is no other worker that could have the session.
    cancel: async () => {},
  };
}
