/** Tests budgets of two processes over one store: together they grant no more than the limits; locks, raises and permits reach both; and the store may be away. */
import { afterEach, expect, it } from 'vitest';
import type { Budgets } from '../../src/budget/local/budgets.ts';
import { memoryStore } from '../../src/budget/store/memory.ts';
import { type Approvers, stateName } from '../../src/metering/approvals.ts';
import type { BudgetStore, Permit } from '../../src/metering/budget-store.ts';
import { PERMIT_NAMESPACE, permitRequest } from '../../src/metering/permit.ts';
import type { Limits } from '../../src/policy/model/limits.ts';
import type { SessionPolicy } from '../../src/session/ports.ts';
import { policyOf } from '../session/policies.ts';
import { newSigner } from '../support/ssh-signer.ts';
import { type Asking, elsewhere, type Guard, guardOver as guardOf, limit, row } from './guards.ts';

const OWNER = 'principal:app';
const stores: BudgetStore[] = [];
const guards: Budgets[] = [];

afterEach(async () => {
  for (const guard of guards.splice(0)) guard.stop();
  for (const store of stores.splice(0)) await store.close();
});

function guardOver(store: BudgetStore, approvers?: Approvers): Guard {
  const guard = guardOf(store, 'app', approvers);
  guards.push(guard.budgets);
  return guard;
}

function policy(limits: Limits, more: Partial<SessionPolicy['role']> = {}): SessionPolicy {
  const made = policyOf({ limits });
  return { ...made, role: { ...made.role, ...more } };
}

function newStore(): BudgetStore {
  const store = memoryStore({ timeZone: 'Europe/Paris', now: Date.now });
  stores.push(store);
  return store;
}

it.each([
  ['in the process', (store: BudgetStore) => store],
  ['elsewhere', elsewhere],
])('two processes with ten sessions each give exactly the limit together: a store %s', async (_name, wrapped) => {
  const store = wrapped(newStore());
  const limited = policy({
    rows: [limit('500 per hour')],
    subjects: new Map([['pupil', [limit('40 per day')]]]),
  });
  const seen = new Set<string>();
  let rows = 0;
  const work = async (session: Asking, from: number): Promise<void> => {
    for (let i = 0; i < 60; i += 1) {
      const key = String((from * 7 + i) % 70);
      const taken = await session.take({
        rows: 1,
        bytes: 100,
        disclosed: [{ subject: 'pupil', keys: [key], values: 0 }],
      });
      if (taken.kind !== 'taken') continue;
      rows += 1;
      seen.add(key);
    }
  };
  const guards = [guardOver(store), guardOver(store)];
  await new Promise((done) => setTimeout(done, 10));
  await Promise.all(
    guards.flatMap((guard, g) => Array.from({ length: 10 }, (_, i) => work(guard.session(limited), g * 10 + i))),
  );
  expect(seen.size).toBeLessThanOrEqual(40);
  expect(rows).toBeLessThanOrEqual(500);
  // Near the end both hold small leases that the other does not get.
  expect(seen.size).toBeGreaterThan(30);
  for (const guard of guards) guard.budgets.stop();
  expect(await store.used(OWNER, 'rows', [{ count: 1, unit: 'hour' }])).toEqual([rows]);
  expect(await store.used(OWNER, 'subjects.pupil', [{ count: 1, unit: 'day' }])).toEqual([seen.size]);
});

it('a lock by hand ends sessions in every process, refuses statements and logins, and goes with its release', async () => {
  const store = newStore();
  const guards = [guardOver(store), guardOver(store)];
  const session = guards[1]!.session(policy({}));
  await store.change({
    kind: 'lock',
    lock: { owner: OWNER, since: Date.now(), reason: 'a laptop was stolen', by: 'ines' },
  });
  expect(await session.admit()).toMatchObject({
    kind: 'refused',
    effect: 'lock',
    refusal: { sqlstate: '28000', message: 'principal "app" is locked out: a laptop was stolen' },
  });
  await new Promise((done) => setImmediate(done));
  await new Promise((done) => setImmediate(done));
  for (const guard of guards) {
    expect(guard.ended).toEqual(['57P05']);
    expect(guard.budgets.loginRefusal('app')?.sqlstate).toBe('28000');
    expect(guard.budgets.loginRefusal('other')).toBeUndefined();
  }
  await store.change({ kind: 'release', owner: OWNER });
  expect(guards[0]!.budgets.loginRefusal('app')).toBeUndefined();
  expect((await session.admit()).kind).toBe('admitted');
});

