/** Compares accounts with a list of all events: never less than was taken in the window, and never more than in a window that is a sixtieth longer. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Account } from '../../src/metering/account.ts';
import { CalendarDays } from '../../src/metering/days.ts';
import type { WindowOfMeasure } from '../../src/metering/measure.ts';
import { isCalendarDay, lengthOf } from '../../src/metering/window-slots.ts';
import { hashOf, seen } from '../support/people.ts';

const ZONE = 'Europe/Paris';
/** The evening before the clocks are set back. */
const START = Date.parse('2026-10-24T20:00:00Z');
const SECOND = 1_000;
const HOUR = 3_600_000;
const days = new CalendarDays(ZONE);
const date = new Intl.DateTimeFormat('en-CA', { timeZone: ZONE });

const window: fc.Arbitrary<WindowOfMeasure> = fc.constantFrom(
  { count: 1, unit: 'second' },
  { count: 7, unit: 'second' },
  { count: 10, unit: 'minute' },
  { count: 1, unit: 'hour' },
  { count: 1, unit: 'day' },
  { count: 30, unit: 'day' },
);
const windows = fc.uniqueArray(window, { minLength: 1, maxLength: 3, selector: (w) => JSON.stringify(w) });
const pause = fc.oneof(
  fc.constant(0),
  fc.integer({ min: 1, max: 3 * SECOND }),
  fc.integer({ min: 1, max: 12 * 60 * SECOND }),
  fc.integer({ min: 1, max: 30 * HOUR }),
);

function inside(window: WindowOfMeasure, then: number, now: number): boolean {
  if (isCalendarDay(window)) return date.format(then) >= date.format(now);
  return then > now - lengthOf(window);
}

function almostInside(window: WindowOfMeasure, then: number, now: number): boolean {
  if (isCalendarDay(window)) return inside(window, then, now);
  return then >= now - (lengthOf(window) * 61) / 60;
}

function sum(taken: readonly { at: number; amount: number }[], holds: (at: number) => boolean): number {
  return taken.reduce((total, { at, amount }) => (holds(at) ? total + amount : total), 0);
}

const step = fc.record({
  pause,
  want: fc.integer({ min: 0, max: 50 }),
  /** A part of an earlier grant that is given back: its number and share. */
  back: fc.option(fc.record({ which: fc.nat(30), share: fc.double({ min: 0, max: 1, noNaN: true }) }), {
    nil: undefined,
  }),
});

it('amounts: between what lies in the window and what lies in a sixtieth more, and never over the limit', () => {
  const property = fc.property(
    windows,
    fc.array(fc.option(fc.integer({ min: 0, max: 200 }), { nil: undefined }), { minLength: 3, maxLength: 3 }),
    fc.array(step, { minLength: 1, maxLength: 60 }),
    (windows, limits, steps) => {
      const account = new Account(days);
      const ceilings = windows.map((window, i) => {
        const limit = limits[i];
        return limit === undefined ? { window } : { window, limit };
      });
      const taken: { at: number; amount: number }[] = [];
      let now = START;
      for (const { pause, want, back } of steps) {
        now += pause;
        const before = account.used(windows, now);
        const grant = account.take(ceilings, want, now);
        const left = ceilings.map(({ limit }, i) => (limit ?? Number.POSITIVE_INFINITY) - (before[i] ?? 0));
        expect(grant.granted).toBe(Math.max(0, Math.min(want, ...left)));
        taken.push({ at: grant.at, amount: grant.granted });
        const returned = back && taken[back.which % taken.length];
        if (returned) {
          const amount = Math.floor(returned.amount * back.share);
          account.giveBack(amount, returned.at);
          returned.amount -= amount;
        }
        account.used(windows, now).forEach((used, i) => {
          const window = windows[i] as WindowOfMeasure;
          expect(used).toBeGreaterThanOrEqual(sum(taken, (at) => inside(window, at, now)));
          expect(used).toBeLessThanOrEqual(sum(taken, (at) => almostInside(window, at, now)));
          expect(used).toBeLessThanOrEqual(ceilings[i]?.limit ?? Number.POSITIVE_INFINITY);
        });
      }
    },
  );
  fc.assert(property, { numRuns: 300 });
});

