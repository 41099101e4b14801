/** What holds for principals beyond their policy, and how it changes: one value in the place of another. */
import type { Lock, Permit, Raise, Standing, StandingChange } from './budget-store.ts';

export const NO_STANDING: Standing = { locks: new Map(), raises: [], permits: [] };

/** A permit that is over is still shown for so long. */
const KEPT_PERMIT_MS = 90 * 86_400_000;

/** As it is written down: plain JSON. */
export interface StandingState {
  readonly locks: readonly Lock[];
  readonly raises: readonly Raise[];
  readonly permits: readonly Permit[];
}

/** What is over by `now` is left out: whoever reads a standing looks at `until` all the same. */
export function changeStanding(standing: Standing, change: StandingChange, now: number): Standing {
  const locks = new Map([...standing.locks].filter(([, { until }]) => until === undefined || until > now));
  const raises = standing.raises.filter(({ until }) => until > now);
  const permits = standing.permits.filter(({ until }) => until + KEPT_PERMIT_MS > now);
  switch (change.kind) {
    case 'lock':
      locks.set(change.lock.owner, change.lock);
      return { locks, raises, permits };
    case 'release':
      locks.delete(change.owner);
      return { locks, raises, permits };
    case 'raise':
      return { locks, raises: [...raises.filter(({ id }) => id !== change.raise.id), change.raise], permits };
    case 'permit':
      return { locks, raises, permits: [...permits.filter(({ id }) => id !== change.permit.id), change.permit] };
  }
}

export function standingState({ locks, raises, permits }: Standing): StandingState {
  return { locks: [...locks.values()], raises, permits };
}

export function standingOf({ locks, raises, permits }: StandingState): Standing {
  return { locks: new Map(locks.map((lock) => [lock.owner, lock])), raises, permits };
}