it('a lock whose time is over locks no one out', async () => {
  const store = newStore();
  const guard = guardOver(store);
  const lock = { owner: OWNER, since: Date.now(), until: Date.now() + 30, reason: 'x', by: 'ines' };
  await store.change({ kind: 'lock', lock });
  expect(guard.budgets.loginRefusal('app')).toBeDefined();
  await new Promise((done) => setTimeout(done, 40));
  expect(guard.budgets.loginRefusal('app')).toBeUndefined();
});

it('overruns lock in every process, though the store hears of the lock late', async () => {
  const store = elsewhere(newStore());
  const [one, other] = [guardOver(store), guardOver(store)];
  const locking = policy(
    { rows: [limit('1 per hour')] },
    { lock: { after: [{ amount: 4, event: 'overrun', window: { count: 1, unit: 'hour' } }], duration: 60_000 } },
  );
  const session = one.session(locking);
  for (let i = 0; i < 2; i += 1) session.budget.event(locking, 'overrun');
  other.session(locking).budget.event(locking, 'overrun');
  await new Promise((done) => setTimeout(done, 60));
  expect([one.budgets.loginRefusal('app'), other.budgets.loginRefusal('app')]).toEqual([undefined, undefined]);
  session.budget.event(locking, 'overrun');
  await new Promise((done) => setTimeout(done, 60));
  expect(one.budgets.loginRefusal('app')?.message).toContain('4 overruns per hour');
  expect(other.budgets.loginRefusal('app')).toBeDefined();
  expect([...one.records, ...other.records].filter(({ kind }) => kind === 'lock')).toMatchObject([
    { principal: 'app', by: 'rowgate', until: expect.any(String) },
  ]);
  expect(one.alarms.filter(({ kind }) => kind === 'lock').length).toBe(1);
});

it('a raise holds at once, also for a session that was refused', async () => {
  const store = newStore();
  const session = guardOver(store).session(policy({ rows: [limit('5 per hour')] }));
  expect((await session.take({ rows: 5 })).kind).toBe('taken');
  expect((await session.take({ rows: 1 })).kind).toBe('over');
  await store.change({
    kind: 'raise',
    raise: {
      id: 'r1',
      owner: OWNER,
      measure: 'rows',
      window: { count: 1, unit: 'hour' },
      amount: 8,
      until: Date.now() + 60_000,
      reason: 'reports',
      by: 'ines',
    },
  });
  expect((await session.take({ rows: 3 })).kind).toBe('taken');
  expect(await session.take({ rows: 1 })).toMatchObject({ kind: 'over', limit: { name: 'rows 8 per hour', used: 8 } });
});

it('without the store the lease is used up, then nothing more is given; it recovers by itself', async () => {
  const store = elsewhere(newStore());
  const guard = guardOver(store);
  const limited = policy({ rows: [limit('2000 per hour')] });
  const session = guard.session(limited);
  await session.take({ rows: 1 });
  await session.take({ rows: 1 });
  store.gone = true;
  let taken = 0;
  let last = await session.take({ rows: 1 });
  while (last.kind === 'taken') {
    taken += 1;
    last = await session.take({ rows: 1 });
  }
  expect(taken).toBeGreaterThan(50);
  expect(taken).toBeLessThanOrEqual(125);
  expect(last).toMatchObject({ kind: 'refused', refusal: { reason: 'store-unavailable', sqlstate: '53400' } });
  expect(await session.admit()).toMatchObject({ kind: 'refused', refusal: { reason: 'store-unavailable' } });
  expect(guard.alarms.map(({ kind }) => kind)).toEqual(['store-lost']);
  // A session without limits over time goes on.
  const free = guard.session(policy({}));
  expect((await guardOver(store).session(policy({})).admit()).kind).toBe('admitted');
  free.budget.close();
  store.gone = false;
  await new Promise((done) => setTimeout(done, 1_300));
  expect((await session.take({ rows: 1 })).kind).toBe('taken');
  expect(guard.alarms.map(({ kind }) => kind)).toEqual(['store-lost', 'store-back']);
});

