/** The contract of every store, wherever it keeps the accounts. */
import { expect, it } from 'vitest';
import type { AccountLock, BreakGlassOpening, BudgetStore, Permit, Raise } from '../../src/metering/budget-store.ts';
import type { Ceiling, Measure, WindowOfMeasure } from '../../src/metering/measure.ts';
import { hashOf, seen } from '../support/people.ts';
import { condition, need } from '../support/tools.ts';

export interface StoreUnderTest {
  /** The store of another process that shares the accounts; the same one, where there can be none. */
  readonly store: BudgetStore;
  readonly other: BudgetStore;
  /** Moves the clock of the store on. Absent where it has its own. */
  pass?(ms: number): void;
}

const HOUR: WindowOfMeasure = { count: 1, unit: 'hour' };
const DAY: WindowOfMeasure = { count: 1, unit: 'day' };
const MONTH: WindowOfMeasure = { count: 30, unit: 'day' };
const PUPILS: Measure = 'subjects.student';

let owners = 0;
/** A name that no other test uses. */
export function newOwner(): string {
  owners += 1;
  return `principal:contract_${process.pid}_${owners} é"\\`;
}

export function contract(name: string, open: () => StoreUnderTest): void {
  const rows = (owner: string, want: number, ...ceilings: Ceiling[]) => ({
    owner,
    measure: 'rows' as const,
    ceilings,
    want,
  });
  const settled = (): Promise<void> => new Promise((done) => setTimeout(done, 30));

  it(`${name}: grants as much as every ceiling leaves, claim by claim`, async () => {
    const { store } = open();
    const owner = newOwner();
    const grants = await store.take([
      rows(owner, 60, { window: HOUR, limit: 100 }, { window: DAY, limit: 1000 }),
      rows(owner, 60, { window: HOUR, limit: 100 }, { window: DAY, limit: 1000 }),
      rows(owner, 1, { window: HOUR, limit: 100 }),
      rows(newOwner(), 5, { window: HOUR, limit: 100 }),
      rows(owner, 7, { window: DAY }),
    ]);
    expect(grants.map(({ granted }) => granted)).toEqual([60, 40, 0, 5, 7]);
    expect(grants.map(({ used }) => used)).toEqual([[60, 60], [100, 100], [100], [5], [107]]);
    expect(await store.used(owner, 'rows', [HOUR, DAY])).toEqual([107, 107]);
    expect(await store.used(owner, 'bytes', [HOUR])).toEqual([0]);
  });

  it(`${name}: many at once never get more than there is`, async () => {
    const { store, other } = open();
    const owner = newOwner();
    const claims = Array.from({ length: 50 }, (_, i) =>
      (i % 2 ? store : other).take([rows(owner, 7, { window: HOUR, limit: 100 })]),
    );
    const grants = (await Promise.all(claims)).flat();
    expect(grants.reduce((sum, { granted }) => sum + granted, 0)).toBe(100);
    expect(await other.used(owner, 'rows', [HOUR])).toEqual([100]);
  });

  it(`${name}: what is given back can be taken again, once`, async () => {
    const { store, other } = open();
    const owner = newOwner();
    const ceiling = { window: HOUR, limit: 10 };
    const [grant] = await store.take([rows(owner, 10, ceiling)]);
    store.giveBack([{ owner, measure: 'rows', windows: [HOUR], amount: 4, at: grant?.at ?? 0 }]);
    await settled();
    const [again] = await other.take([rows(owner, 10, ceiling)]);
    expect(again?.granted).toBe(4);
    expect(await store.used(owner, 'rows', [HOUR])).toEqual([10]);
  });

  it(`${name}: a window that is named for the first time begins empty, and then knows all that is taken`, async () => {
    const { store } = open();
    const owner = newOwner();
    const [before] = await store.take([rows(owner, 10, { window: HOUR })]);
    await store.take([rows(owner, 1, { window: DAY, limit: 100 })]);
    await store.take([rows(owner, 5, { window: HOUR })]);
    store.giveBack([{ owner, measure: 'rows', windows: [HOUR, DAY], amount: 10, at: before?.at ?? 0 }]);
    await settled();
    expect(await store.used(owner, 'rows', [HOUR, DAY])).toEqual([6, 6]);
  });

  it(`${name}: a person counts once in a window, from the last sight on`, async () => {
    const { store, other } = open();
    const owner = newOwner();
    const windows = [HOUR, MONTH];
    const take = async (want: number) => {
      const [grant] = await store.take([
        { owner, measure: PUPILS, ceilings: windows.map((window) => ({ window, limit: 5 })), want },
      ]);
      return grant ?? { granted: 0, at: 0, used: [] };
    };
    const first = await take(3);
    store.saw(owner, PUPILS, windows, seen(['a', 'b', 'c'], first.at));
    await settled();
    expect(await other.known(owner, PUPILS, windows, ['a', 'x', 'c'].map(hashOf))).toEqual([true, false, true]);
    // Another process does not know that `a` was counted, and takes a place for each.
    const second = await take(2);
    expect(second).toMatchObject({ granted: 2, used: [5, 5] });
    other.saw(owner, PUPILS, windows, seen(['a', 'd'], second.at));
    await settled();
    expect(await store.used(owner, PUPILS, windows)).toEqual([4, 4]);
    expect((await take(9)).granted).toBe(1);
  });

  it(`${name}: who was shown yesterday and is reported today takes none of today, and stays in longer windows`, async () => {
    const { store, other } = open();
    const owner = newOwner();
    const windows = [DAY, MONTH];
    const [grant] = await store.take([
      { owner, measure: PUPILS, ceilings: windows.map((window) => ({ window })), want: 2 },
    ]);
    const now = grant?.at ?? 0;
    store.saw(owner, PUPILS, windows, seen(['today', 'again'], now));
    const yesterday = now - 90_000_000;
    store.saw(owner, PUPILS, windows, seen(['new'], yesterday));
    store.saw(owner, PUPILS, windows, seen(['counted'], -yesterday));
    store.saw(owner, PUPILS, windows, seen(['again'], -now));
    await settled();
    expect(await other.used(owner, PUPILS, windows)).toEqual([2, 4]);
    const keys = ['new', 'counted', 'today', 'again'].map(hashOf);
    expect(await other.known(owner, PUPILS, [DAY], keys)).toEqual([false, false, true, true]);
    expect(await store.known(owner, PUPILS, [MONTH], keys)).toEqual([true, true, true, true]);
  });

  it(`${name}: a window that is new knows the people who are remembered`, async () => {
    const { store } = open();
    const owner = newOwner();
    const [grant] = await store.take([{ owner, measure: PUPILS, ceilings: [{ window: MONTH }], want: 2 }]);
    store.saw(owner, PUPILS, [MONTH], seen(['a', 'b'], grant?.at ?? 0));
    await settled();
    expect(await store.known(owner, PUPILS, [DAY, MONTH], ['a', 'c'].map(hashOf))).toEqual([true, false]);
    expect(await store.used(owner, PUPILS, [DAY, MONTH])).toEqual([2, 2]);
    const [more] = await store.take([{ owner, measure: PUPILS, ceilings: [{ window: DAY, limit: 3 }], want: 5 }]);
    expect(more).toMatchObject({ granted: 1, used: [3] });
  });

  it(`${name}: a sight without a place keeps a person who is counted, and counts one who is not`, async () => {
    const { store } = open();
    const owner = newOwner();
    store.saw(owner, PUPILS, [HOUR], seen(['a', 'b']));
    store.saw(owner, PUPILS, [HOUR], seen(['a']));
    await settled();
    expect(await store.used(owner, PUPILS, [HOUR])).toEqual([2]);
  });

  it(`${name}: people are hashed with one key`, async () => {
    const { store, other } = open();
    const key = await store.hashKey();
    expect(key).toHaveLength(32);
    expect(Buffer.compare(key, await other.hashKey())).toBe(0);
  });

  it(`${name}: what stands is seen by all, and told`, async () => {
    const { store, other } = open();
    const owner = newOwner();
    let told = 0;
    other.onExceptions(() => {
      told += 1;
    });
    const before = store.exceptions();
    const lock: AccountLock = {
      owner,
      since: Date.now(),
      until: Date.now() + 60_000,
      reason: '5 overruns',
      by: 'rowgate',
    };
    const raise: Raise = {
      id: `r-${owner}`,
      owner,
      measure: 'rows',
      window: HOUR,
      amount: 500,
      until: Date.now() + 60_000,
      reason: 'report cards',
      by: 'dba',
    };
    const permit: Permit = {
      id: `p-${owner}`,
      owner,
      guard: 'g1',
      state: 'state',
      tables: ['public.students'],
      rows: 10,
      from: Date.now(),
      until: Date.now() + 60_000,
      reason: 'statistics',
      requestedBy: 'a',
      requestedAt: Date.now(),
      approvals: [],
    };
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
    await store.change({ kind: 'lock', lock });
    await store.change({ kind: 'opening', opening });
    await store.change({ kind: 'raise', raise });
    await store.change({ kind: 'permit', permit });
    expect(store.exceptions()).not.toBe(before);
    expect(store.exceptions().locks.get(owner)).toEqual(lock);
    await expect
      .poll(() => other.exceptions().permits.find(({ id }) => id === permit.id), { timeout: 120_000 })
      .toEqual(permit);
    expect(other.exceptions().locks.get(owner)).toEqual(lock);
    expect(other.exceptions().raises.find(({ id }) => id === raise.id)).toEqual(raise);
    expect(other.exceptions().openings.find(({ id }) => id === opening.id)).toEqual(opening);
    expect(other.exceptions()).toBe(other.exceptions());
    expect(told).toBeGreaterThan(0);
    const approved = { ...permit, approvals: [{ by: 'b', signature: 's' }] };
    await other.change({ kind: 'permit', permit: approved });
    const closed: BreakGlassOpening = { ...opening, closed: { by: 'ines', at: Date.now() } };
    await other.change({ kind: 'opening', opening: closed });
    await other.change({ kind: 'release', owner });
    await expect.poll(() => store.exceptions().locks.has(owner), { timeout: 120_000 }).toBe(false);
    expect(store.exceptions().permits.filter(({ id }) => id === permit.id)).toEqual([approved]);
    // A guard that still has it as open does not open it again.
    await store.change({ kind: 'opening', opening });
    expect(store.exceptions().openings.filter(({ id }) => id === opening.id)).toEqual([closed]);
  });

  it(`${name}: a logout is known to all, and told by itself`, async () => {
    const { store, other } = open();
    const token = newOwner();
    const told: string[] = [];
    other.onLogout((logouts) => void told.push(...logouts.map((logout) => logout.token)));
    expect(await store.logOut({ token, end: Date.now() + 3_600_000 })).toBe(true);
    expect(store.logouts.has(token)).toBe(true);
    await expect.poll(() => other.logouts.has(token), { timeout: 120_000 }).toBe(true);
    expect(told).toEqual([token]);
    expect([...other.exceptions().locks.keys()].filter((owner) => owner.includes(token))).toEqual([]);
    expect(other.logouts.has(newOwner())).toBe(false);
  });

  it(`${name}: amounts leave a sliding window after its length, and people after their last sight`, async () => {
    const { store, pass } = open();
    if (!pass) return need(condition(false, 'a clock that the test can move'));
    const owner = newOwner();
    const claim = rows(owner, 10, { window: HOUR, limit: 10 }, { window: MONTH });
    await store.take([claim]);
    store.saw(owner, PUPILS, [HOUR], seen(['a', 'b']));
    await settled();
    pass(59 * 60_000);
    expect(await store.used(owner, 'rows', [HOUR])).toEqual([10]);
    expect(await store.known(owner, PUPILS, [HOUR], ['a'].map(hashOf))).toEqual([true]);
    pass(2 * 60_000 + 1);
    expect(await store.used(owner, 'rows', [HOUR, MONTH])).toEqual([0, 10]);
    expect(await store.used(owner, PUPILS, [HOUR])).toEqual([1]);
    expect((await store.take([claim]))[0]?.granted).toBe(10);
  });
}
