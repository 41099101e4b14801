/** Tests exceptions when two guards say different things: no lock is shortened, no revocation forgotten, and a wrong clock ends nothing. */
import { expect, it } from 'vitest';
import type { AccountLock, ExceptionsChange, Permit, Raise } from '../../src/metering/budget-store.ts';
import { changeExceptions, mergedExceptions, NO_EXCEPTIONS } from '../../src/metering/exceptions.ts';
import { raiseHolds } from '../../src/metering/raise.ts';

const NOW = Date.UTC(2026, 10, 25, 12);
const HOUR = 3_600_000;
const owner = 'principal:vendor';
const lockOf = (reason: string, forMs?: number): AccountLock => ({
  owner,
  since: NOW,
  reason,
  by: 'rowgate',
  ...(forMs !== undefined && { until: NOW + forMs }),
});
const permit: Permit = {
  id: '01KB',
  owner,
  guard: 'g1',
  state: 'state',
  tables: ['public.students'],
  rows: 10,
  from: NOW,
  until: NOW + HOUR,
  reason: 'statistics',
  requestedBy: 'ines',
  requestedAt: NOW,
  approvals: [],
};
const after = (...changes: ExceptionsChange[]) =>
  changes.reduce((exceptions, change) => changeExceptions(exceptions, change, NOW), NO_EXCEPTIONS);
const reasonOf = (exceptions: ReturnType<typeof after>) => exceptions.locks.get(owner)?.reason;

it('a lock that ends by itself does not take the place of one that ends later, or never', () => {
  const canary: ExceptionsChange = { kind: 'lock', lock: lockOf('unusual access') };
  const overruns: ExceptionsChange = { kind: 'lock', lock: lockOf('5 overruns', 600_000) };
  const hour: ExceptionsChange = { kind: 'lock', lock: lockOf('an hour', HOUR) };
  expect(reasonOf(after(canary, overruns))).toBe('unusual access');
  expect(reasonOf(after(overruns, canary))).toBe('unusual access');
  expect(reasonOf(after(hour, overruns))).toBe('an hour');
  expect(reasonOf(after(canary, { kind: 'release', owner }, overruns))).toBe('5 overruns');
});

it('one that is over makes room for any other', () => {
  const old = after({ kind: 'lock', lock: lockOf('over', 600_000) });
  const lock = { ...lockOf('new'), until: NOW + HOUR + 1 };
  expect(reasonOf(changeExceptions(old, { kind: 'lock', lock }, NOW + HOUR))).toBe('new');
});

it('a guard with a clock some hours ahead ends nothing for the others', () => {
  const lock = lockOf('5 overruns', 600_000);
  const window = { count: 1, unit: 'hour' } as const;
  const raise = {
    id: 'r',
    owner,
    measure: 'rows',
    window,
    amount: 9,
    until: NOW + HOUR,
    reason: 'x',
    by: 'x',
  } as const;
  const before = after({ kind: 'lock', lock }, { kind: 'raise', raise });
  const changed = changeExceptions(before, { kind: 'release', owner: 'principal:other' }, NOW + 6 * HOUR);
  expect(changed.locks.get(owner)).toEqual(lock);
  expect(changed.raises).toEqual([raise]);
  expect(changeExceptions(changed, { kind: 'release', owner: 'x' }, NOW + 30 * HOUR)).toEqual(NO_EXCEPTIONS);
});

it('a raise that was revoked stays so, also where a copy of before comes back, and takes no smaller one with it', () => {
  const window = { count: 1, unit: 'hour' } as const;
  const times = { until: NOW + HOUR, reason: 'x', by: 'ines' };
  const raise: Raise = { id: 'r', owner, measure: 'rows', window, amount: 90, ...times };
  const smaller: Raise = { ...raise, id: 's', amount: 50 };
  const revoked = after({ kind: 'raise', raise }, { kind: 'raise', raise: { ...raise, revokedBy: 'zoe' } });
  const merged = [
    changeExceptions(revoked, { kind: 'raise', raise }, NOW),
    mergedExceptions(revoked, after({ kind: 'raise', raise }), NOW),
    mergedExceptions(after({ kind: 'raise', raise }), revoked, NOW),
  ];
  const terms = { approvals: undefined, approvers: undefined, state: undefined };
  for (const { raises } of merged) {
    expect(raises.map(({ revokedBy }) => revokedBy)).toEqual(['zoe']);
    expect(raises.some((one) => raiseHolds(one, terms))).toBe(false);
  }
  for (const { raises } of [
    changeExceptions(revoked, { kind: 'raise', raise: smaller }, NOW),
    changeExceptions(
      after({ kind: 'raise', raise: smaller }),
      { kind: 'raise', raise: { ...raise, revokedBy: 'zoe' } },
      NOW,
    ),
  ])
    expect(raises.filter((one) => raiseHolds(one, terms)).map(({ id }) => id)).toEqual(['s']);
});

it('a revoked permit stays revoked, and two approvals that did not know of each other both count', () => {
  const approvedBy = (...names: string[]): ExceptionsChange => {
    const approvals = names.map((by) => ({ by, signature: by }));
    return { kind: 'permit', permit: { ...permit, approvals } };
  };
  const revoked: ExceptionsChange = { kind: 'permit', permit: { ...permit, revokedBy: 'ines' } };
  expect(after(approvedBy('jean'), revoked, approvedBy('jean', 'zoe')).permits[0]?.revokedBy).toBe('ines');
  expect(after(approvedBy('jean'), approvedBy('zoe')).permits[0]?.approvals.map(({ by }) => by)).toEqual([
    'jean',
    'zoe',
  ]);
});

it('of two that do not come from each other every lock and revocation stays', () => {
  const one = after({ kind: 'lock', lock: lockOf('ten minutes', 600_000) }, { kind: 'permit', permit });
  const other = after(
    { kind: 'lock', lock: lockOf('unusual access') },
    { kind: 'lock', lock: { ...lockOf('by hand'), owner: 'principal:other' } },
    { kind: 'permit', permit: { ...permit, revokedBy: 'ines' } },
  );
  for (const merged of [mergedExceptions(one, other, NOW), mergedExceptions(other, one, NOW)]) {
    expect(reasonOf(merged)).toBe('unusual access');
    expect(merged.locks.get('principal:other')?.reason).toBe('by hand');
    expect(merged.permits[0]?.revokedBy).toBe('ines');
  }
});

it('a raise that gives no more than a later one makes room for it', () => {
  const raise = (id: string, amount: number, forMs: number, unit: 'hour' | 'day' = 'hour'): ExceptionsChange => {
    const window = { count: 1, unit };
    return {
      kind: 'raise',
      raise: { id, owner, measure: 'rows', window, amount, until: NOW + forMs, reason: 'x', by: 'x' },
    };
  };
  const ids = (...changes: ExceptionsChange[]) => after(...changes).raises.map(({ id }) => id);
  expect(ids(raise('a', 10, HOUR), raise('b', 11, HOUR), raise('c', 12, 2 * HOUR))).toEqual(['c']);
  expect(ids(raise('long', 10, 9 * HOUR), raise('more', 20, HOUR), raise('day', 20, HOUR, 'day'))).toEqual([
    'long',
    'more',
    'day',
  ]);
});
