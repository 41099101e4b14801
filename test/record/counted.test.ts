/** Tests the formatting of numbers in records: the same text as String gives. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { numberText, rounded } from '../../src/decision-log/writer/number-text.ts';

it('is what String makes of a whole number, whatever came before', () => {
  fc.assert(fc.property(fc.maxSafeNat(), (number) => numberText(number) === String(number)));
  for (const around of [0, 1_000, 10_000, 1_000_000, 2 ** 31, 2 ** 32]) {
    for (let number = Math.max(0, around - 2_000); number < around + 2_000; number++) {
      expect(numberText(number)).toBe(String(number));
    }
  }
});

it('is what String makes of a number of milliseconds, to three places', () => {
  const same = (number: number) => rounded(number) === String(Math.round(number * 1000) / 1000);
  fc.assert(fc.property(fc.double({ min: 0, max: 2 ** 42, noNaN: true }), same));
  fc.assert(fc.property(fc.double({ min: 0, max: 10, noNaN: true }), same));
  for (let thousandths = 0; thousandths < 20_000; thousandths++) expect(same(thousandths / 1000)).toBe(true);
});
