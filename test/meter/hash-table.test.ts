/** Compares the table of people with a list: after any additions, uses and removals, it finds the same and gives the same order. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { HashTable, NOWHERE } from '../../src/metering/hash-table.ts';
import { eachHash, hashText, readHash, WORDS } from '../../src/metering/hashes.ts';

/** Many begin alike, so that they lie in each other's places. */
const person = fc
  .record({ home: fc.nat(3), rest: fc.nat(20) })
  .map(({ home, rest }) => [home, rest, 0x3fffffff - rest, 7]);
const step = fc.record({ what: fc.constantFrom('add', 'touch', 'remove', 'remove the oldest'), person });

it('finds the people it holds, in the order in which they came last', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const table = new HashTable(2);
      let list: { key: string; value: number }[] = [];
      for (const [value, { what, person }] of steps.entries()) {
        const key = hashText(person);
        const place = table.find(person, 0);
        expect(place !== NOWHERE).toBe(list.some((one) => one.key === key));
        if (what === 'remove the oldest') {
          if (table.oldest !== NOWHERE) table.remove(table.oldest);
          list = list.slice(1);
        } else if (place === NOWHERE) {
          const added = table.add(person, 0);
          table.set(added, value);
          table.set(added, -value, 1);
          list.push({ key, value });
        } else {
          const one = list.find((other) => other.key === key)!;
          expect([table.number(place), table.number(place, 1)]).toEqual([one.value, -one.value]);
          if (what === 'add') continue;
          list = list.filter((other) => other !== one);
          if (what === 'remove') table.remove(place);
          else {
            table.touch(place);
            list.push(one);
          }
        }
        const { words, numbers } = table.copy();
        expect(eachHash(hashText(words))).toEqual(list.map((one) => one.key));
        expect([...numbers]).toEqual(list.map((one) => one.value));
        expect(table.size).toBe(list.length);
      }
    }),
  );
});

it('bytes that are no hash of a person are an error, and a hash comes back unchanged', () => {
  const words = new Int32Array(WORDS);
  for (const wrong of ['', 'a'.repeat(19), `${'a'.repeat(19)}=`, `${'a'.repeat(19)} `, `é${'a'.repeat(19)}`])
    expect(() => readHash(wrong, 0, words)).toThrow(RangeError);
  const text = 'AZaz09-_AZaz09-_____';
  readHash(`xx${text}`, 2, words);
  expect(hashText(words)).toBe(text);
});
