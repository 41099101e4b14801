/**
 * What must be right over all workers together: slots under the limits on connections, failed logins, and cancel requests for
 * sessions that another worker has. One process keeps it to itself (`server/start.ts`); a worker asks the primary (`workers/`).
 */

import type { UpstreamKey } from '../../upstream/upstream-error.ts';
import type { SlotClaim } from './slot-counts.ts';

export interface SharedState {
  /** Takes all of these slots, or none: then it resolves with the index of the first claim that is full. */
  take(claims: readonly SlotClaim[]): Promise<number | undefined>;
  /** Gives back slots, by their keys. */
  give(keys: readonly string[]): void;
  /** A password was right or wrong: counts it, and resolves with the milliseconds that the answer to it waits. */
  attempted(principal: string, address: string, accepted: boolean): Promise<number>;
  /** A right one has waited, or its client has not `stayed`. */
  waited(principal: string, address: string, stayed: boolean): Promise<void>;
  /**
   * A CancelRequest for the session with this key, which is at another worker. Resolves when that worker's server has been told, or when there is no
   * such session; the result does not say which.
   */
  cancel(key: UpstreamKey): Promise<void>;
}
