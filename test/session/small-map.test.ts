/** Tests that SmallMap behaves as a Map does, and stays fast with many entries. */
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

it('does what a Map does, with few entries or many', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const small = new SmallMap<string, { number: number }>();
      const map = new Map<string, { number: number }>();
      for (const [what, number] of steps) {
        const name = `key ${number}`;
        if (what === 'clear') {
          small.clear();
          map.clear();
        } else if (what === 'drop') {
          small.dropWhile((value) => value.number < number);
          for (const [name, value] of map) {
            if (value.number >= number) break;
            map.delete(name);
          }
        } else if (what === 'delete') expect(small.delete(name)).toBe(map.delete(name));
        else if (what === 'take') {
          expect(small.take(name)).toBe(map.get(name));
          map.delete(name);
        } else {
          const value = { number };
          small.set(name, value);
          map.set(name, value);
        }
        expect([small.size, small.has(name), small.get(name)]).toEqual([map.size, map.has(name), map.get(name)]);
        expect(small.entries()).toEqual([...map]);
        expect(small.values()).toEqual([...map.values()]);
        expect(small.oldest).toBe(map.keys().next().value);
      }
    }),
    { numRuns: 300 },
  );
});

it('gives what was there when it was asked, whatever goes meanwhile', () => {
  for (const count of [3, 30]) {
    const small = new SmallMap<number, number>();
    for (let i = 0; i < count; i++) small.set(i, i);
    for (const [name] of small.entries()) small.delete(name);
    expect(small.size).toBe(0);
  }
});

it('drops many in the time that each takes, not all of those before it', () => {
  const small = new SmallMap<string, number>();
  for (let i = 0; i < 200_000; i++) small.set(`key ${i}`, i);
  const before = performance.now();
  small.dropWhile((value) => value < 150_000);
  // Removing one by one from the first key takes seconds.
  expect(performance.now() - before).toBeLessThan(1_500);
  expect([small.size, small.oldest]).toEqual([50_000, 'key 150000']);
});