it('whatever the clock does, charges in the window are counted', () => {
  const jump = fc.integer({ min: -40 * HOUR, max: 40 * HOUR });
  const steps = fc.array(fc.record({ jump, want: fc.integer({ min: 1, max: 9 }) }), { minLength: 1, maxLength: 40 });
  const property = fc.property(windows, steps, (windows, steps) => {
    const account = new Account(days);
    const taken: { at: number; amount: number }[] = [];
    let now = START;
    let earliest = now;
    for (const { jump, want } of steps) {
      now += jump;
      earliest = Math.min(earliest, now);
      const { at, granted } = account.take(
        windows.map((window) => ({ window })),
        want,
        now,
      );
      expect(granted).toBe(want);
      taken.push({ at, amount: want });
      account.used(windows, now).forEach((used, i) => {
        const window = windows[i] as WindowOfMeasure;
        // A clock that ran ahead has dropped these: they were outside of the window at that time.
        const latest = Math.max(...taken.map((one) => one.at));
        expect(used).toBeGreaterThanOrEqual(sum(taken, (at) => inside(window, at, latest)));
        expect(used).toBeLessThanOrEqual(sum(taken, () => true));
      });
    }
  });
  fc.assert(property, { numRuns: 200 });
});

it('people: each once in a window, from the last sight on, and places that were not needed are free again', () => {
  const sight = fc.record({ pause, keys: fc.array(fc.nat(25), { maxLength: 8 }), spare: fc.nat(3), old: fc.boolean() });
  const property = fc.property(
    windows,
    windows,
    fc.array(sight, { minLength: 1, maxLength: 50 }),
    (one, other, steps) => {
      // A person who has left the longest window is forgotten, so a longer window could not count them.
      const [first, second] = longest(one) >= longest(other) ? [one, other] : [other, one];
      fc.pre(second.every((window) => isRememberedBy(first, window)));
      const account = new Account(days);
      const lastSight = new Map<string, number>();
      let now = START;
      steps.forEach(({ pause, keys, spare, old }, i) => {
        now += pause;
        // Halfway another policy brings other windows.
        const windows = i < steps.length / 2 ? first : second;
        const counts = (window: WindowOfMeasure, key: string): boolean => {
          const sight = lastSight.get(key);
          return sight !== undefined && slotCounts(window, sight, now);
        };
        const isKnown = (key: string): boolean => windows.every((window) => counts(window, key));
        const names = [...new Set(keys.map((key) => `k${key}`))];
        expect(account.known(windows, names.map(hashOf), now)).toEqual(names.map(isKnown));
        const fresh = names.filter((name) => old || !isKnown(name));
        const grant = account.take(
          windows.map((window) => ({ window })),
          fresh.length + spare,
          now,
        );
        const known = names.filter((name) => !fresh.includes(name));
        const { hashes, at } = seen(known);
        const { hashes: others, at: granted } = seen(fresh, grant.at);
        account.saw(windows, { hashes: hashes + others, at: [...at, ...granted] }, now);
        account.giveBack(spare, grant.at);
        for (const name of names) lastSight.set(name, now);
        account.used(windows, now).forEach((used, w) => {
          const window = windows[w] as WindowOfMeasure;
          const all = [...lastSight.values()];
          expect(used).toBe(all.filter((at) => slotCounts(window, at, now)).length);
          expect(used).toBeGreaterThanOrEqual(all.filter((at) => inside(window, at, now)).length);
          expect(used).toBeLessThanOrEqual(all.filter((at) => almostInside(window, at, now)).length);
        });
      });
    },
  );
  fc.assert(property, { numRuns: 300 });
});

/** A calendar day may be over a moment later, however long it is. */
function isRememberedBy(windows: readonly WindowOfMeasure[], window: WindowOfMeasure): boolean {
  const same = ({ count, unit }: WindowOfMeasure): boolean => count === window.count && unit === window.unit;
  return windows.some((one) => same(one) || (!isCalendarDay(one) && lengthOf(one) >= lengthOf(window)));
}

function longest(windows: readonly WindowOfMeasure[]): number {
  return Math.max(...windows.map(lengthOf));
}

function slotCounts(window: WindowOfMeasure, then: number, now: number): boolean {
  if (isCalendarDay(window)) return inside(window, then, now);
  const slot = (at: number): number => Math.floor((at * 60) / lengthOf(window));
  return slot(then) >= slot(now) - 60;
}
