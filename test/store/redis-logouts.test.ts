/** Tests logouts in Redis: each is one record with an end of its own, other guards read the new ones, and none is lost while a guard knows it. */
import { Redis } from 'ioredis';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { redisStore } from '../../src/budget/store/redis.ts';
import { type BudgetStore, StoreUnavailable } from '../../src/metering/budget-store.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { describeWith, tool } from '../support/tools.ts';

const program = tool('valkey-server');
const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const SOON = { timeout: 120_000 };

describeWith(program)('with a server', () => {
  let server: TestRedis;
  let client: Redis;
  let notices: string[];
  const opened: BudgetStore[] = [];
  const open = async (): Promise<BudgetStore> => {
    const notice = (message: string): void => void notices.push(message);
    const store = await redisStore({ url: server.url, name: 'g1', timeZone: 'UTC', notice });
    opened.push(store);
    return store;
  };
  beforeEach(async () => {
    notices = [];
    server = await startRedis(program.path!);
    client = new Redis(server.url);
    client.on('error', () => {});
  });
  afterEach(async () => {
    for (const store of opened.splice(0)) await store.close();
    client.disconnect();
    await server.remove();
  });

  const tokenOf = (i: number): string => `token ${String(i).padStart(37, '0')}`;
  const logOut = async (store: BudgetStore, from: number, to: number, end = Date.now() + HOUR): Promise<void> => {
    for (let i = from; i < to; i += 100) {
      const some = Array.from({ length: Math.min(100, to - i) }, (_, j) =>
        store.logOut({ token: tokenOf(i + j), end }),
      );
      expect(new Set(await Promise.all(some))).toEqual(new Set([true]));
    }
  };
  const knows = (store: BudgetStore, ...tokens: number[]): boolean[] =>
    tokens.map((i) => store.logouts.has(tokenOf(i)));
  /** Bytes that the server has read and written so far. */
  const traffic = async (): Promise<number> => {
    const info = await client.info('stats');
    const of = (name: string): number => Number(new RegExp(`${name}:(\\d+)`).exec(info)?.[1]);
    return of('total_net_input_bytes') + of('total_net_output_bytes');
  };

  it('the traffic of a logout does not grow with the number of logouts, and a guard that starts later knows all', async () => {
    const [first, second] = [await open(), await open()];
    const sent = async (from: number, to: number): Promise<number> => {
      const before = await traffic();
      await logOut(first, from, to);
      await expect.poll(() => knows(second, to - 1), SOON).toEqual([true]);
      return (await traffic()) - before;
    };
    const hundred = await sent(0, 100);
    await logOut(first, 100, 49_900);
    await expect.poll(() => knows(second, 49_899), SOON).toEqual([true]);
    // Looks at the clock and at what is new come besides, as many as the machine has time for. All of them at once are more than three megabytes.
    expect(await sent(49_900, 50_000)).toBeLessThan(3 * hundred + 200_000);
    expect((await client.keys('rowgate:*')).length).toBeLessThan(10);
    const third = await open();
    expect(knows(third, 0, 25_000, 49_999, 50_000)).toEqual([true, true, true, false]);
  });

  it('one leaves the server a day behind its own end, and the last takes the keys with it', async () => {
    const first = await open();
    // Two that are over but for a second, put there as a guard does.
    await logOut(first, 0, 2, Date.now() - DAY + 3_000);
    await expect.poll(() => client.exists('rowgate:logouts:ends', 'rowgate:logouts:order'), SOON).toBe(0);
    await logOut(first, 2, 4, Date.now() - DAY + 3_000);
    await logOut(first, 4, 5, Date.now() + HOUR);
    const left = await client.pttl('rowgate:logouts:ends');
    expect(left).toBeGreaterThan(DAY);
    expect(left).toBeLessThanOrEqual(DAY + HOUR);
    let next = 5;
    const added = async (): Promise<string[]> => {
      await logOut(first, next, ++next);
      return client.zrange('rowgate:logouts:ends', '0', '-1');
    };
    await expect.poll(added, SOON).not.toContain(tokenOf(2));
    expect(await client.zrange('rowgate:logouts:order', '0', '-1')).not.toContain(tokenOf(2));
    // A guard that starts then is not told of them, and none is lost.
    const second = await open();
    expect(knows(second, 0, 2, 4)).toEqual([false, false, true]);
    expect(notices).toEqual([]);
  });

  it('one that is told while a guard reads the whole list was not lost', async () => {
    const first = await open();
    for (let i = 0; i < 100; i += 1) {
      // Marks that do not match: it reads all.
      await client.hset('rowgate:logouts:last', 'mark', `other ${i}`);
      const said = client.publish('rowgate:logouts', '0');
      await Promise.all([said, logOut(first, 2 * i, 2 * i + 1), said.then(() => logOut(first, 2 * i + 1, 2 * i + 2))]);
    }
    expect(knows(first, 0, 199)).toEqual([true, true]);
    expect(notices).toEqual([]);
  });

  it('a server that was away is told later, and a guard that missed some catches up', async () => {
    const [first, second] = [await open(), await open()];
    await logOut(first, 0, 10);
    await expect.poll(() => knows(second, 9), SOON).toEqual([true]);
    await server.kill();
    await expect(first.logOut({ token: tokenOf(10), end: Date.now() + HOUR })).rejects.toThrow(StoreUnavailable);
    await expect(second.logOut({ token: tokenOf(11), end: Date.now() + HOUR })).rejects.toThrow(StoreUnavailable);
    expect(knows(first, 10, 11)).toEqual([true, false]);
    await server.start();
    await expect.poll(() => knows(first, 0, 10, 11), { timeout: 120_000 }).toEqual([true, true, true]);
    await expect.poll(() => knows(second, 0, 10, 11), { timeout: 120_000 }).toEqual([true, true, true]);
    expect(knows(await open(), 0, 10, 11)).toEqual([true, true, true]);
    expect(notices.join()).not.toContain('put back');
  });

  it('has lost the last moments, and others have gone on from there: all are known to all', async () => {
    const [first, second] = [await open(), await open()];
    await logOut(first, 0, 5);
    const before = await Promise.all(
      ['ends', 'order', 'last'].map((name) => client.dumpBuffer(`rowgate:logouts:${name}`)),
    );
    await logOut(first, 5, 7);
    await expect.poll(() => knows(second, 5, 6), SOON).toEqual([true, true]);
    const third = await open();
    // A replica takes over that has not heard of two, and two others come at once, under the same numbers.
    const taken = client.multi();
    for (const [i, name] of ['ends', 'order', 'last'].entries())
      taken.restore(`rowgate:logouts:${name}`, 0, before[i]!, 'REPLACE');
    await taken.exec();
    await logOut(third, 7, 9);
    for (const store of [first, second, third])
      await expect.poll(() => knows(store, 5, 6, 7, 8), SOON).toEqual([true, true, true, true]);
    await expect.poll(() => client.zcard('rowgate:logouts:ends'), SOON).toBe(9);
    expect(await client.zcard('rowgate:logouts:order')).toBe(9);
    expect(notices.join()).toContain('2 logouts were put back');
    // They agree from then on.
    const number = await client.hget('rowgate:logouts:last', 'number');
    await new Promise((done) => setTimeout(done, 1_200));
    expect(await client.hget('rowgate:logouts:last', 'number')).toBe(number);
  });

  it('has forgotten everything: guards that know them put them back', async () => {
    const first = await open();
    await logOut(first, 0, 1_100);
    await client.flushall();
    await expect.poll(() => client.zcard('rowgate:logouts:ends'), SOON).toBe(1_100);
    expect(notices.join()).toContain('1100 logouts were put back');
    expect(knows(await open(), 0, 1_099)).toEqual([true, true]);
  });

  it('an end beyond all dates is one', async () => {
    const first = await open();
    await logOut(first, 0, 1, Number.MAX_SAFE_INTEGER * 1_000);
    expect(knows(await open(), 0)).toEqual([true]);
  });
});
