/** Tests the keys of very many people, in a row, as in an array, or in one statement after another: without work for each of them. */
import { setImmediate as turn } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { memoryStore } from '../../src/budget/store/memory.ts';
import type { LeaseClaim } from '../../src/metering/budget-store.ts';
import { CalendarDays } from '../../src/metering/days.ts';
import { KnownSubjects } from '../../src/metering/known-subjects.ts';
import { Lease } from '../../src/metering/lease.ts';
import { Leases } from '../../src/metering/leases.ts';
import type { Ceiling } from '../../src/metering/measure.ts';
import { hashesOf } from '../support/people.ts';

const window = { count: 1, unit: 'hour' } as const;

function people(ceilings: readonly Ceiling[], elsewhere = false) {
  const here = memoryStore({ timeZone: 'Europe/Paris', now: Date.now });
  const store = elsewhere ? { ...here, take: async (claims: readonly LeaseClaim[]) => here.take(claims) } : here;
  const leases = new Leases({ store, now: () => performance.now(), wake: () => {}, failed: () => {} });
  const lease = new Lease('principal:app', 'subjects.student', { ceilings }, 64, new CalendarDays('Europe/Paris'));
  let hashed = 0;
  const known = new KnownSubjects();
  const hashes = (keys: readonly string[]) =>
    hashesOf(keys, () => {
      hashed += 1;
    });
  return {
    lease,
    hashed: () => hashed,
    takeAhead: (key: string) => leases.takeAhead([{ lease, need: 0, people: { known, hashes: hashes([key]) } }], 1),
    take: (keys: readonly string[]) => leases.take([{ lease, need: 0, people: { known, hashes: hashes(keys) } }]).kind,
    forget: () => known.forget(),
    report: () => leases.report(lease, known),
  };
}

const names = (count: number) => Array.from({ length: count }, (_, i) => String(i));

it('more than any window may hold are not looked up', () => {
  const { take, hashed } = people([{ window, limit: 50 }]);
  expect(take(names(200_000))).toBe('short');
  expect(hashed()).toBe(0);
  expect(take(names(50))).toBe('taken');
  expect(take(names(51))).toBe('short');
});

it('far from the limit they are looked up many at once, also where the state is elsewhere', async () => {
  const { take, takeAhead, hashed } = people([{ window, limit: 100_000 }], true);
  expect(take(['first'])).toBe('wait');
  await turn();
  expect(take(['first'])).toBe('taken');
  // More is asked for ahead.
  await turn();
  const before = hashed();
  for (let i = 0; i < 10; i += 1) expect(takeAhead(`next ${i}`)).toBe(true);
  expect(hashed()).toBe(before);
});

it('of more people than a process remembers none is forgotten between being counted and being seen', () => {
  const { take } = people([{ window, limit: 1_000_000 }]);
  const remembered = 50_000;
  for (let from = 0; from < remembered; from += 10_000)
    expect(take(names(remembered).slice(from, from + 10_000))).toBe('taken');
  // A new one, and the one who was not seen for the longest time, for whom no place is taken.
  for (let i = 0; i < 200; i += 1) expect(take([`new ${i}`, String(2 * i)])).toBe('taken');
});

it('people who are counted already cost nothing, also where the limit is lower now', () => {
  const { lease, take, forget, report } = people([{ window, limit: 50 }]);
  expect(take(names(50))).toBe('taken');
  report();
  lease.change({ ceilings: [{ window, limit: 10 }] }, undefined);
  forget();
  expect(take(names(50))).toBe('taken');
  expect(take(names(51))).toBe('short');
});

it('who is known is not paid again where strangers in the same list take the last places in memory', () => {
  const { take, report } = people([{ window, limit: 53_000 }]);
  const all = names(53_000);
  expect(take(all.slice(0, 50_000))).toBe('taken');
  report();
  expect(take([...all.slice(50_000), ...all.slice(0, 3_000)])).toBe('taken');
});
