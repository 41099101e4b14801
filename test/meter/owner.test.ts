/** Tests names of owners: no two owners are counted or locked under one name. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { holderOf, ownerOf } from '../../src/metering/owner.ts';
import { permitOwner } from '../../src/metering/permit.ts';

const name = fc.oneof(
  fc.string({ unit: 'grapheme', minLength: 1 }),
  fc.string({
    unit: fc.constantFrom('/', '%', ':', '2', 'F', 'a', 'user:', 'principal:', ' '),
    minLength: 1,
    maxLength: 6,
  }),
);
const holder = fc.oneof(
  fc.record({ principal: name }),
  fc.record({ principal: name, user: fc.oneof(name, fc.constant('')) }),
);

it('an owner’s name gives back its principal and user', () => {
  fc.assert(
    fc.property(holder, (one) => {
      expect(holderOf(ownerOf(one))).toEqual({ ...one });
      const { principal } = one;
      if ('user' in one) expect(ownerOf(one)).toBe(ownerOf({ principal, user: '' }) + one.user);
    }),
  );
  expect(ownerOf({ principal: 'college_12_app' })).toBe('principal:college_12_app');
  expect(ownerOf({ principal: 'portal', user: '77/31' })).toBe('user:portal/77/31');
  expect(holderOf(permitOwner('01J/x'))).toBeUndefined();
});
