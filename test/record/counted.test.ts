import fc from 'fast-check';
import { expect, it } from 'vitest';
import { counted } from '../../src/record/counted.ts';

it('is what String makes of a whole number, whatever came before', () => {
  fc.assert(fc.property(fc.maxSafeNat(), (number) => counted(number) === String(number)));
  for (const around of [0, 1_000, 10_000, 1_000_000, 2 ** 31, 2 ** 32]) {
    for (let number = Math.max(0, around - 2_000); number < around + 2_000; number++) {
      expect(counted(number)).toBe(String(number));
    }
  }
});
