/** What is to be taken of a lease: an amount, or places for people. */
import type { KnownPeople } from './known-people.ts';
import type { Lease } from './lease.ts';
import { isCalendarDay, lengthOf } from './slots.ts';

/** So much of one lease. */
export interface Line {
  readonly lease: Lease;
  readonly need: number;
  readonly people?: PeopleLine;
}

/** Of a measure of people `need` is not given: it follows from who they are. */
export interface PeopleLine {
  readonly known: KnownPeople;
  /** Those whom the lease's measure counts, each once. */
  readonly keys: readonly string[];
  readonly unnamed: number;
}

/** Places that they take. */
function places({ known, keys, unnamed }: PeopleLine, now: number): number {
  let count = unnamed;
  for (const key of keys) if (!known.knows(key, now)) count += 1;
  return count;
}

/** How much of the lease it takes. */
export function needOf({ need, people }: Line, now: number): number {
  return people ? places(people, now) : need;
}

/** Who is seen now is counted in each window until then at least, in the process's time. */
export function countedUntil({ windows, dayEndsAt }: Lease, now: number): number {
  let until = Number.POSITIVE_INFINITY;
  for (const window of windows) {
    until = Math.min(until, isCalendarDay(window) ? (dayEndsAt ?? now) : now + lengthOf(window));
  }
  return until;
}
