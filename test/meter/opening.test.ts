/** Tests break-glass openings: one holds by its own signatures, in its own store and time, and nothing else in the store is believed. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Approvers } from '../../src/metering/approvals.ts';
import {
  BREAK_GLASS_NAMESPACE,
  type BreakGlassTerms,
  breakGlassHolds,
  breakGlassRequest,
} from '../../src/metering/break-glass.ts';
import type { BreakGlassOpening } from '../../src/metering/budget-store.ts';
import {
  changeExceptions,
  exceptionsOf,
  exceptionsState,
  mergedExceptions,
  NO_EXCEPTIONS,
} from '../../src/metering/exceptions.ts';
import { newSigner } from '../support/ssh-signer.ts';

const NOW = Date.UTC(2026, 10, 25, 3);
const HOUR = 3_600_000;
const signers = ['jean', 'zoe', 'max'].map(newSigner);
const [jean, zoe] = signers as [(typeof signers)[0], (typeof signers)[0]];
const approversOf = (...names: string[]): Approvers =>
  new Map(signers.filter(({ name }) => names.includes(name)).map(({ name, key }) => [name, { user: name, key }]));
const all = approversOf('jean', 'zoe', 'max');

const asked: BreakGlassOpening = {
  id: '01KB',
  owner: 'principal:night',
  role: 'dba',
  guard: 'g1',
  state: 'one',
  until: NOW + 2 * HOUR,
  reason: 'ticket 4711',
  usedBy: 'ines',
  requestedBy: 'ines (as root)',
  requestedAt: NOW,
  approvals: [],
};
const signed = (opening: BreakGlassOpening, ...by: typeof signers): BreakGlassOpening => {
  const approvals = by.map(({ name, sign }) => ({
    by: name,
    signature: sign(breakGlassRequest(opening).text, BREAK_GLASS_NAMESPACE),
  }));
  return { ...opening, approvals };
};
const open = signed(asked, jean, zoe);
const terms: BreakGlassTerms = { rule: { approvals: 2, for: 4 * HOUR }, role: 'dba', approvers: all, state: 'one' };
const holds = (opening: BreakGlassOpening, more: Partial<BreakGlassTerms> = {}, now = NOW + 1) =>
  breakGlassHolds(opening, { ...terms, ...more }, now);

it('holds from the second signature on, until its end', () => {
  expect(holds(asked)).toBe(false);
  expect(holds(signed(asked, jean))).toBe(false);
  expect(holds(open)).toBe(true);
  expect(holds(open, {}, open.until - 1)).toBe(true);
  expect(holds(open, {}, open.until)).toBe(false);
});

it.each<[string, Partial<BreakGlassOpening>]>([
  ['a later end', { until: NOW + 3 * HOUR }],
  ['another principal', { owner: 'principal:dba' }],
  ['another user', { usedBy: 'eve' }],
  ['another reason', { reason: 'ticket 4712' }],
  ['another id', { id: '01KC' }],
  ['another guard', { guard: 'g2' }],
  ['another time of asking', { requestedAt: NOW + 1 }],
  ['another line in its reason', { reason: 'ticket 4711\nused by: "eve"' }],
])('the signatures do not hold for %s', (_, change) => {
  expect(holds({ ...open, ...change }, {}, NOW + 2)).toBe(false);
});

it.each<[string, Partial<BreakGlassTerms>]>([
  ['copied to the store of another guard', { state: 'other' }],
  ['where the store has not said who it is', { state: undefined }],
  ['for a role that the principal has not any more', { role: 'teacher' }],
  ['longer than the policy allows now', { rule: { approvals: 2, for: HOUR } }],
  ['signed by fewer than the policy wants now', { rule: { approvals: 3, for: 4 * HOUR } }],
  ['signed by who may not approve this one', { rule: { approvals: 2, for: 4 * HOUR, approvers: ['jean', 'max'] } }],
  ['signed by who may not approve any more', { approvers: approversOf('jean', 'max') }],
  ['without any approvers', { approvers: undefined }],
])('does not hold %s', (_, change) => {
  expect(holds(open)).toBe(true);
  expect(holds(open, change)).toBe(false);
  expect(holds(open)).toBe(true);
});

it('one person’s signature counts once, under their own name, and neither the asker’s nor the user’s', () => {
  const [first] = open.approvals;
  expect(holds({ ...asked, approvals: [first!, first!] })).toBe(false);
  expect(holds({ ...asked, approvals: [first!, { by: 'zoe', signature: first!.signature }] })).toBe(false);
  for (const change of [{ usedBy: 'Zoe' }, { requestedBy: 'zoe (as root)' }])
    expect(holds(signed({ ...asked, ...change }, jean, zoe))).toBe(false);
  const forPermits = zoe.sign(breakGlassRequest(asked).text, 'rowgate-permit');
  expect(holds({ ...asked, approvals: [first!, { by: 'zoe', signature: forPermits }] })).toBe(false);
});

it('does not hold where the clock was set back to before the request', () => {
  expect(holds(open, {}, NOW - 30_000)).toBe(true);
  expect(holds(open, {}, NOW - 2 * 60_000)).toBe(false);
});

it('one that was closed stays closed, also with a guard that has it as open, and over a restart', () => {
  const closed: BreakGlassOpening = { ...open, closed: { by: 'ines', at: NOW + 1 } };
  const change = (opening: BreakGlassOpening) => ({ kind: 'opening', opening }) as const;
  const exceptions = [open, closed, open].reduce(
    (one, next) => changeExceptions(one, change(next), NOW),
    NO_EXCEPTIONS,
  );
  expect(exceptions.openings.map((opening) => holds(opening))).toEqual([false]);
  const other = changeExceptions(NO_EXCEPTIONS, change(open), NOW);
  for (const merged of [mergedExceptions(exceptions, other, NOW), mergedExceptions(other, exceptions, NOW)])
    expect(merged.openings).toMatchObject([{ closed: { by: 'ines' } }]);
  expect(exceptionsOf(JSON.parse(JSON.stringify(exceptionsState(exceptions)))).openings).toEqual(exceptions.openings);
});

it('two signatures at two guards at once both count', () => {
  const change = (opening: BreakGlassOpening) => ({ kind: 'opening', opening }) as const;
  const one = changeExceptions(NO_EXCEPTIONS, change(signed(asked, jean)), NOW);
  const two = changeExceptions(one, change(signed(asked, zoe)), NOW);
  expect(two.openings.map((opening) => holds(opening))).toEqual([true]);
});

it('changes in any order: closed once any guard has closed it, signed by all who have signed', () => {
  const told = fc.record({
    by: fc.subarray(['jean', 'zoe', 'max']),
    closed: fc.option(fc.integer({ min: 1, max: 9 }), { nil: undefined }),
  });
  fc.assert(
    fc.property(fc.array(told, { minLength: 1, maxLength: 6 }), fc.array(told, { maxLength: 4 }), (here, there) => {
      const after = (all: typeof here) =>
        all.reduce((exceptions, { by, closed }) => {
          const approvals = by.map((name) => ({ by: name, signature: name }));
          const opening = { ...asked, approvals, ...(closed !== undefined && { closed: { by: 'x', at: closed } }) };
          return changeExceptions(exceptions, { kind: 'opening', opening }, NOW);
        }, NO_EXCEPTIONS);
      const all = [...here, ...there];
      for (const { openings } of [after(all), mergedExceptions(after(here), after(there), NOW)]) {
        expect(openings).toHaveLength(1);
        expect(openings[0]?.closed !== undefined).toBe(all.some(({ closed }) => closed !== undefined));
        const signed = openings[0]?.approvals.map(({ by }) => by).toSorted();
        expect(signed).toEqual([...new Set(all.flatMap(({ by }) => by))].toSorted());
      }
    }),
    { numRuns: 300 },
  );
});
