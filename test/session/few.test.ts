import fc from 'fast-check';
import { expect, it } from 'vitest';
import { SmallMap } from '../../src/core/small-map.ts';

type Step = readonly ['set' | 'delete' | 'take' | 'drop', number] | readonly ['clear'];

const key = fc.nat({ max: 20 });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.tuple(fc.constant('set' as const), key) },
  { weight: 5, arbitrary: fc.tuple(fc.constant('delete' as const), key) },
  { weight: 3, arbitrary: fc.tuple(fc.constant('take' as const), key) },
  { weight: 1, arbitrary: fc.tuple(fc.constant('drop' as const), key) },
  { weight: 1, arbitrary: fc.tuple(fc.constant('clear' as const)) },
);

it('does what a Map does, few or many', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const few = new SmallMap<string, { number: number }>();
      const map = new Map<string, { number: number }>();
      for (const [what, number] of steps) {
        const name = `key ${number}`;
        if (what === 'clear') {
          few.clear();
          map.clear();
        } else if (what === 'drop') {
          few.dropWhile((value) => value.number < number);
          for (const [name, value] of map) {
            if (value.number >= number) break;
            map.delete(name);
          }
        } else if (what === 'delete') expect(few.delete(name)).toBe(map.delete(name));
        else if (what === 'take') {
          expect(few.take(name)).toBe(map.get(name));
          map.delete(name);
        } else {
          const value = { number };
          few.set(name, value);
          map.set(name, value);
        }
        expect([few.size, few.has(name), few.get(name)]).toEqual([map.size, map.has(name), map.get(name)]);
        expect(few.entries()).toEqual([...map]);
        expect(few.values()).toEqual([...map.values()]);
        expect(few.oldest).toBe(map.keys().next().value);
      }
    }),
    { numRuns: 300 },
  );
});

it('gives what was there when it was asked, whatever goes meanwhile', () => {
  for (const count of [3, 30]) {
    const few = new SmallMap<number, number>();
    for (let i = 0; i < count; i++) few.set(i, i);
    for (const [name] of few.entries()) few.delete(name);
    expect(few.size).toBe(0);
  }
});

it('drops many in the time that each takes, not all of those before it', () => {
  const few = new SmallMap<string, number>();
  for (let i = 0; i < 200_000; i++) few.set(`key ${i}`, i);
  const before = performance.now();
  few.dropWhile((value) => value < 150_000);
  // One by one by the first key it takes seconds.
  expect(performance.now() - before).toBeLessThan(1_500);
  expect([few.size, few.oldest]).toEqual([50_000, 'key 150000']);
});
