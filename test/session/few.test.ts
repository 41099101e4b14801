import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Few } from '../../src/few.ts';

type Step = readonly ['set' | 'delete', number] | readonly ['clear'];

const key = fc.nat({ max: 20 });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.tuple(fc.constant('set' as const), key) },
  { weight: 5, arbitrary: fc.tuple(fc.constant('delete' as const), key) },
  { weight: 1, arbitrary: fc.tuple(fc.constant('clear' as const)) },
);

it('does what a Map does, few or many', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const few = new Few<string, object>();
      const map = new Map<string, object>();
      for (const [what, number] of steps) {
        const name = `key ${number}`;
        if (what === 'clear') {
          few.clear();
          map.clear();
        } else if (what === 'delete') expect(few.delete(name)).toBe(map.delete(name));
        else {
          const value = {};
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
    const few = new Few<number, number>();
    for (let i = 0; i < count; i++) few.set(i, i);
    for (const [name] of few.entries()) few.delete(name);
    expect(few.size).toBe(0);
  }
});
