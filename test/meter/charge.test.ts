/** Tests for how long a payment covers what a statement tells (INVARIANT 265). */
import { expect, it } from 'vitest';
import { Charge } from '../../src/metering/charge.ts';
import { CalendarDays } from '../../src/metering/days.ts';
import { Lease } from '../../src/metering/lease.ts';

const MINUTE = { count: 1, unit: 'minute' } as const;

function chargeOf(kept: boolean): { lease: Lease; charge: Charge } {
  const terms = { ceilings: [{ window: MINUTE, limit: 100 }] };
  const lease = new Lease('principal:app', 'subjects.pupil', terms, 8, new CalendarDays('UTC'));
  lease.add({ granted: 8, used: [8], at: 0 }, 1, 0, 0);
  const charge = new Charge(lease, kept);
  charge.setAside(1, 0);
  return { lease, charge };
}

const past = (charge: Charge, now: number) => [charge.isPast('row', now), charge.isPast('end', now)];

it('the place pays until its window may have ended', () => {
  const { charge } = chargeOf(false);
  expect(past(charge, 59_999)).toEqual([false, false]);
  expect(past(charge, 60_000)).toEqual([true, true]);
});

it('so does each row that costs something, and no row of an earlier window', () => {
  const { lease, charge } = chargeOf(false);
  charge.use();
  charge.tell(1, lease, 30_000);
  expect(past(charge, 89_999)).toEqual([false, false]);
  expect(past(charge, 90_000)).toEqual([true, true]);
  charge.pay('end', lease, 90_000);
  expect(past(charge, 90_000)).toEqual([true, false]);
});

it('a place that is kept for an error pays for the end, whatever the rows cost', () => {
  const { lease, charge } = chargeOf(true);
  charge.tell(1, lease, 30_000);
  expect(past(charge, 60_000)).toEqual([false, true]);
  charge.keep();
  expect(past(charge, 60_000)).toEqual([false, true]);
});

it('nothing pays under another policy’s windows', () => {
  const { lease, charge } = chargeOf(false);
  charge.tell(1, lease, 0);
  lease.change({ ceilings: [{ window: { count: 1, unit: 'hour' }, limit: 100 }] }, undefined);
  expect(past(charge, 1)).toEqual([true, true]);
});
