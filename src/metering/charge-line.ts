/** What is to be charged to a lease: an amount, and places for people. */
import type { Charge } from './charge.ts';
import { type Hashes, WORDS } from './hashes.ts';
import type { KnownSubjects } from './known-subjects.ts';
import type { Lease } from './lease.ts';
import { isCalendarDay, lengthOf } from './window-slots.ts';

/** A charge to one lease. Where many are made they have every member, in this order: V8 reads objects of one shape faster. */
export interface ChargeLine {
  readonly lease: Lease;
  readonly need: number;
  /** In addition, a place for each of these people who is not counted yet. */
  readonly people?: SubjectsLine | undefined;
  /** What was set aside for the paying statement is used first. */
  readonly charge?: Charge | undefined;
  /** How many places more are set aside for that statement: its answer may use them, or they are returned. */
  readonly setsAside?: number;
}

export interface SubjectsLine {
  readonly known: KnownSubjects;
  /** People to count, each once. */
  readonly hashes: Hashes;
  /** The last result, and when it was computed. */
  counted?: { readonly now: number; readonly changes: number; readonly places: number } | undefined;
}

/** How many places they need. */
function places(people: SubjectsLine, now: number): number {
  const { known, hashes, counted } = people;
  if (counted?.now === now && counted.changes === known.changes) return counted.places;
  let count = 0;
  const { words } = hashes;
  for (let i = 0; i < hashes.count; i += 1) if (!known.knows(words, i * WORDS, now)) count += 1;
  people.counted = { now, changes: known.changes, places: count };
  return count;
}

/** How much of the lease the line needs. */
export function needOf(line: ChargeLine, now: number): number {
  const { lease, need, charge, setsAside = 0 } = line;
  const all = need + setsAside + newPeopleOf(line, now);
  return all > 0 && charge?.canUse(lease, now) ? all - 1 : all;
}

/** How many of its people are not counted yet; if no window can hold that many, all of them. */
export function newPeopleOf({ lease, people }: ChargeLine, now: number): number {
  if (!people) return 0;
  // Then they are not looked up one by one: a row may hold a million keys.
  return lease.cannotHold(people.hashes.count) ? people.hashes.count : places(people, now);
}

/** A person who is seen now counts in each window at least until then, in the process's time. */
export function countedUntil({ windows, dayEndsAt }: Lease, now: number): number {
  let until = Number.POSITIVE_INFINITY;
  for (const window of windows) {
    until = Math.min(until, isCalendarDay(window) ? (dayEndsAt ?? now) : now + lengthOf(window));
  }
  return until;
}
