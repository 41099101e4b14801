/** Tests the state in Redis: two guards that share it, and a server that is killed, stands still, is full, or has forgotten everything. */
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { redisStore } from '../../src/budget/store/redis.ts';
import { Accounts } from '../../src/metering/accounts.ts';
import { type BreakGlassOpening, type BudgetStore, StoreUnavailable } from '../../src/metering/budget-store.ts';
import type { WindowOfMeasure } from '../../src/metering/measure.ts';
import { guardOver, limit, row } from '../budgets/guards.ts';
import { policyOf } from '../session/policies.ts';
import { hashOf, seen } from '../support/people.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { describeWith, tool } from '../support/tools.ts';
import { contract, newOwner } from './contract.ts';

const program = tool('valkey-server');
const HOUR: WindowOfMeasure = { count: 1, unit: 'hour' };
const PUPILS = 'subjects.student';
const notices: string[] = [];

describeWith(program)('with a server', () => {
  let server: TestRedis;
  let first: BudgetStore;
  let second: BudgetStore;
  const open = (url: string): Promise<BudgetStore> =>
    redisStore({ url, name: 'g 1', timeZone: 'Europe/Paris', notice: (message) => notices.push(message) });

  beforeAll(async () => {
    server = await startRedis(program.path!);
    first = await open(server.url);
    second = await open(server.url);
  });
  afterEach(() => {
    notices.length = 0;
  });
  afterAll(async () => {
    await first.close();
    await second.close();
    await server.remove();
  });

  contract('redis', () => ({ store: first, other: second }));

  const take = async (store: BudgetStore, owner: string, want: number, window = HOUR) => {
    const [grant] = await store.take([{ owner, measure: 'rows', ceilings: [{ window, limit: 10 }], want }]);
    if (!grant) throw new Error('no grant');
    return grant;
  };
  const recovered = (store: BudgetStore): Promise<void> =>
    expect
      .poll(
        () =>
          Promise.resolve(store.used('x', 'rows', [HOUR])).then(
            () => true,
            () => false,
          ),
        { timeout: 120_000 },
      )
      .toBe(true);

  it('a short window slides by the clock of the server', async () => {
    const owner = newOwner();
    const second: WindowOfMeasure = { count: 1, unit: 'second' };
    expect((await take(first, owner, 10, second)).granted).toBe(10);
    first.saw(owner, PUPILS, [second], seen(['a']));
    expect((await take(first, owner, 10, second)).granted).toBe(0);
    await new Promise((done) => setTimeout(done, 1_100));
    expect(await first.used(owner, 'rows', [second])).toEqual([0]);
    expect(await first.known(owner, PUPILS, [second], ['a'].map(hashOf))).toEqual([false]);
    expect((await take(first, owner, 10, second)).granted).toBe(10);
  });

  it('it counts as the accounts of the process itself do', async () => {
    const owner = newOwner();
    const accounts = new Accounts('Europe/Paris');
    const windows: WindowOfMeasure[] = [
      HOUR,
      { count: 1, unit: 'day' },
      { count: 7, unit: 'day' },
      { count: 30, unit: 'day' },
    ];
    let random = 7;
    const next = (below: number): number => {
      random = (random * 1_103_515_245 + 12_345) % 2_147_483_648;
      return Math.floor((random / 2_147_483_648) * below);
    };
    const grants: { at: number; mine: number }[] = [];
    for (let i = 0; i < 150; i++) {
      const measure = i % 2 ? PUPILS : 'rows';
      const named = windows.filter((_, w) => (i > 75 ? w > 0 : w < 3));
      const ceilings = named.map((window, w) => ({ window, limit: 20 + 10 * w }));
      const claim = { owner, measure, ceilings, want: next(4) } as const;
      const [there] = await first.take([claim]);
      const mine = accounts.take(claim, Date.now());
      expect(there).toMatchObject({ granted: mine.granted, used: mine.used });
      grants.push({ at: there?.at ?? 0, mine: mine.at });
      const one = grants[next(grants.length)];
      if (measure === 'rows' && mine.granted > 0 && next(2)) {
        first.giveBack([{ owner, measure, windows: named, amount: 1, at: there?.at ?? 0 }]);
        accounts.giveBack({ owner, measure, windows: named, amount: 1, at: mine.at });
      } else if (measure === PUPILS && one) {
        const keys = Array.from({ length: mine.granted }, () => `k${next(30)}`);
        first.saw(owner, measure, named, seen(keys, there?.at ?? 0));
        accounts.saw(owner, measure, named, seen(keys, mine.at), Date.now());
      }
    }
    for (const measure of ['rows', PUPILS] as const) {
      const there = () => Promise.resolve(first.used(owner, measure, windows));
      await expect.poll(there).toEqual(accounts.used(owner, measure, windows, Date.now()));
    }
  });

  it('killed: nothing is granted until it is back, and then it knows all that was taken and what was to be told', async () => {
    const owner = newOwner();
    const { at } = await take(first, owner, 8);
    await first.change({ kind: 'lock', lock: { owner, since: 1, reason: 'by hand', by: 'dba' } });
    const opening: BreakGlassOpening = {
      id: `o-${owner}`,
      owner,
      role: 'dba',
      guard: 'g1',
      state: 's',
      until: Date.now() + 60_000,
      reason: 'ticket 4711',
      usedBy: 'ines',
      requestedBy: 'ines',
      requestedAt: Date.now(),
      approvals: [],
    };
    await first.change({ kind: 'opening', opening });
    await server.kill();
    await expect(take(first, owner, 1)).rejects.toThrow(StoreUnavailable);
    first.giveBack([{ owner, measure: 'rows', windows: [HOUR], amount: 3, at }]);
    let kept = false;
    void Promise.resolve(first.saw(owner, PUPILS, [HOUR], seen(['a']))).then(() => {
      kept = true;
    });
    const other = newOwner();
    const lock = { kind: 'lock', lock: { owner: other, since: 1, reason: 'canary', by: 'rowgate' } } as const;
    await expect(first.change(lock)).rejects.toThrow(StoreUnavailable);
    expect(first.exceptions().locks.has(other)).toBe(true);
    // So is a closing; an opening is not.
    const closed = { ...opening, closed: { by: 'ines', at: 2 } };
    await expect(first.change({ kind: 'opening', opening: closed })).rejects.toThrow(StoreUnavailable);
    expect(first.exceptions().openings.find(({ id }) => id === opening.id)?.closed).toEqual(closed.closed);
    const late = { ...opening, id: `${opening.id}-late` };
    await expect(first.change({ kind: 'opening', opening: late })).rejects.toThrow(StoreUnavailable);
    expect(first.exceptions().openings.some(({ id }) => id === late.id)).toBe(false);
    expect(kept).toBe(false);
    await server.start();
    await recovered(first);
    await expect.poll(() => Promise.resolve(first.used(owner, 'rows', [HOUR]))).toEqual([5]);
    expect(kept).toBe(true);
    await expect.poll(() => Promise.resolve(first.used(owner, PUPILS, [HOUR]))).toEqual([1]);
    await expect.poll(() => second.exceptions().locks.has(other), { timeout: 120_000 }).toBe(true);
    const told = () => second.exceptions().openings.find(({ id }) => id === opening.id)?.closed;
    await expect.poll(told, { timeout: 120_000 }).toEqual(closed.closed);
    expect(second.exceptions().locks.has(owner)).toBe(true);
  });

  it('stands still: the answer does not wait for it, it is refused, and what was told late is told once', async () => {
    const owner = newOwner();
    const { at } = await take(first, owner, 8);
    server.signal('SIGSTOP');
    const began = performance.now();
    try {
      first.giveBack([{ owner, measure: 'rows', windows: [HOUR], amount: 3, at }]);
      await expect(take(first, owner, 1)).rejects.toThrow(StoreUnavailable);
      expect(performance.now() - began).toBeLessThan(20_000);
      await new Promise((done) => setTimeout(done, 1_500));
    } finally {
      server.signal('SIGCONT');
    }
    await recovered(first);
    // The call that failed may have been done: then it stays counted.
    await expect.poll(async () => [5, 6].includes((await first.used(owner, 'rows', [HOUR]))[0] ?? 0)).toBe(true);
    await recovered(second);
  });

  it('full: nothing is granted, and it goes on when there is room', async () => {
    const owner = newOwner();
    const client = new Redis(server.url);
    await client.config('SET', 'maxmemory', '1');
    await expect(take(first, owner, 1)).rejects.toThrow(/OOM/);
    first.saw(owner, PUPILS, [HOUR], seen(['a']));
    await client.config('SET', 'maxmemory', '0');
    expect((await take(first, owner, 1)).granted).toBe(1);
    await expect.poll(() => Promise.resolve(first.used(owner, PUPILS, [HOUR]))).toEqual([1]);
    await client.quit();
  });

  it('has lost the last moments, and others have gone on from there: no lock is lost on either side', async () => {
    const client = new Redis(server.url);
    const lockOf = (reason: string) => ({ owner: newOwner(), since: Date.now(), reason, by: 'rowgate' });
    const [lost, since] = [lockOf('told before the server fell'), lockOf('told to the one that took over')];
    const before = await client.hgetall('rowgate:standing');
    await first.change({ kind: 'lock', lock: lost });
    await expect.poll(() => second.exceptions().locks.has(lost.owner), { timeout: 120_000 }).toBe(true);
    // A replica that had not heard of it, as another guard has changed it meanwhile: a version of the same number.
    const state = JSON.parse(before.state ?? '{"locks":[],"raises":[],"permits":[]}');
    state.locks.push(since);
    const version = String(Number(before.version ?? 0) + 1);
    const marks = `${before.marks ?? ''} elsewhere`.trim();
    await client.hset('rowgate:standing', { version, marks, state: JSON.stringify(state) });
    for (const store of [first, second]) {
      const known = () => [lost, since].map(({ owner }) => store.exceptions().locks.get(owner)?.reason);
      await expect.poll(known, { timeout: 120_000 }).toEqual([lost.reason, since.reason]);
    }
    expect(notices.join()).toContain('were put back');
    // They agree, and go on from there: a release is one for both.
    await second.change({ kind: 'release', owner: lost.owner });
    await expect.poll(() => first.exceptions().locks.has(lost.owner), { timeout: 120_000 }).toBe(false);
    const settled = await client.hget('rowgate:standing', 'version');
    await new Promise((done) => setTimeout(done, 1_200));
    expect(await client.hget('rowgate:standing', 'version')).toBe(settled);
    client.disconnect();
  });

  /** INVARIANT 236 */
  it('has lost the last moments: what they had granted is not given back to it', async () => {
    const owner = newOwner();
    await take(first, owner, 5);
    const client = new Redis(server.url);
    const keys = async () => (await client.keys('rowgate:*')).filter((key) => !key.includes('logout'));
    const before = await Promise.all((await keys()).map(async (key) => [key, await client.dumpBuffer(key)] as const));
    const { at } = await take(second, owner, 5);
    second.giveBack([{ owner, measure: 'rows', windows: [HOUR], amount: 1, at }]);
    await expect.poll(() => Promise.resolve(first.used(owner, 'rows', [HOUR]))).toEqual([9]);
    await client.del(await keys());
    for (const [key, value] of before) await client.restore(key, 0, value!, 'REPLACE');
    second.giveBack([{ owner, measure: 'rows', windows: [HOUR], amount: 4, at }]);
    await recovered(second);
    expect(await second.used(owner, 'rows', [HOUR])).toEqual([5]);
    // What it grants itself is given back.
    await new Promise((done) => setTimeout(done, 1_100));
    const again = await take(second, owner, 5);
    second.giveBack([{ owner, measure: 'rows', windows: [HOUR], amount: 4, at: again.at }]);
    await expect.poll(() => Promise.resolve(first.used(owner, 'rows', [HOUR]))).toEqual([6]);
    client.disconnect();
  });

  /** INVARIANT 253 */
  it('has lost the last moments: a guard spends nothing of what they granted, and counts those again whom they counted', async () => {
    const store = await open(server.url);
    const principal = `fallen_${process.pid}`;
    const guard = guardOver(store, principal);
    const role = { limits: { rows: [limit('2000 per hour')], subjects: new Map([['pupil', [limit('400 per day')]]]) } };
    const session = guard.session(policyOf(role));
    const show = async () => {
      for (const pupil of [1, 2, 3]) expect(await session.take(row(undefined, pupil))).toMatchObject({ kind: 'taken' });
    };
    const client = new Redis(server.url);
    // The key of the hashes comes first.
    await expect.poll(() => session.take(row(undefined, 0))).toMatchObject({ kind: 'taken' });
    await show();
    const keys = (await client.keys('rowgate:*')).filter((key) => /done|principal:fallen/.test(key));
    await client.del(keys);
    // It notices with the next question, whatever that is.
    await store.used('x', 'rows', [HOUR]);
    for (let i = 0; i < 10; i += 1) await show();
    guard.budgets.stop();
    await store.close();
    const owner = `principal:${principal}`;
    expect((await first.used(owner, 'rows', [HOUR]))[0]).toBeGreaterThanOrEqual(30);
    expect((await first.used(owner, 'subjects.pupil', [{ count: 1, unit: 'day' }]))[0]).toBeGreaterThanOrEqual(3);
    client.disconnect();
  });

  it('has forgotten everything: locks and the key of the hashes are put back by guards that know them', async () => {
    const owner = newOwner();
    await first.change({ kind: 'lock', lock: { owner, since: 1, reason: 'by hand', by: 'dba' } });
    const client = new Redis(server.url);
    const key = await client.get('rowgate:hash-key');
    await client.flushall();
    await expect
      .poll(async () => (await client.hget('rowgate:standing', 'state')) ?? '', { timeout: 120_000 })
      .toContain('by hand');
    expect(notices.join()).toContain('were put back');
    await expect.poll(() => client.get('rowgate:hash-key'), { timeout: 120_000 }).toBe(key);
    await client.quit();
  });

  it('has forgotten everything before anyone was locked out: a guard says so, once', async () => {
    const careless = await startRedis(program.path!, '--appendonly', 'no');
    const store = await open(careless.url);
    expect((await take(store, 'o', 7)).granted).toBe(7);
    const forgotten = () => notices.filter((notice) => notice.includes('has lost its data'));
    expect(forgotten()).toEqual([]);
    await careless.kill();
    await careless.start();
    await expect.poll(forgotten, { timeout: 120_000 }).toHaveLength(1);
    expect(forgotten()[0]).toMatch(/: what was taken before is forgotten$/);
    expect((await take(store, 'o', 7)).granted).toBe(7);
    const client = new Redis(careless.url);
    expect(await client.get('rowgate:time-zone')).toBe('Europe/Paris');
    await client.quit();
    await store.close();
    await careless.remove();
  });

  it('one that forgets or evicts is told of, and keys leave it with their windows', async () => {
    const careless = await startRedis(program.path!, '--appendonly', 'no', '--maxmemory-policy', 'allkeys-lru');
    const store = await open(careless.url);
    expect(notices.join('\n')).toMatch(/maxmemory-policy is allkeys-lru[\s\S]*appendonly is no/);
    await take(store, 'o', 1);
    const client = new Redis(careless.url);
    const left = await client.pttl('rowgate:account:rows o');
    expect(left).toBeGreaterThan(3_600_000);
    expect(left).toBeLessThan(4 * 3_600_000);
    await client.quit();
    await store.close();
    await careless.remove();
  });

  it('a password is used, and none is shown', async () => {
    const locked = await startRedis(program.path!, '--requirepass', 'p@ss/word');
    const store = await open(locked.url.replace('//', '//:p%40ss%2Fword@'));
    expect((await take(store, 'o', 1)).granted).toBe(1);
    await locked.kill();
    const failure = await Promise.resolve(store.take([])).catch((error: Error) => error);
    expect(String(failure)).toMatch(/cannot be reached/);
    expect(String(failure) + notices.join()).not.toMatch(/p@ss|p%40ss/);
    await store.close();
    await locked.remove();
  });

  it('no guard with other calendar days shares it: what a day holds would be forgotten where the next has begun', async () => {
    const openIn = (timeZone: string) => redisStore({ url: server.url, name: 'other', timeZone, notice: () => {} });
    await expect(openIn('Pacific/Kiritimati')).rejects.toThrow('it counts the days of Europe/Paris');
    await (await openIn('Europe/Paris')).close();
  });

  it('no guard starts without it', async () => {
    await expect(open('redis://127.0.0.1:1')).rejects.toThrow(/ECONNREFUSED/);
  });
});
