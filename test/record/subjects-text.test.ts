import fc from 'fast-check';
import { expect, it } from 'vitest';
import { printable } from '../../src/record/printable.ts';
import { subjectsText } from '../../src/record/short/subjects-text.ts';

const count = fc.maxSafeNat();
const ids = fc.array(fc.string({ unit: 'binary' }), { maxLength: 3 });
// `__proto__` is no name that YAML could give an object, and none that JSON could be made of here.
const name = fc.string({ unit: 'binary' }).filter((text) => text !== '__proto__');
const counts = { people: count, questions: count, values: count };
const shown = fc.oneof(fc.record(counts), fc.record({ ...counts, ids }));

/** Questions and values stand where there are some. */
const written = (subjects: Parameters<typeof subjectsText>[0]): string =>
  printable(
    JSON.stringify(subjects, (_, value) =>
      typeof value === 'object' && value !== null && 'people' in value && 'questions' in value
        ? { ...value, questions: value.questions || undefined, values: value.values || undefined }
        : value,
    ),
  );

it('is the JSON of the subjects, whatever they are called, in their order', () => {
  fc.assert(
    fc.property(fc.dictionary(name, shown, { maxKeys: 4 }), (subjects) => {
      fc.pre(Object.keys(subjects).length > 0);
      expect(subjectsText(subjects)).toBe(written(subjects));
      expect(subjectsText(subjects)).toBe(written(subjects));
    }),
  );
});

it('of names that were never seen together', () => {
  for (let i = 0; i < 500; i++) {
    const subjects = { [`s${i % 130}`]: { people: i, questions: 0, values: 1 } };
    expect(subjectsText(subjects)).toBe(written(subjects));
  }
});
