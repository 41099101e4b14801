/** Tests for how long a payment covers what a statement tells (INVARIANT 265). */
import { expect, it } from 'vitest';
import { Charge } from '../../src/metering/charge.ts';
import { CalendarDays } from '../../src/metering/days.ts';
import { Lease } from '../../src/metering/lease.ts';

/** Its slots are a second each. */
const MINUTE = { count: 1, unit: 'minute' } as const;

const grant = (lease: Lease, at: number) => lease.add({ granted: 8, used: [8], at }, 1, at, at);

function chargeOf(kept: boolean): { lease: Lease; charge: Charge } {
  const terms = { ceilings: [{ window: MINUTE, limit: 100 }] };
  const lease = new Lease('principal:app', 'subjects.pupil', terms, 8, new CalendarDays('UTC'));
  grant(lease, 0);
  const charge = new Charge(lease, kept);
  charge.setAside(1, 0);
  return { lease, charge };
}

/** What is left of the slot before is given back. */
function nextGrant(lease: Lease, at: number): void {
  lease.expire(at);
  grant(lease, at);
}

const past = (charge: Charge, now: number) => [charge.isPast('row', now), charge.isPast('end', now)];

it('the place pays until its slot ends: a window that begins then does not count it', () => {
  const { charge } = chargeOf(false);
  expect(past(charge, 999)).toEqual([false, false]);
  expect(past(charge, 1_000)).toEqual([true, true]);
});

it('so does each row that costs something, and no row of an earlier slot', () => {
  const { lease, charge } = chargeOf(false);
  charge.use();
  nextGrant(lease, 30_000);
  charge.tell(1, lease);
  expect(past(charge, 30_999)).toEqual([false, false]);
  expect(past(charge, 31_000)).toEqual([true, true]);
  nextGrant(lease, 31_000);
  charge.pay('end', lease);
  expect(past(charge, 31_000)).toEqual([true, false]);
});

it('nothing pays by a grant that was given up', () => {
  const { lease, charge } = chargeOf(false);
  lease.expire(1_000);
  charge.tell(1, lease);
  expect(past(charge, 1_000)).toEqual([true, true]);
});

it('a place that is kept for an error pays for the end, whatever the rows cost', () => {
  const { lease, charge } = chargeOf(true);
  nextGrant(lease, 30_000);
  charge.tell(1, lease);
  expect(past(charge, 30_500)).toEqual([false, true]);
  charge.keep();
  expect(past(charge, 30_500)).toEqual([false, true]);
});

it('nothing pays under another policy’s windows', () => {
  const { lease, charge } = chargeOf(false);
  charge.tell(1, lease);
  lease.change({ ceilings: [{ window: { count: 1, unit: 'hour' }, limit: 100 }] }, undefined);
  expect(past(charge, 1)).toEqual([true, true]);
});
