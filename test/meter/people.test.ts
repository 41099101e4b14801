/** Tests the set of seen people, in bounded memory: the longest unseen are forgotten first, after any additions and removals, and without slowing down. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { eachHash, hashText } from '../../src/metering/hashes.ts';
import { SeenSubjects } from '../../src/metering/seen-subjects.ts';
import { hashOf, seen, wordsOf } from '../support/people.ts';

it('forgets as a list would that is gone through from its beginning', () => {
  const step = fc.oneof(
    fc.record({ see: fc.integer({ min: 0, max: 12 }), later: fc.integer({ min: -1, max: 3 }) }),
    fc.record({ forget: fc.integer({ min: 0, max: 6 }) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      const people = new SeenSubjects([], 6);
      let list: [string, number][] = [];
      let now = 100;
      for (const one of steps) {
        if ('see' in one) {
          now += one.later;
          const key = String(one.see);
          const last = Math.max(now, list.find(([name]) => name === key)?.[1] ?? 0);
          list = [...list.filter(([name]) => name !== key), [key, last]];
          people.see(wordsOf(key), now);
          if (list.length > 6) list.shift();
        } else {
          const gone = (sight: number): boolean => sight < now - one.forget;
          while (list[0] && gone(list[0][1])) list.shift();
          people.forget(gone);
        }
        expect(people.size).toBe(list.length);
      }
      expect([...people.sights()]).toEqual(list.map(([, sight]) => sight));
      const [all = seen([])] = people.entries();
      expect(eachHash(all.hashes)).toEqual(list.map(([name]) => hashOf(name)));
      for (const [name, sight] of list) expect(people.lastSight(hashOf(name))).toBe(sight);
      expect([...new SeenSubjects([all]).entries()]).toEqual([...people.entries()]);
    }),
  );
});

it('half a million people who come when there is no room cost no more than those before', () => {
  // As hashes are, in no order.
  const person = (i: number): number[] => [1, 3, 5, 7].map((odd) => Math.imul(i + odd, 0x9e3779b1) >>> 2);
  const most = 250_000;
  const people = new SeenSubjects([], most);
  const time = (from: number, count: number): number => {
    const began = performance.now();
    for (let i = from; i < from + count; i += 1) people.see(person(i), i);
    return performance.now() - began;
  };
  const room = time(0, most);
  const none = time(most, 2 * most);
  expect(people.size).toBe(most);
  expect(people.lastSight(hashText(person(3 * most - 1)))).toBe(3 * most - 1);
  expect(none).toBeLessThan(20 * room + 2_000);
});