it('known people are not shown either while the store does not keep that they were', async () => {
  const keep: (() => void)[] = [];
  const store = newStore();
  const saw: BudgetStore['saw'] = (...seen) => {
    void store.saw(...seen);
    return new Promise((done) => void keep.push(done));
  };
  const guard = guardOver({ ...store, saw });
  const session = guard.session(policy({ subjects: new Map([['pupil', [limit('400 per day')]]]) }));
  const again = () => session.take(row(undefined, 1));
  // The key of the hashes comes first.
  await expect.poll(again).toMatchObject({ kind: 'taken' });
  // Soon after it may still be on its way.
  expect((await again()).kind).toBe('taken');
  const away = { kind: 'refused', refusal: { reason: 'store-unavailable', sqlstate: '53400' } };
  await expect.poll(again).toMatchObject(away);
  expect(guard.alarms.map(({ kind }) => kind)).toEqual(['store-lost']);
  for (const kept of keep) kept();
  await expect.poll(again).toMatchObject({ kind: 'taken' });
});

it('a store that answers after a second still gives all that a statement needs, one after the other', async () => {
  const guard = guardOver(elsewhere(newStore(), () => 1_050));
  const limited = policy({
    rows: [limit('2000 per hour')],
    statements: [limit('500 per hour')],
    subjects: new Map([['pupil', [limit('400 per day')]]]),
  });
  await new Promise((done) => setTimeout(done, 1_100));
  const work = async (session: Asking, from: number): Promise<void> => {
    for (let i = 0; i < 3; i += 1) {
      expect((await session.admit()).kind).toBe('admitted');
      const disclosed = [{ subject: 'pupil', keys: [String(from * 10 + i)], values: 0 }];
      expect((await session.take({ rows: 1, disclosed })).kind).toBe('taken');
    }
  };
  await Promise.all(Array.from({ length: 5 }, (_, i) => work(guard.session(limited), i)));
});

it('a row that is larger than the rate of a second flows when a second was silent', async () => {
  const session = guardOver(newStore()).session(
    policy(
      { bytes: [limit('100 per hour throttle')] },
      { throttle: { bytes: { amount: 50, window: { count: 1, unit: 'second' } } } },
    ),
  );
  await session.admit();
  expect((await session.take({ rows: 1, bytes: 100 })).kind).toBe('taken');
  const before = performance.now();
  expect((await session.take({ rows: 1, bytes: 80 })).kind).toBe('taken');
  expect((await session.take({ rows: 1, bytes: 80 })).kind).toBe('taken');
  const took = performance.now() - before;
  expect(took).toBeGreaterThan(900);
  expect(took).toBeLessThan(60_000);
});

it('a permit pays for reads of its tables, until it is used up, over all processes; then the windows do', async () => {
  const store = newStore();
  const keys = ['ines', 'omar'].map(newSigner);
  const approvers: Approvers = new Map(keys.map(({ name, key }) => [name, { user: name, key }]));
  const unsigned: Permit = {
    id: 'p1',
    owner: OWNER,
    guard: 'g1',
    state: stateName(await store.hashKey()),
    tables: ['public.pupils'],
    rows: 100,
    from: Date.now() - 1_000,
    until: Date.now() + 60_000,
    reason: 'yearly count',
    requestedBy: 'lea',
    requestedAt: Date.now() - 2_000,
    approvals: [],
  };
  const signed = keys.map(({ name, sign }) => ({
    by: name,
    signature: sign(permitRequest(unsigned).text, PERMIT_NAMESPACE),
  }));
  const guards = [guardOver(store, approvers), guardOver(store, approvers)];
  const limited = policy({ rows: [limit('10 per hour')], subjects: new Map([['pupil', [limit('2 per day')]]]) });
  const session = guards[0]!.session(limited);
  await store.change({ kind: 'permit', permit: { ...unsigned, approvals: signed.slice(0, 1) } });
  expect(await session.admit(), 'one approval is none').not.toMatchObject({ account: expect.anything() });
  await store.change({ kind: 'permit', permit: { ...unsigned, approvals: signed } });
  const admitted = await session.admit();
  expect(admitted).toMatchObject({ kind: 'admitted', account: 'p1', rowsLeft: 100 });
  expect(await session.admit(undefined, { tables: ['public.pupils', 'public.grades'] })).not.toMatchObject({
    account: expect.anything(),
  });
  const code = { subject: 'pupil', access: { kind: 'question' }, canFail: 'no', values: [], free: 'repeated' } as const;
  expect(await session.admit(undefined, { disclosures: [code] })).toMatchObject({ account: 'p1' });
  expect(await session.admit(undefined, { disclosures: [{ ...code, elsewhere: true }] })).not.toMatchObject({
    account: expect.anything(),
  });
  expect(await session.admit(undefined, { kind: { kind: 'write', returning: true } })).not.toMatchObject({
    account: expect.anything(),
  });
  const disclosed = [{ subject: 'pupil', keys: Array.from({ length: 60 }, (_, i) => String(i)), values: 0 }];
  expect((await session.take({ rows: 60, bytes: 10_000, disclosed, account: 'p1' })).kind).toBe('taken');
  // The lease of the first one is given back.
  guards[0]!.budgets.stop();
  const other = guards[1]!.session(limited);
  expect((await other.take({ rows: 40, account: 'p1' })).kind).toBe('taken');
  expect(await other.take({ rows: 1, account: 'p1' })).toMatchObject({ kind: 'over', limit: { name: 'permit p1' } });
  expect(guards[1]!.records).toMatchObject([
    { kind: 'permit', status: 'spent', permit: { approved_by: ['ines', 'omar'] } },
  ]);
  expect(await other.admit()).toMatchObject({ kind: 'admitted', rowsLeft: 10 });
  expect(await store.used('permit:p1', 'rows', [{ count: 3650, unit: 'day' }])).toEqual([100]);
  await store.change({ kind: 'permit', permit: { ...unsigned, approvals: signed, revokedBy: 'ines' } });
  expect((await session.take({ rows: 1, account: 'p1' })).kind).toBe('refused');
});

