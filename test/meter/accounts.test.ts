/** Tests accounts: of many owners, those that hold nothing any more are dropped, a few at a time; and none forgets people where the clock is set back. */
import { expect, it } from 'vitest';
import { Accounts } from '../../src/metering/accounts.ts';
import { seen } from '../support/people.ts';

const HOUR = { count: 1, unit: 'hour' } as const;
const NOW = Date.parse('2026-11-25T09:00:00Z');
const LATER = NOW + 2 * 3_600_000;

it('each is looked at in turn, also while others begin', () => {
  const accounts = new Accounts('Europe/Paris');
  const take = (user: string, now: number) =>
    accounts.take({ owner: `user:portal/${user}`, measure: 'rows', ceilings: [{ window: HOUR }], want: 1 }, now);
  for (let i = 0; i < 1_000; i += 1) take(`old${i}`, NOW);
  const count = () => [...accounts.entries()].length;
  accounts.sweep(LATER, 400);
  expect(count()).toBe(600);
  for (let i = 0; i < 300; i += 1) take(`new${i}`, LATER);
  for (let looks = 0; looks < 4; looks += 1) accounts.sweep(LATER, 400);
  expect(count()).toBe(300);
  expect(accounts.used('user:portal/new7', 'rows', [HOUR], LATER)).toEqual([1]);
  for (let looks = 0; looks < 3; looks += 1) accounts.sweep(LATER + 2 * 3_600_000, 400);
  expect(count()).toBe(0);
});

it('a person whose place was granted on a day that is to come again counts today', () => {
  const accounts = new Accounts('Europe/Paris');
  const day = { count: 1, unit: 'day' } as const;
  const claim = { owner: 'principal:a', measure: 'subjects.pupil', ceilings: [{ window: day, limit: 5 }] } as const;
  const used = (now: number) => accounts.used(claim.owner, claim.measure, [day], now);
  const { at } = accounts.take({ ...claim, want: 1 }, NOW + 86_400_000);
  expect(used(NOW + 86_400_000)).toEqual([1]);
  accounts.saw(claim.owner, claim.measure, [day], seen(['a'], at), NOW);
  expect(used(NOW)).toEqual([1]);
});
