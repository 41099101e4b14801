/**
 * The account of one owner and one measure: the amount in each window, and the people counted there. The time is an argument.
 * Every amount is booked into every window of the account, and limited by those that the claim names. If another policy (or another time of the day)
 * names other windows, all of them hold everything since they began. A new window begins empty; for data subjects, with the people who are
 * remembered.
 */
import type { LeaseGrant } from './budget-store.ts';
import type { CalendarDays } from './days.ts';
import type { Ceiling, WindowOfMeasure } from './measure.ts';
import { SeenSubjects } from './seen-subjects.ts';
import { forEachSighting, type Sightings } from './sightings.ts';
import { isCalendarDay, SlotLine, Slots, windowKey } from './window-slots.ts';

/** A window may begin up to this much after the present; if it begins later, the clock was set back. */
export const CLOCK_SET_BACK_MS = 1_000;

/** An account in its stored form: plain JSON. */
export interface AccountState {
  readonly latest: number;
  readonly windows: readonly {
    readonly window: WindowOfMeasure;
    readonly since: number;
    readonly slots: [number, number][];
  }[];
}

export class Account {
  private readonly windows = new Map<string, Slots>();
  /** Absent while no person was seen, and for measures that do not count people. */
  private people: SeenSubjects | undefined;
  private latest: number;
  /** When the latest window began: no grant is booked earlier. */
  private begun = 0;

  constructor(
    private readonly days: CalendarDays,
    state?: AccountState,
    people: readonly Sightings[] = [],
  ) {
    this.latest = state?.latest ?? 0;
    if (people.length > 0) this.people = new SeenSubjects(people);
    for (const { window, since, slots } of state?.windows ?? []) {
      this.windows.set(windowKey(window), new Slots(new SlotLine(window, days), since, slots));
      this.begun = Math.max(this.begun, since);
    }
  }

  /** Grants as much of `want` as every ceiling leaves. */
  take(ceilings: readonly Ceiling[], want: number, now: number): LeaseGrant {
    const at = this.open(
      ceilings.map(({ window }) => window),
      now,
    );
    const held = ceilings.map(({ window }) => this.holds(window, now));
    const left = ceilings.map(({ limit }, i) => (limit === undefined ? want : limit - (held[i] ?? 0)));
    const granted = Math.max(0, Math.min(want, ...left));
    this.add(granted, at);
    return { granted, used: held.map((amount) => amount + granted), at };
  }

  /** Books what was granted at `now`, when a journal is replayed. */
  book(windows: readonly WindowOfMeasure[], amount: number, now: number): void {
    this.add(amount, this.open(windows, now));
  }

  /** `at`: when it was granted. */
  giveBack(amount: number, at: number): void {
    for (const slots of this.windows.values()) if (at >= slots.since) slots.remove(at, amount);
  }

  saw(windows: readonly WindowOfMeasure[], sightings: Sightings, now: number): void {
    this.open(windows, now);
    const people = this.people ?? new SeenSubjects();
    this.people = people;
    // A place that was taken for a person is used for them, or goes back if they have one already.
    for (const [count, grantedAt] of sightings.at) if (grantedAt > 0) this.giveBack(count, grantedAt);
    // People who were last seen together are mostly seen together again.
    const isByDay = windows.some(isCalendarDay);
    let instant = 0;
    let sight = now;
    let since: number | undefined;
    let count = 0;
    forEachSighting(sightings, (words, at) => {
      const sightBefore = sight;
      if (isByDay && at !== instant) sight = this.sightOf(Math.abs(at), now);
      instant = at;
      const before = people.see(words, sight);
      if (before !== since || sight !== sightBefore) {
        this.come(count, since, sightBefore);
        since = before;
        count = 0;
      }
      count += 1;
    });
    this.come(count, since, sight);
    this.forget(now);
  }