it('a second permit pays where the first is used up, and a row that shows many people is as many rows of one', async () => {
  const store = newStore();
  const keys = ['ines', 'omar'].map(newSigner);
  const approvers: Approvers = new Map(keys.map(({ name, key }) => [name, { user: name, key }]));
  for (const [id, rows] of [
    ['p1', 10],
    ['p2', 20],
  ] as const) {
    const times = { from: Date.now() - 1_000, until: Date.now() + 60_000, requestedAt: Date.now() - 2_000 };
    const where = { guard: 'g1', state: stateName(await store.hashKey()) };
    const what = { ...where, owner: OWNER, tables: ['public.pupils'], rows, reason: 'count', requestedBy: 'lea' };
    const unsigned: Permit = { id, ...what, ...times, approvals: [] };
    const approvals = keys.map(({ name, sign }) => ({
      by: name,
      signature: sign(permitRequest(unsigned).text, PERMIT_NAMESPACE),
    }));
    await store.change({ kind: 'permit', permit: { ...unsigned, approvals } });
  }
  const limited = policy({ rows: [limit('5 per hour')], subjects: new Map([['pupil', [limit('2 per day')]]]) });
  const session = guardOver(store, approvers).session(limited);
  // It asks the store for its name.
  await new Promise((done) => setImmediate(done));
  expect(await session.admit()).toMatchObject({ account: 'p1', rowsLeft: 10 });
  const packed = { rows: 1, disclosed: [{ subject: 'pupil', keys: ['1', '2'], values: 8 }] };
  expect((await session.take({ ...packed, account: 'p1' })).kind).toBe('taken');
  expect(await session.take({ ...packed, account: 'p1' })).toMatchObject({
    kind: 'over',
    limit: { name: 'permit p1' },
  });
  expect(await session.admit()).toMatchObject({ account: 'p2', rowsLeft: 20 });
});

it('two sessions that ask for much and for little near a limit that throttles do not keep each other waiting', async () => {
  const role = { throttle: { rows: { amount: 1_000, window: { count: 1, unit: 'second' as const } } } };
  const slowed = policy({ rows: [limit('50 per hour throttle')] }, role);
  const guard = guardOver(elsewhere(newStore()));
  const sessions = [1, 10, 1, 10, 1].map((rows) => ({ rows, session: guard.session(slowed) }));
  expect((await guard.session(slowed).take({ rows: 45 })).kind).toBe('taken');
  const answers = await Promise.all(sessions.map(({ rows, session }) => session.take({ rows })));
  expect(answers.map(({ kind }) => kind)).toEqual(Array(5).fill('taken'));
});
