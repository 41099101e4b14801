/** Tests locks of end users: what one user has done locks that user out and no other; a lock of the account locks out all of its users. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { fileStore } from '../../src/budget/store/disk.ts';
import { memoryStore } from '../../src/budget/store/memory.ts';
import type { BudgetStore } from '../../src/metering/budget-store.ts';
import { ownerOf } from '../../src/metering/owner.ts';
import type { SessionPolicy } from '../../src/session/ports.ts';
import { type Guard, guardOver, limit, policyPerUser, row, ZONE } from './guards.ts';

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

const AFTER = (event: 'overrun' | 'refusal', amount: number): Partial<SessionPolicy['role']> => ({
  lock: { after: [{ amount, event, window: { count: 1, unit: 'hour' } }], duration: 60_000 },
});
const LOCKED = { kind: 'refused', effect: 'lock', refusal: { reason: 'locked', sqlstate: '28000' } };
const turn = (ms = 0) => new Promise((done) => setTimeout(done, ms));

it('passing a limit that locks locks the person: their statements are refused, sessions stay, and others go on', async () => {
  const store = newStore();
  const guards = [guard(store), guard(store)];
  const policy = policyPerUser({ rows: [limit('3 per hour lock')] }, { rows: [limit('100 per hour')] });
  const [one, other] = [guards[0]!.session(policy), guards[1]!.session(policy)];
  await one.take({ rows: 3, user: '7731' });
  expect((await one.take({ rows: 1, user: '7731' })).kind).toBe('over');
  await turn(10);
  for (const session of [one, other]) {
    expect(await session.admit('7731')).toMatchObject({
      ...LOCKED,
      refusal: { message: 'user "portal/7731" is locked out: passed the limit rows 3 per hour' },
    });
    expect((await session.admit('7732')).kind).toBe('admitted');
    expect((await session.admit()).kind).toBe('admitted');
    expect((await session.take({ rows: 1, user: '7732' })).kind).toBe('taken');
  }
  for (const { ended, budgets } of guards) {
    expect(ended).toEqual([]);
    expect(budgets.loginRefusal('portal')).toBeUndefined();
  }
  const about = { kind: 'lock', principal: 'portal', user: '7731', by: 'rowgate', limit: { used: 3, of: 3 } };
  expect(guards[0]!.records.filter(({ kind }) => kind === 'lock')).toMatchObject([about]);
  expect(guards[0]!.alarms.filter(({ kind }) => kind === 'lock')).toMatchObject([
    { ...about, text: 'user "portal/7731" is locked out until it is released' },
  ]);
});

it('a session that the person has alone ends, and no other is let in', async () => {
  const store = newStore();
  const one = guard(store);
  const owner = ownerOf({ principal: 'portal', user: '7731' });
  await store.change({ kind: 'lock', lock: { owner, since: Date.now(), reason: 'left school', by: 'ines' } });
  await turn(5);
  expect(one.endedOfUser).toEqual(['57P05']);
  expect(one.ended).toEqual([]);
  expect(one.budgets.loginRefusal('portal', '7731')).toMatchObject({
    sqlstate: '28000',
    message: 'user "portal/7731" is locked out: left school',
  });
  expect(one.budgets.loginRefusal('portal', '7732')).toBeUndefined();
  expect(one.budgets.loginRefusal('portal')).toBeUndefined();
});

it('a user who is locked out while a statement runs sees no more of it, also where nothing limits them', async () => {
  const store = newStore();
  const one = guard(store);
  const free = { ...policyPerUser({}) };
  const session = one.session(free);
  expect((await session.take(row('7731', 1))).kind).toBe('taken');
  const owner = ownerOf({ principal: 'portal', user: '7731' });
  await store.change({ kind: 'lock', lock: { owner, since: Date.now(), reason: 'left school', by: 'ines' } });
  expect(await session.take(row('7731', 2))).toMatchObject(LOCKED);
  expect((await session.take(row('7732', 2))).kind).toBe('taken');
  expect(one.ended).toEqual([]);
  await store.change({ kind: 'release', owner });
  expect((await session.take(row('7731', 2))).kind).toBe('taken');
});

it.each(['overrun', 'refusal'] as const)('each %s counts for the user who did it, and for no other', async (event) => {
  const one = guard(newStore());
  const policy = policyPerUser({ rows: [limit('100 per hour')] }, {}, AFTER(event, 5));
  const { budget, admit } = one.session(policy);
  for (const user of ['a', 'b', 'c', 'd']) for (let i = 0; i < 4; i += 1) budget.event(policy, event, user);
  for (let i = 0; i < 4; i += 1) budget.event(policy, event);
  expect(one.records.map(({ kind, user }) => [kind, user])).toEqual(
    ['a', 'b', 'c', 'd', undefined].map((user) => ['warning', user]),
  );
  expect((await admit('a')).kind).toBe('admitted');
  budget.event(policy, event, 'a');
  expect(await admit('a')).toMatchObject(LOCKED);
  for (const user of ['b', 'c', 'd', undefined]) expect((await admit(user)).kind).toBe('admitted');
  // Without an end user: the account itself.
  budget.event(policy, event);
  expect(await admit('b')).toMatchObject({
    ...LOCKED,
    refusal: { message: expect.stringContaining('principal "portal"') },
  });
});

it('the account’s own limit is passed by all of its users together: no user is locked out for that alone', async () => {
  const one = guard(newStore());
  const policy = policyPerUser({ rows: [limit('5 per hour')] }, { rows: [limit('8 per hour')] }, AFTER('overrun', 3));
  const { budget, take, admit } = one.session(policy);
  const tries = async (user: string): Promise<void> => {
    const answer = await take({ rows: 3, user });
    if (answer.kind === 'over') budget.event(policy, 'overrun', user, answer.limit);
  };
  // Their own: five.
  for (let i = 0; i < 3; i += 1) await tries('a');
  expect((await admit('a')).kind).not.toBe('refused');
  await tries('a');
  expect(await admit('a')).toMatchObject(LOCKED);
  // The account has five left.
  await tries('b');
  for (const user of ['c', 'd']) await tries(user);
  for (const user of ['b', 'c', 'd']) expect(await admit(user)).not.toMatchObject(LOCKED);
  // As without end users: going on against the account's limit locks the account.
  await tries('e');
  expect(await admit('b')).toMatchObject({
    ...LOCKED,
    refusal: { message: expect.stringContaining('principal "portal"') },
  });
});

it('a canary locks the person who reads it', async () => {
  const one = guard(newStore());
  const policy = policyPerUser({ rows: [limit('100 per hour')] });
  const { budget, admit } = one.session(policy);
  const sighting = { canary: 'hmac:x', subject: 'pupil', decision: '01J' };
  expect(budget.canary(policy, { ...sighting, user: '7731' })).toMatchObject({
    ...LOCKED,
    refusal: { message: 'user "portal/7731" is locked out: unusual access' },
  });
  expect(await admit('7731')).toMatchObject(LOCKED);
  expect((await admit('7732')).kind).toBe('admitted');
  const about = { principal: 'portal', user: '7731', canary: { subject: 'pupil', hash: 'hmac:x' } };
  expect(one.records).toMatchObject([
    { kind: 'canary', ...about, effect: 'lock' },
    { kind: 'lock', ...about, id: '01J' },
  ]);
  expect(one.alarms).toMatchObject([
    {
      kind: 'canary',
      ...about,
      text: expect.stringContaining('user "portal/7731" has read a canary of subject "pupil"'),
    },
    { kind: 'lock', ...about },
  ]);
  // Without an end user: the account.
  expect(budget.canary(policy, sighting)).toMatchObject({
    refusal: { message: expect.stringContaining('principal "portal"') },
  });
  expect(await admit('7732')).toMatchObject(LOCKED);
});

it('no two owners share a name: names of accounts may hold slashes, and any other character', async () => {
  const store = newStore();
  const policy = policyPerUser({ rows: [limit('2 per hour lock')] });
  const accounts = ['a', 'a/b', 'a%2Fb', 'user:a', 'principal:a'];
  const guards = new Map(accounts.map((name) => [name, guard(store, name)]));
  const locked = guards.get('a')!.session(policy);
  await locked.take({ rows: 2, user: 'b/c' });
  await locked.take({ rows: 1, user: 'b/c' });
  expect(await locked.admit('b/c')).toMatchObject(LOCKED);
  for (const account of accounts) {
    const session = guards.get(account)!.session(policy);
    for (const user of ['c', 'b', '/c', 'b%2Fc', 'a/b/c', 'user:a/b/c', '']) {
      expect((await session.take({ rows: 2, user })).kind, `${account} ${user}`).toBe('taken');
    }
    expect(guards.get(account)!.budgets.loginRefusal(account)).toBeUndefined();
  }
});

it('a lock outlives a restart', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'rowgate-test-people-'));
  ends.push(() => rm(folder, { recursive: true, force: true }));
  const policy = policyPerUser({ rows: [limit('1 per hour lock')] });
  for (const time of ['before', 'after']) {
    const store = await fileStore({ folder, timeZone: ZONE, now: Date.now, notice: () => {} });
    const one = guardOver(store);
    const session = one.session(policy);
    if (time === 'before') for (let i = 0; i < 2; i += 1) await session.take({ rows: 1, user: '77/31' });
    expect(await session.admit('77/31'), time).toMatchObject(LOCKED);
    expect((await session.admit('77')).kind).toBe('admitted');
    one.budgets.stop();
    await store.close();
  }
});
