/** Exceptions to the policy, and how they change: each change makes a new value. */
import { mergedApprovals } from './approvals.ts';
import type {
  AccountLock,
  BreakGlassOpening,
  Exceptions,
  ExceptionsChange,
  Observation,
  Permit,
  Raise,
} from './budget-store.ts';
import { windowKey } from './window-slots.ts';

export const NO_EXCEPTIONS: Exceptions = { locks: new Map(), raises: [], permits: [], openings: [], observations: [] };

/** How long a permit, an opening or an observation is shown after its end. */
const KEPT_SIGNED_MS = 90 * 86_400_000;
/** How long an exception is kept after its end: a store's clock that was wrong, and is corrected, must not have removed it. */
export const KEPT_ENDED_MS = 86_400_000;

/** The stored form: plain JSON. */
export interface ExceptionsState {
  readonly locks: readonly AccountLock[];
  readonly raises: readonly Raise[];
  readonly permits: readonly Permit[];
  readonly openings: readonly BreakGlassOpening[];
  readonly observations: readonly Observation[];
}

/** Leaves out what ended long before `now`. Readers must check `until` themselves. */
export function changeExceptions(exceptions: Exceptions, change: ExceptionsChange, now: number): Exceptions {
  const locks = new Map([...exceptions.locks].filter(([, lock]) => endOf(lock) + KEPT_ENDED_MS > now));
  const raises = exceptions.raises.filter(({ until }) => until + KEPT_ENDED_MS > now);
  const permits = exceptions.permits.filter(({ until }) => until + KEPT_SIGNED_MS > now);
  const openings = exceptions.openings.filter(({ until }) => until + KEPT_SIGNED_MS > now);
  const observations = exceptions.observations.filter(({ until }) => until + KEPT_SIGNED_MS > now);
  const kept = { locks, raises, permits, openings, observations };
  switch (change.kind) {
    case 'lock': {
      const held = locks.get(change.lock.owner);
      // A shorter lock never replaces a longer one, whichever comes last: that would be a release in disguise.
      if (!held || endOf(held) < endOf(change.lock)) locks.set(change.lock.owner, change.lock);
      return kept;
    }
    case 'release':
      locks.delete(change.owner);
      return kept;
    case 'raise': {
      const held = raises.find(({ id }) => id === change.raise.id);
      const raise = mergedRaise(held, change.raise);
      return { ...kept, raises: [...raises.filter((one) => one !== held && !isWithin(one, raise)), raise] };
    }
    case 'permit':
      return { ...kept, permits: inPlace(permits, change.permit, mergedPermit) };
    case 'opening':
      return { ...kept, openings: inPlace(openings, change.opening, mergedOpening) };
    case 'observation':
      return { ...kept, observations: inPlace(observations, change.observation, mergedObservation) };
  }
}

/** Replaces the one with the same id. */
function inPlace<T extends { readonly id: string }>(
  all: readonly T[],
  one: T,
  merged: (held: T, one: T) => T,
): readonly T[] {
  const held = all.find(({ id }) => id === one.id);
  return [...all.filter((other) => other !== held), held ? merged(held, one) : one];
}

/** Merges two versions if it is not known which is newer. No lock, revocation, closing or end is lost. */
export function mergedExceptions(one: Exceptions, other: Exceptions, now: number): Exceptions {
  const changes: readonly ExceptionsChange[] = [
    ...[...other.locks.values()].map((lock) => ({ kind: 'lock', lock }) as const),
    ...other.raises.map((raise) => ({ kind: 'raise', raise }) as const),
    ...other.permits.map((permit) => ({ kind: 'permit', permit }) as const),
    ...other.openings.map((opening) => ({ kind: 'opening', opening }) as const),
    ...other.observations.map((observation) => ({ kind: 'observation', observation }) as const),
  ];
  return changes.reduce((exceptions, change) => changeExceptions(exceptions, change, now), one);
}

/** With the signers of both. A revocation stays. */
function mergedRaise(held: Raise | undefined, raise: Raise): Raise {
  const revokedBy = held?.revokedBy ?? raise.revokedBy;
  const approvals = mergedApprovals(held?.asked?.approvals ?? [], raise.asked?.approvals ?? []);
  return {
    ...raise,
    ...(raise.asked && { asked: { ...raise.asked, approvals } }),
    ...(revokedBy !== undefined && { revokedBy }),
  };
}

/**
 * Whether the other allows at least as much for at least as long. A raise that others must sign first allows nothing yet; of one
 * that was revoked, the revocation is kept.
 */
function isWithin(one: Raise, { owner, measure, window, amount, until, asked, revokedBy }: Raise): boolean {
  if (one.asked || asked || (one.revokedBy ?? revokedBy) !== undefined) return false;
  const same = one.owner === owner && one.measure === measure && windowKey(one.window) === windowKey(window);
  return same && one.window.count === window.count && one.amount <= amount && one.until <= until;
}

function endOf({ until }: AccountLock): number {
  return until ?? Number.POSITIVE_INFINITY;
}

/** A revocation stays, even if an approver who has not heard of it signs. */
function mergedPermit(held: Permit, permit: Permit): Permit {
  const revokedBy = held.revokedBy ?? permit.revokedBy;
  return {
    ...permit,
    approvals: mergedApprovals(held.approvals, permit.approvals),
    ...(revokedBy !== undefined && { revokedBy }),
  };
}

/** A closing stays. */
function mergedOpening(held: BreakGlassOpening, opening: BreakGlassOpening): BreakGlassOpening {
  const closed = held.closed ?? opening.closed;
  const openedAt = held.openedAt ?? opening.openedAt;
  return {
    ...opening,
    approvals: mergedApprovals(held.approvals, opening.approvals),
    ...(openedAt !== undefined && { openedAt }),
    ...(closed && { closed }),
  };
}

/** An end stays. */
function mergedObservation(held: Observation, observation: Observation): Observation {
  const ended = held.ended ?? observation.ended;
  const begunAt = held.begunAt ?? observation.begunAt;
  return {
    ...observation,
    approvals: mergedApprovals(held.approvals, observation.approvals),
    ...(begunAt !== undefined && { begunAt }),
    ...(ended && { ended }),
  };
}

export function exceptionsState({ locks, ...others }: Exceptions): ExceptionsState {
  return { locks: [...locks.values()], ...others };
}

export function exceptionsOf({ locks, ...others }: ExceptionsState): Exceptions {
  return { ...others, locks: new Map(locks.map((lock) => [lock.owner, lock])) };
}
