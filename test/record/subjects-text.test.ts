import fc from 'fast-check';
import { expect, it } from 'vitest';
import { printable } from '../../src/record/printable.ts';
import { subjectsText } from '../../src/record/short/subjects-text.ts';

const count = fc.maxSafeNat();
const ids = fc.array(fc.string({ unit: 'binary' }), { maxLength: 3 });
// `__proto__` is no name that YAML could give an object, and none that JSON could be made of here.
const name = fc.string({ unit: 'binary' }).filter((text) => text !== '__proto__');
const shown = fc.oneof(fc.record({ n: count, unnamed: count }), fc.record({ n: count, unnamed: count, ids }));

it('is the JSON of the subjects, whatever they are called, in their order', () => {
  fc.assert(
    fc.property(fc.dictionary(name, shown, { maxKeys: 4 }), (subjects) => {
      fc.pre(Object.keys(subjects).length > 0);
      expect(subjectsText(subjects)).toBe(printable(JSON.stringify(subjects)));
      expect(subjectsText(subjects)).toBe(printable(JSON.stringify(subjects)));
    }),
  );
});

it('of names that were never seen together', () => {
  for (let i = 0; i < 500; i++) {
    const subjects = { [`s${i % 130}`]: { n: i, unnamed: 0 } };
    expect(subjectsText(subjects)).toBe(JSON.stringify(subjects));
  }
});