  /** Which of the people are counted in every one of these windows. This does not renew their sighting. */
  known(windows: readonly WindowOfMeasure[], keys: readonly string[], now: number): boolean[] {
    const lines = windows.map((window) => this.lineOf(window));
    return keys.map((key) => {
      const sight = this.people?.lastSight(key);
      return sight !== undefined && lines.every((line) => line.counts(sight, now));
    });
  }

  used(windows: readonly WindowOfMeasure[], now: number): number[] {
    return windows.map((window) => this.holds(window, now));
  }

  /** Whether nothing is counted and no person is remembered. */
  isEmpty(now: number): boolean {
    this.forget(now);
    return !this.people?.size && [...this.windows.values()].every((slots) => slots.at(now) === 0);
  }

  has(window: WindowOfMeasure): boolean {
    return this.windows.has(windowKey(window));
  }

  state(): AccountState {
    const windows = [...this.windows.values()].map((slots) => ({
      window: slots.line.window,
      since: slots.since,
      slots: slots.entries(),
    }));
    return { latest: this.latest, windows };
  }

  /** The people remembered now. */
  remembered(): Iterable<Sightings> {
    return this.people?.entries() ?? [];
  }

  /**
   * INVARIANT 213: who is reported after midnight was shown on the day that their place was granted for, and takes none of the next. @param at an instant of
   * that day, or 0. @returns the latest time at which they may have been shown.
   */
  private sightOf(at: number, now: number): number {
    const day = this.days.dayOf(at);
    return at === 0 || day >= this.days.dayOf(now) ? now : this.days.startOf(day + 1) - 1;
  }

  /** `count` people, last seen at `before`, are seen at `sight`; undefined: they are new. */
  private come(count: number, before: number | undefined, sight: number): void {
    if (count === 0) return;
    for (const slots of this.windows.values()) {
      if (before !== undefined) slots.remove(before, count);
      slots.add(Math.max(before ?? sight, sight), count);
    }
  }

  private forget(now: number): void {
    if (!this.people) return;
    const lines = [...this.windows.values()].map(({ line }) => line);
    this.people.forget((sight) => lines.every((line) => !line.counts(sight, now)));
  }

  private add(amount: number, at: number): void {
    if (amount === 0) return;
    this.latest = Math.max(this.latest, at);
    for (const slots of this.windows.values()) slots.add(at, amount);
  }

  private holds(window: WindowOfMeasure, now: number): number {
    const slots = this.windows.get(windowKey(window));
    if (slots) return slots.at(now);
    const line = this.lineOf(window);
    let people = 0;
    for (const sight of this.people?.sights() ?? []) if (line.counts(sight, now)) people += 1;
    return people;
  }

  /** Begins new windows, and drops those that are empty and not named. Returns the time to book grants at. */
  private open(windows: readonly WindowOfMeasure[], now: number): number {
    const named = new Set<string>();
    for (const window of windows) {
      const key = windowKey(window);
      named.add(key);
      if (!this.windows.has(key)) this.windows.set(key, this.begin(window, now));
    }
    if (this.windows.size > named.size) {
      for (const [key, slots] of this.windows) if (!named.has(key) && slots.at(now) === 0) this.windows.delete(key);
    }
    // If the clock was set back, an amount that is given back stays counted in windows that are too young for it. Otherwise amounts would never leave
    // them.
    return this.begun - now > CLOCK_SET_BACK_MS ? now : Math.max(now, this.begun);
  }

  private begin(window: WindowOfMeasure, now: number): Slots {
    // Later than all earlier grants: giving one back must not reduce a window that never held it.
    this.begun = Math.max(now, this.latest + 1);
    const slots = new Slots(this.lineOf(window), this.begun);
    for (const sight of this.people?.sights() ?? []) slots.add(sight, 1);
    return slots;
  }

  private lineOf(window: WindowOfMeasure): SlotLine {
    return this.windows.get(windowKey(window))?.line ?? new SlotLine(window, this.days);
  }
}
