/** What holds for principals beyond their policy, and how it changes: one value in the place of another. */
import { mergedApprovals } from './approvals.ts';
import type { AccountLock, BreakGlassOpening, Exceptions, ExceptionsChange, Permit, Raise } from './budget-store.ts';
import { windowKey } from './window-slots.ts';

export const NO_EXCEPTIONS: Exceptions = { locks: new Map(), raises: [], permits: [], openings: [] };

/** A permit or an opening that is over is still shown for so long. */
const KEPT_SIGNED_MS = 90 * 86_400_000;
/** What is over is kept for so long: a store's clock that was wrong, and is put right, must not have ended it for good. */
export const KEPT_ENDED_MS = 86_400_000;

/** As it is written down: plain JSON. */
export interface ExceptionsState {
  readonly locks: readonly AccountLock[];
  readonly raises: readonly Raise[];
  readonly permits: readonly Permit[];
  /** Absent where an earlier version wrote it. */
  readonly openings?: readonly BreakGlassOpening[];
}

/** What was over long before `now` is left out: whoever reads a standing looks at `until` all the same. */
export function changeExceptions(standing: Exceptions, change: ExceptionsChange, now: number): Exceptions {
  const locks = new Map([...standing.locks].filter(([, lock]) => endOf(lock) + KEPT_ENDED_MS > now));
  const raises = standing.raises.filter(({ until }) => until + KEPT_ENDED_MS > now);
  const permits = standing.permits.filter(({ until }) => until + KEPT_SIGNED_MS > now);
  const openings = standing.openings.filter(({ until }) => until + KEPT_SIGNED_MS > now);
  switch (change.kind) {
    case 'lock': {
      const held = locks.get(change.lock.owner);
      // No shorter one takes the place of a longer one, whoever is told last: that would be a release that nobody called so.
      if (!held || endOf(held) < endOf(change.lock)) locks.set(change.lock.owner, change.lock);
      return { locks, raises, permits, openings };
    }
    case 'release':
      locks.delete(change.owner);
      return { locks, raises, permits, openings };
    case 'raise': {
      const held = raises.find(({ id }) => id === change.raise.id);
      const raise = mergedRaise(held, change.raise);
      return {
        locks,
        raises: [...raises.filter((one) => one !== held && !isWithin(one, raise)), raise],
        permits,
        openings,
      };
    }
    case 'permit': {
      const held = permits.find(({ id }) => id === change.permit.id);
      const merged = mergedPermit(held, change.permit);
      return { locks, raises, permits: [...permits.filter((one) => one !== held), merged], openings };
    }
    case 'opening': {
      const held = openings.find(({ id }) => id === change.opening.id);
      const merged = mergedOpening(held, change.opening);
      return { locks, raises, permits, openings: [...openings.filter((one) => one !== held), merged] };
    }
  }
}

/** All that either of them says: for who cannot tell which is newer. No lock is lost by it, no revocation and no closing. */
export function mergedExceptions(one: Exceptions, other: Exceptions, now: number): Exceptions {
  const changes: readonly ExceptionsChange[] = [
    ...[...other.locks.values()].map((lock) => ({ kind: 'lock', lock }) as const),
    ...other.raises.map((raise) => ({ kind: 'raise', raise }) as const),
    ...other.permits.map((permit) => ({ kind: 'permit', permit }) as const),
    ...other.openings.map((opening) => ({ kind: 'opening', opening }) as const),
  ];
  return changes.reduce((standing, change) => changeExceptions(standing, change, now), one);
}

/** All who have signed it at either. */
function mergedRaise(held: Raise | undefined, raise: Raise): Raise {
  if (!held?.asked || !raise.asked) return raise;
  return {
    ...raise,
    asked: { ...raise.asked, approvals: mergedApprovals(held.asked.approvals, raise.asked.approvals) },
  };
}

/** Whether the other gives at least as much for at least as long. What others must sign first gives nothing yet. */
function isWithin(one: Raise, { owner, measure, window, amount, until, asked }: Raise): boolean {
  if (one.asked || asked) return false;
  const same = one.owner === owner && one.measure === measure && windowKey(one.window) === windowKey(window);
  return same && one.window.count === window.count && one.amount <= amount && one.until <= until;
}

function endOf({ until }: AccountLock): number {
  return until ?? Number.POSITIVE_INFINITY;
}

/** What was revoked stays so, also where somebody approves it who has not heard yet. */
function mergedPermit(held: Permit | undefined, permit: Permit): Permit {
  if (!held) return permit;
  const revokedBy = held.revokedBy ?? permit.revokedBy;
  return {
    ...permit,
    approvals: mergedApprovals(held.approvals, permit.approvals),
    ...(revokedBy !== undefined && { revokedBy }),
  };
}

/** What was closed stays so. */
function mergedOpening(held: BreakGlassOpening | undefined, opening: BreakGlassOpening): BreakGlassOpening {
  if (!held) return opening;
  const closed = held.closed ?? opening.closed;
  const openedAt = held.openedAt ?? opening.openedAt;
  return {
    ...opening,
    approvals: mergedApprovals(held.approvals, opening.approvals),
    ...(openedAt !== undefined && { openedAt }),
    ...(closed && { closed }),
  };
}

export function exceptionsState({ locks, raises, permits, openings }: Exceptions): ExceptionsState {
  return { locks: [...locks.values()], raises, permits, openings };
}

export function exceptionsOf({ locks, raises, permits, openings = [] }: ExceptionsState): Exceptions {
  return { locks: new Map(locks.map((lock) => [lock.owner, lock])), raises, permits, openings };
}
