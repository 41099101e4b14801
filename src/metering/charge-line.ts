/** What is to be taken of a lease: an amount, and places for people. */
import type { Charge } from './charge.ts';
import { type Hashes, WORDS } from './hashes.ts';
import type { KnownSubjects } from './known-people.ts';
import type { Lease } from './lease.ts';
import { isCalendarDay, lengthOf } from './window-slots.ts';

/** So much of one lease. */
export interface ChargeLine {
  readonly lease: Lease;
  readonly need: number;
  /** Beside it a place for each of these who is not counted yet. */
  readonly people?: SubjectsLine;
  /** The statement that pays: what was set aside for it is used first. */
  readonly charge?: Charge | undefined;
  /** One more place, set aside for that statement: its answer may use it, or it comes back. */
  readonly setsAside?: boolean;
}

export interface SubjectsLine {
  readonly known: KnownSubjects;
  /** Those whom the lease's measure counts, each once. */
  readonly hashes: Hashes;
  /** What was found last, and of when it is. */
  counted?: { readonly now: number; readonly changes: number; readonly places: number };
}

/** Places that they take. */
function places(people: SubjectsLine, now: number): number {
  const { known, hashes, counted } = people;
  if (counted?.now === now && counted.changes === known.changes) return counted.places;
  let count = 0;
  const { words } = hashes;
  for (let i = 0; i < hashes.count; i += 1) if (!known.knows(words, i * WORDS, now)) count += 1;
  people.counted = { now, changes: known.changes, places: count };
  return count;
}

/** How much of the lease it takes. */
export function needOf(line: ChargeLine, now: number): number {
  const { lease, need, charge, setsAside } = line;
  const all = (setsAside ? need + 1 : need) + newPeopleOf(line, now);
  return all > 0 && charge?.canUse(lease, now) ? all - 1 : all;
}

/** How many of its people are not counted yet; of so many that no window can hold them, all. */
export function newPeopleOf({ lease, people }: ChargeLine, now: number): number {
  if (!people) return 0;
  // They are not looked at one by one then: a row may hold the keys of a million.
  return lease.cannotHold(people.hashes.count) ? people.hashes.count : places(people, now);
}

/** Who is seen now is counted in each window until then at least, in the process's time. */
export function countedUntil({ windows, dayEndsAt }: Lease, now: number): number {
  let until = Number.POSITIVE_INFINITY;
  for (const window of windows) {
    until = Math.min(until, isCalendarDay(window) ? (dayEndsAt ?? now) : now + lengthOf(window));
  }
  return until;
}
