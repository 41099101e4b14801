/** Tests limits of each end user beside those of the account: both hold, a row is charged to both or to none, and no user pays for another. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { fileStore } from '../../src/budget/store/disk.ts';
import { memoryStore } from '../../src/budget/store/memory.ts';
import { redisStore } from '../../src/budget/store/redis.ts';
import { stateName } from '../../src/metering/approvals.ts';
import type { BudgetStore, Permit } from '../../src/metering/budget-store.ts';
import { ownerOf } from '../../src/metering/owner.ts';
import { PERMIT_NAMESPACE, permitRequest } from '../../src/metering/permit.ts';
import { startRedis } from '../support/redis.ts';
import { newSigner } from '../support/ssh-signer.ts';
import { type Need, NOTHING, testWith, tool } from '../support/tools.ts';
import { type Asking, elsewhere, type Guard, guardOver, limit, policyPerUser, row, ZONE } from './guards.ts';

const VALKEY = tool('valkey-server');
const HOUR = { count: 1, unit: 'hour' } as const;
const DAY = { count: 1, unit: 'day' } as const;
const ends: (() => unknown)[] = [];

afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

function newStore(): BudgetStore {
  const store = memoryStore({ timeZone: ZONE, now: Date.now });
  ends.push(() => store.close());
  return store;
}

function guard(store: BudgetStore, principal?: string): Guard {
  const made = guardOver(store, principal);
  ends.push(() => made.budgets.stop());
  return made;
}

const person = (user: string) => ownerOf({ principal: 'portal', user });
const PORTAL = ownerOf({ principal: 'portal' });
const turn = (ms = 0) => new Promise((done) => setTimeout(done, ms));

const STORES: readonly (readonly [string, () => Promise<BudgetStore[]>, needs?: Need])[] = [
  [
    'in the process',
    async () => {
      const store = newStore();
      return [store, store];
    },
  ],
  [
    'elsewhere',
    async () => {
      const store = newStore();
      return [elsewhere(store), elsewhere(store)];
    },
  ],
  [
    'in Redis',
    async () => {
      const redis = await startRedis(VALKEY.path!);
      ends.push(() => redis.remove());
      const options = { url: redis.url, timeZone: ZONE, notice: () => {} };
      return Promise.all(
        ['one', 'two'].map(async (name) => {
          const store = await redisStore({ ...options, name });
          ends.push(() => store.close());
          return store;
        }),
      );
    },
    VALKEY,
  ],
];

for (const [where, open, needs = NOTHING] of STORES) {
  testWith(needs)(
    `two guards, six sessions each, five people at once: never above any limit, a store ${where}`,
    async () => {
      const stores = await open();
      const policy = policyPerUser(
        { rows: [limit('60 per hour')], subjects: new Map([['pupil', [limit('8 per day')]]]) },
        { rows: [limit('150 per hour')], subjects: new Map([['pupil', [limit('30 per day')]]]) },
      );
      const guards = stores.map((store) => guard(store));
      await turn(20);
      const shown = new Map<string, Set<number>>();
      const rows = new Map<string, number>();
      const work = async (session: Asking, from: number): Promise<void> => {
        for (let i = 0; i < 40; i += 1) {
          const user = `u${(from + i) % 5}`;
          const pupil = (from * 3 + i * 7) % 45;
          if ((await session.admit(user)).kind !== 'admitted') continue;
          if ((await session.take(row(user, pupil))).kind !== 'taken') continue;
          rows.set(user, (rows.get(user) ?? 0) + 1);
          shown.set(user, (shown.get(user) ?? new Set()).add(pupil));
        }
      };
      await Promise.all(
        guards.flatMap((one, g) => Array.from({ length: 6 }, (_, i) => work(one.session(policy), g * 6 + i))),
      );
      const all = [...rows.values()].reduce((sum, of) => sum + of, 0);
      const together = new Set([...shown.values()].flatMap((seen) => [...seen])).size;
      expect(all).toBeLessThanOrEqual(150);
      expect(together).toBeLessThanOrEqual(30);
      // Each person is refused by their own limit as well.
      for (const seen of shown.values()) expect(seen.size).toBeLessThanOrEqual(8);
      expect(together).toBeGreaterThan(15);
      for (const one of guards) one.budgets.stop();
      await turn(50);
      // The counts equal what was shown: charged to both or to none.
      expect(await stores[0]!.used(PORTAL, 'rows', [HOUR])).toEqual([all]);
      expect(await stores[0]!.used(PORTAL, 'subjects.pupil', [DAY])).toEqual([together]);
      for (const [user, count] of rows) {
        expect(await stores[1]!.used(person(user), 'rows', [HOUR]), user).toEqual([count]);
        expect(await stores[1]!.used(person(user), 'subjects.pupil', [DAY]), user).toEqual([shown.get(user)?.size]);
      }
    },
    30_000,
  );
}

it.each(['the account', 'the person'])('what %s has nothing left for is taken from neither', async (limited) => {
  const store = newStore();
  const [small, large] = [{ rows: [limit('5 per hour')] }, { rows: [limit('100 per hour')] }];
  const policy = limited === 'the person' ? policyPerUser(small, large) : policyPerUser(large, small);
  const one = guard(store);
  const session = one.session(policy);
  expect((await session.take({ rows: 5, user: '7731' })).kind).toBe('taken');
  const name = limited === 'the person' ? 'user "portal/7731"' : 'principal "portal"';
  for (let i = 0; i < 20; i += 1) {
    expect(await session.take({ rows: 1, user: '7731' })).toMatchObject({
      kind: 'over',
      refusal: { sqlstate: '53400', message: `${name} has taken 5 of 5 rows per hour` },
      limit: { name: 'rows 5 per hour', used: 5, of: 5 },
    });
  }
  // Another user may take what the account has left.
  const other = await session.take({ rows: 1, user: '7732' });
  expect(other.kind).toBe(limited === 'the person' ? 'taken' : 'over');
  one.budgets.stop();
  const rest = limited === 'the person' ? 1 : 0;
  expect(await store.used(PORTAL, 'rows', [HOUR])).toEqual([5 + rest]);
  expect(await store.used(person('7731'), 'rows', [HOUR])).toEqual([5]);
  expect(await store.used(person('7732'), 'rows', [HOUR])).toEqual([rest]);
});

it('statements, bytes and changes count for the person; what is left is the smaller of both', async () => {
  const policy = policyPerUser(
    {
      statements: [limit('3 per hour')],
      bytes: [limit('1000 per hour')],
      changed: [limit('2 per hour')],
      rows: [limit('40 per hour')],
    },
    { rows: [limit('50 per hour')] },
  );
  const session = guard(newStore()).session(policy);
  expect(await session.admit('a')).toMatchObject({ kind: 'admitted', rowsLeft: 40 });
  expect(await session.admit('b')).toMatchObject({ kind: 'admitted', rowsLeft: 40 });
  await session.take({ rows: 20, user: 'a' });
  expect(await session.admit('b')).toMatchObject({ kind: 'admitted', rowsLeft: 30 });
  expect(await session.admit('b')).toMatchObject({ kind: 'admitted' });
  expect(await session.admit('b')).toMatchObject({ kind: 'over', limit: { name: 'statements 3 per hour' } });
  expect((await session.take({ bytes: 900, user: 'a' })).kind).toBe('taken');
  expect(await session.take({ bytes: 900, user: 'a' })).toMatchObject({
    kind: 'over',
    limit: { name: 'bytes 1000 B per hour' },
  });
  expect(await session.take({ changed: 3, user: 'a' })).toMatchObject({
    kind: 'over',
    limit: { name: 'changed 2 per hour' },
  });
  expect((await session.take({ changed: 2, user: 'a' })).kind).toBe('taken');
});

it('a limit that warns names the user in the alarm', async () => {
  const one = guard(newStore());
  const session = one.session(policyPerUser({ rows: [limit('3 per hour warn')] }));
  expect(await session.take({ rows: 3, user: '7731' })).toEqual({ kind: 'taken' });
  expect(await session.take({ rows: 1, user: '7732' })).toEqual({ kind: 'taken' });
  expect(await session.take({ rows: 1, user: '7731' })).toMatchObject({
    warnings: [{ message: 'user "portal/7731" has taken 4 of 3 rows per hour' }],
  });
  expect(await session.take({ rows: 1, user: '7731' })).toEqual({ kind: 'taken' });
  expect(one.records).toMatchObject([{ kind: 'warning', principal: 'portal', user: '7731', by: 'rowgate' }]);
  expect(one.alarms).toMatchObject([{ kind: 'warning', principal: 'portal', user: '7731' }]);
});

it('a limit that slows one user down slows no other', async () => {
  const throttle = { rows: { amount: 20, window: { count: 1, unit: 'second' as const } } };
  const policy = policyPerUser({ rows: [limit('10 per hour throttle')] }, {}, { throttle });
  const one = guard(newStore());
  const slow = one.session(policy);
  await slow.take({ rows: 10, user: 'slow' });
  let done = 0;
  const slowly = (async () => {
    for (let i = 0; i < 45; i += 1) {
      await slow.take({ rows: 1, user: 'slow' });
      done += 1;
    }
  })();
  const other = one.session(policy);
  for (let i = 0; i < 10; i += 1) await other.take({ rows: 1, user: 'other' });
  expect(done).toBeLessThanOrEqual(20);
  await slowly;
});

it('a raise for one person is theirs alone', async () => {
  const store = newStore();
  const session = guard(store).session(policyPerUser({ rows: [limit('5 per hour')] }));
  await session.take({ rows: 5, user: 'a' });
  const more = {
    measure: 'rows',
    window: HOUR,
    amount: 8,
    until: Date.now() + 60_000,
    reason: 'a move',
    by: 'ines',
  } as const;
  await store.change({ kind: 'raise', raise: { id: 'r1', owner: person('a'), ...more } });
  expect((await session.take({ rows: 3, user: 'a' })).kind).toBe('taken');
  expect((await session.take({ rows: 1, user: 'a' })).kind).toBe('over');
  expect((await session.take({ rows: 6, user: 'b' })).kind).toBe('over');
});

it('a permit pays for the account, and gives none of its people more than theirs', async () => {
  const store = newStore();
  const signers = ['ines', 'omar'].map(newSigner);
  const approvers = new Map(signers.map(({ name, key }) => [name, { user: name, key }]));
  const now = Date.now();
  const unsigned: Permit = {
    id: 'p1',
    owner: PORTAL,
    guard: 'g1',
    state: stateName(await store.hashKey()),
    tables: ['public.pupils'],
    rows: 100,
    from: now - 1_000,
    until: now + 60_000,
    reason: 'yearly count',
    requestedBy: 'lea',
    requestedAt: now - 2_000,
    approvals: [],
  };
  const { text } = permitRequest(unsigned);
  const approvals = signers.map(({ name, sign }) => ({ by: name, signature: sign(text, PERMIT_NAMESPACE) }));
  await store.change({ kind: 'permit', permit: { ...unsigned, approvals } });
  const one = guardOver(store, 'portal', approvers);
  ends.push(() => one.budgets.stop());
  await turn(20);
  const limits = { rows: [limit('10 per hour')] };
  const session = one.session(policyPerUser({ rows: [limit('4 per hour')] }, limits));
  expect(await session.admit('a')).toMatchObject({ account: 'p1', rowsLeft: 4 });
  const take = (user: string) => session.take({ ...row(user, 1), account: 'p1' });
  for (let i = 0; i < 4; i += 1) expect((await take('a')).kind).toBe('taken');
  expect(await take('a')).toMatchObject({ kind: 'over', limit: { name: 'rows 4 per hour' } });
  expect(await session.admit('a')).toMatchObject({ kind: 'over', limit: { name: 'rows 4 per hour' } });
  expect((await take('b')).kind).toBe('taken');
  one.budgets.stop();
  expect(await store.used('permit:p1', 'rows', [{ count: 3650, unit: 'day' }])).toEqual([5]);
  expect(await store.used(PORTAL, 'rows', [HOUR])).toEqual([0]);
});

it('charges outlive a restart', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'rowgate-test-people-'));
  ends.push(() => rm(folder, { recursive: true, force: true }));
  const policy = policyPerUser({ subjects: new Map([['pupil', [limit('4 per day')]]]) });
  const names = ['7731', 'é/%2F "x"\u00a0\\', 'principal:portal', 'x'.repeat(200)];
  for (const pupils of [
    [1, 2, 3],
    [3, 4, 5],
  ]) {
    const store = await fileStore({ folder, timeZone: ZONE, now: Date.now, notice: () => {} });
    const one = guardOver(store);
    await turn(20);
    const session = one.session(policy);
    for (const user of names) {
      for (const pupil of pupils) {
        expect((await session.take(row(user, pupil))).kind, `${user} ${pupil}`).toBe(pupil < 5 ? 'taken' : 'over');
      }
    }
    one.budgets.stop();
    await store.close();
  }
});

it('a new person waits once before a statement, and once for a row that needs more; no other user does', async () => {
  const store = elsewhere(newStore(), () => 1);
  const policy = policyPerUser(
    {
      rows: [limit('200 per hour')],
      statements: [limit('100 per hour')],
      subjects: new Map([['pupil', [limit('8 per day')]]]),
    },
    { rows: [limit('100000 per hour')], subjects: new Map([['pupil', [limit('50000 per day')]]]) },
  );
  const one = guard(store);
  await turn(20);
  const session = one.session(policy);
  await session.admit('first');
  await session.take(row('first', 1));
  await session.take(row('first', 2));
  await turn(10);
  for (const user of ['a', 'b', 'c']) {
    const [waits, questions] = [session.waits(), store.questions];
    expect((await session.admit(user)).kind).toBe('admitted');
    expect(session.waits() - waits).toBe(1);
    await turn(10);
    expect((await session.take(row(user, 1))).kind).toBe('taken');
    expect(session.waits() - waits).toBe(2);
    // The others are asked for ahead, and no user waits for them.
    expect(store.questions - questions).toBeLessThanOrEqual(4);
  }
});

it('a session that waits for the store is not woken by answers for others', async () => {
  const store = elsewhere(newStore(), () => 5);
  const policy = policyPerUser({ rows: [limit('20 per hour')] }, { rows: [limit('100000 per hour')] });
  const one = guard(store);
  const sessions = Array.from({ length: 40 }, () => one.session(policy));
  await Promise.all(sessions.map((session) => session.take({ rows: 1 })));
  const before = sessions.map((session) => session.waits());
  await Promise.all(sessions.map((session, i) => session.take({ rows: 1, user: `u${i}` })));
  for (const [i, session] of sessions.entries()) expect(session.waits() - before[i]!).toBeLessThanOrEqual(2);
});

it('ten thousand users come and go: their leases are given back, and few users are remembered', async () => {
  const store = newStore();
  const one = guard(store);
  const policy = policyPerUser({ rows: [limit('500 per hour')] });
  const session = one.session(policy);
  for (let i = 0; i < 12_000; i += 1) {
    await session.admit(`u${i}`);
    for (let taken = 0; taken < 2; taken += 1) session.budget.take(policy, { rows: 1, user: `u${i}` });
  }
  expect(await store.used(person('u0'), 'rows', [HOUR]), 'forgotten').toEqual([2]);
  expect((await store.used(person('u11999'), 'rows', [HOUR]))[0], 'at hand').toBeGreaterThan(2);
  await turn(1_400);
  expect(await store.used(person('u11999'), 'rows', [HOUR]), 'idle').toEqual([2]);
  // A forgotten user keeps the earlier charges.
  expect((await session.take({ rows: 498, user: 'u0' })).kind).toBe('taken');
  expect((await session.take({ rows: 1, user: 'u0' })).kind).toBe('over');
});
