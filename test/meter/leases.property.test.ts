/** Tests leases against a store whose answers come late, fail, or get lost: in every order, no more is spent than the limits allow, and in the end the store counts what was spent. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Accounts } from '../../src/metering/accounts.ts';
import {
  type BudgetStore,
  type LeaseClaim,
  type LeaseReturn,
  StoreUnavailable,
} from '../../src/metering/budget-store.ts';
import type { ChargeLine } from '../../src/metering/charge-line.ts';
import { CalendarDays } from '../../src/metering/days.ts';
import { KnownSubjects } from '../../src/metering/known-subjects.ts';
import { Lease } from '../../src/metering/lease.ts';
import { Leases } from '../../src/metering/leases.ts';
import type { Ceiling } from '../../src/metering/measure.ts';
import { sightingsOf } from '../../src/metering/sightings.ts';
import { hashesOf, hashOf } from '../support/people.ts';

const OWNER = 'principal:a';
const ZONE = 'Europe/Paris';
const HOUR = { count: 1, unit: 'hour' } as const;
const DAY = { count: 1, unit: 'day' } as const;
const ROWS = [{ window: HOUR, limit: 100 }, { window: DAY }];
const BYTES = [{ window: HOUR, limit: 1_000 }];
const PEOPLE = [
  { window: DAY, limit: 12 },
  { window: { count: 30, unit: 'day' } as const, limit: 20 },
];

/** Of so many some are granted ahead. */
const MANY = [
  { window: DAY, limit: 48 },
  { window: { count: 30, unit: 'day' } as const, limit: 96 },
];

/** Answers when the schedule lets it, or not at all. */
class SlowStore {
  readonly accounts = new Accounts(ZONE);
  private readonly waiting: (() => void)[] = [];
  failing = false;

  constructor(
    private readonly late: boolean,
    readonly now: () => number,
  ) {}

  /** Lets the oldest answers through. */
  answer(count: number): void {
    for (const one of this.waiting.splice(0, count)) one();
  }

  get store(): Pick<BudgetStore, 'take' | 'giveBack' | 'saw' | 'known'> {
    return {
      take: (claims) => this.later(() => claims.map((claim: LeaseClaim) => this.accounts.take(claim, this.now()))),
      giveBack: (returns) => {
        for (const one of returns) this.accounts.giveBack(one);
      },
      saw: (owner, measure, windows, sightings) => this.accounts.saw(owner, measure, windows, sightings, this.now()),
      known: (owner, measure, windows, keys) =>
        this.later(() => {
          const known = this.accounts.known(owner, measure, windows, keys, this.now());
          const again = keys.filter((_, i) => known[i]);
          if (again.length > 0) this.accounts.saw(owner, measure, windows, sightingsOf(again), this.now());
          return known;
        }),
    };
  }

  private later<T>(act: () => T): T | Promise<T> {
    if (!this.late) {
      if (this.failing) throw new StoreUnavailable('gone');
      return act();
    }
    return new Promise((done, fail) => {
      this.waiting.push(() => (this.failing ? fail(new StoreUnavailable('gone')) : done(act())));
    });
  }
}

const TAKEN = { kind: 'taken' };

/** A guard's process. */
class Process {
  readonly days = new CalendarDays(ZONE);
  readonly rows = new Lease(OWNER, 'rows', { ceilings: ROWS }, 50, this.days);
  readonly bytes = new Lease(OWNER, 'bytes', { ceilings: BYTES }, 400, this.days);
  readonly people: Lease;
  readonly known = new KnownSubjects();
  readonly leases: Leases;
  spent = { rows: 0, bytes: 0, nameless: 0 };
  readonly seen = new Set<string>();

  constructor(slow: SlowStore, start: number, ceilings: readonly Ceiling[] = PEOPLE) {
    this.people = new Lease(OWNER, 'subjects.pupil', { ceilings }, 8, this.days);
    const store = slow.store as BudgetStore;
    const beside = () => [this.rows, this.bytes, this.people];
    this.leases = new Leases({ store, now: () => slow.now() - start, wake: () => {}, failed: () => {}, beside });
  }

  /** @param ahead without a look at the people, where that will do. */
  take(rows: number, bytes: number, keys: readonly string[], nameless: number, ahead = false): string {
    const lines: ChargeLine[] = [
      { lease: this.rows, need: rows },
      { lease: this.bytes, need: bytes },
    ];
    if (keys.length + nameless > 0) {
      lines.push({ lease: this.people, need: nameless, people: { known: this.known, hashes: hashesOf(keys) } });
    }
    const { kind } = ahead && this.leases.takeAhead(lines, lines.length) ? TAKEN : this.leases.take(lines);
    if (kind !== 'taken') return kind;
    this.spent.rows += rows;
    this.spent.bytes += bytes;
    this.spent.nameless += nameless;
    for (const key of keys) this.seen.add(key);
    return kind;
  }

  settle(): void {
    this.leases.report(this.people, this.known);
    this.leases.sweep([this.rows, this.bytes, this.people], true);
  }
}

const key = fc.integer({ min: 1, max: 80 }).map((id) => `pupil ${id}`);
const step = fc.oneof(
  {
    weight: 10,
    arbitrary: fc.record({
      kind: fc.constant('take' as const),
      process: fc.nat({ max: 1 }),
      rows: fc.nat({ max: 6 }),
      bytes: fc.nat({ max: 60 }),
      keys: fc.uniqueArray(key, { maxLength: 4 }),
      nameless: fc.nat({ max: 1 }),
      ahead: fc.boolean(),
    }),
  },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('answer' as const), count: fc.integer({ min: 1, max: 4 }) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('settle' as const), process: fc.nat({ max: 1 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('failing' as const), failing: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('crash' as const), process: fc.nat({ max: 1 }) }) },
  // Less than an hour in all, and within a day.
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.nat({ max: 20_000 }) }) },
);

async function play(late: boolean, start: number, steps: readonly Step[]): Promise<void> {
  let now = start;
  const slow = new SlowStore(late, () => now);
  const processes = [new Process(slow, start, MANY), new Process(slow, start, MANY)];
  const gone: Process[] = [];
  const { days } = processes[0]!;
  let crashed = false;
  const total = () => {
    const all = [...processes, ...gone];
    return {
      rows: all.reduce((sum, { spent }) => sum + spent.rows, 0),
      bytes: all.reduce((sum, { spent }) => sum + spent.bytes, 0),
      people:
        new Set(all.flatMap(({ seen }) => [...seen])).size + all.reduce((sum, { spent }) => sum + spent.nameless, 0),
    };
  };
  for (const one of steps) {
    switch (one.kind) {
      case 'take':
        processes[one.process]!.take(one.rows, one.bytes, one.keys, one.nameless, one.ahead);
        break;
      case 'answer':
        slow.answer(one.count);
        break;
      case 'settle':
        processes[one.process]!.settle();
        break;
      case 'failing':
        slow.failing = one.failing;
        break;
      case 'crash':
        crashed = true;
        gone.push(processes[one.process]!);
        processes[one.process] = new Process(slow, start, MANY);
        break;
      case 'wait':
        // A new day holds none of those who were shown before it.
        if (days.dayOf(now) !== days.dayOf(now + one.ms)) {
          for (const process of [...processes, ...gone]) {
            process.seen.clear();
            process.spent.nameless = 0;
          }
        }
        now += one.ms;
        break;
    }
    await turn();
    const { rows, bytes, people } = total();
    expect(rows).toBeLessThanOrEqual(100);
    expect(bytes).toBeLessThanOrEqual(1_000);
    expect(people).toBeLessThanOrEqual(48);
    const used = usedIn(slow, now);
    expect(used.rows).toBeGreaterThanOrEqual(rows);
    expect(used.bytes).toBeGreaterThanOrEqual(bytes);
    expect(used.people).toBeGreaterThanOrEqual(people);
  }
  slow.failing = false;
  // A failed question is asked again, and waiting sessions go on.
  for (let i = 0; i < 50; i += 1) {
    slow.answer(10);
    await turn();
  }
  for (const process of processes) process.settle();
  const used = usedIn(slow, now);
  const spent = total();
  if (crashed) {
    expect(used.rows).toBeGreaterThanOrEqual(spent.rows);
    expect(used.people).toBeGreaterThanOrEqual(spent.people);
  } else {
    expect(used).toEqual(spent);
  }
}

type Step =
  | { kind: 'take'; process: number; rows: number; bytes: number; keys: string[]; nameless: number; ahead: boolean }
  | { kind: 'answer'; count: number }
  | { kind: 'settle' | 'crash'; process: number }
  | { kind: 'failing'; failing: boolean }
  | { kind: 'wait'; ms: number };

function usedIn({ accounts }: SlowStore, now: number): { rows: number; bytes: number; people: number } {
  const of = (measure: 'rows' | 'bytes' | 'subjects.pupil', window: typeof HOUR | typeof DAY) =>
    accounts.used(OWNER, measure, [window], now)[0] ?? 0;
  return { rows: of('rows', HOUR), bytes: of('bytes', HOUR), people: of('subjects.pupil', DAY) };
}

/** Lets promises come to their end. */
async function turn(): Promise<void> {
  for (let i = 0; i < 6; i += 1) await Promise.resolve();
}

it.each([
  ['at once', false, '09:00:00'],
  ['late', true, '09:00:00'],
  ['at once, about midnight', false, '22:59:30'],
  ['late, about midnight', true, '22:59:30'],
])('a store that answers %s', async (_name, late, from) => {
  const start = Date.parse(`2026-11-25T${from}Z`);
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 20, maxLength: 120 }), (steps) => play(late, start, steps)),
    { numRuns: 60 },
  );
});

it('what is left is found: a single process spends a limit to its end', async () => {
  const start = Date.parse('2026-11-25T09:00:00Z');
  const slow = new SlowStore(false, () => start);
  const process = new Process(slow, start);
  let taken = 0;
  while (process.take(1, 1, [], 0) === 'taken') taken += 1;
  expect(taken).toBe(100);
  // Ten people again and again, after a restart too, then two more.
  const keys = Array.from({ length: 10 }, (_, i) => `pupil ${i}`);
  expect(process.take(0, 1, keys, 0)).toBe('taken');
  process.settle();
  const restarted = new Process(slow, start);
  for (const one of keys) expect(restarted.take(0, 1, [one], 0)).toBe('taken');
  expect(restarted.take(0, 1, ['new', 'newer'], 0)).toBe('taken');
  expect(restarted.take(0, 1, ['newest'], 0)).toBe('short');
  expect(restarted.take(0, 1, keys, 0)).toBe('taken');
});

it('people are looked up many together, and before anything else is known of their lease', () => {
  const slow = new SlowStore(false, () => Date.parse('2026-11-25T09:00:00Z'));
  const process = new Process(slow, slow.now(), MANY);
  const { leases, people: lease, known } = process;
  let looked = 0;
  const ahead = (name: string) =>
    leases.takeAhead([{ lease, need: 0, people: { known, hashes: hashesOf([name], () => void looked++) } }], 1);
  // Nothing is granted yet.
  expect(ahead('pupil 1')).toBe(false);
  for (const one of ['pupil 1', 'pupil 2']) expect(process.take(0, 1, [one], 0)).toBe('taken');
  expect(lease.left).toBe(2);
  expect([ahead('pupil 1'), ahead('pupil 3')]).toEqual([true, true]);
  expect(looked).toBe(0);
  // A place is held for each: for one more none is left, whoever it is.
  expect(ahead('pupil 1')).toBe(false);
  // Only one of them was new.
  expect(lease.left).toBe(1);
  expect(looked).toBe(2);
  expect([ahead('pupil 3'), ahead('pupil 3')]).toEqual([true, false]);
  expect(lease.left).toBe(1);
  // A report has those, too, who are not looked up yet.
  expect(ahead('pupil 4')).toBe(true);
  leases.report(lease, known);
  const keys = ['pupil 3', 'pupil 4', 'pupil 5'].map(hashOf);
  expect(slow.accounts.known(OWNER, 'subjects.pupil', [DAY], keys, slow.now())).toEqual([true, true, false]);
});

it('a request for too much takes nothing from a smaller one right behind it', () => {
  const slow = new SlowStore(false, () => Date.parse('2026-11-25T09:00:00Z'));
  const process = new Process(slow, slow.now());
  expect(process.take(101, 1, [], 0)).toBe('short');
  expect(process.take(60, 1, [], 0)).toBe('taken');
  expect(process.take(41, 1, [], 0)).toBe('short');
  expect(process.take(40, 1, [], 0)).toBe('taken');
  expect(process.take(1, 1, [], 0)).toBe('short');
});

it('an amount that lies unspent until its slot ends is given back, and taken again', () => {
  let now = Date.parse('2026-11-25T09:00:00Z');
  const slow = new SlowStore(false, () => now);
  const process = new Process(slow, now);
  process.take(1, 1, [], 0);
  process.take(1, 1, [], 0);
  expect(process.rows.left).toBeGreaterThan(0);
  now += 60_000;
  process.take(1, 1, [], 0);
  // The third is counted as of now: an hour after the first it still is.
  now += 3_600_000;
  expect(slow.accounts.used(OWNER, 'rows', [HOUR], now)).toEqual([1 + process.rows.left]);
});

it('with a remote store, more is asked for before the lease is empty; the lease never holds more than may be taken ahead', async () => {
  const slow = new SlowStore(true, () => Date.parse('2026-11-25T09:00:00Z'));
  const lease = new Lease(OWNER, 'rows', { ceilings: [{ window: HOUR, limit: 100_000 }] }, 40, new CalendarDays(ZONE));
  const leases = new Leases({ store: slow.store as BudgetStore, now: () => 0, wake: () => {}, failed: () => {} });
  const waits: number[] = [];
  let taken = 0;
  for (let step = 0; step < 500; step += 1) {
    if (leases.take([{ lease, need: 1 }]).kind === 'taken') taken += 1;
    else waits.push(taken);
    if (step % 4 === 0) slow.answer(1);
    await turn();
    expect(lease.left).toBeLessThanOrEqual(40);
  }
  // Before the first, when nothing was known, and before the second, for which nothing was taken ahead.
  expect([...new Set(waits)]).toEqual([0, 1]);
});

it('a late grant under a rate is still spent, but not on another day than it was granted for', () => {
  const midnight = Date.parse('2026-11-25T23:00:00Z');
  const answered = (before: number, now: number) => {
    const lease = new Lease(OWNER, 'rows', { ceilings: [{ window: DAY, limit: 10 }] }, 8, new CalendarDays(ZONE));
    lease.change({ ceilings: lease.ceilings }, 5);
    return { lease, back: lease.add({ granted: 1, used: [1, 1], at: midnight - before }, 1, 0, now) };
  };
  const late = answered(10_000, 3_000);
  expect(late.back).toEqual([]);
  expect([3_004, 3_005].map((now) => late.lease.covers(1, now))).toEqual([true, false]);
  const last = answered(3_002, 3_000);
  expect([3_001, 3_002].map((now) => last.lease.covers(1, now))).toEqual([true, false]);
  const over = answered(2_000, 3_000);
  expect(over.back).toMatchObject([{ amount: 1, at: midnight - 2_000 }]);
  expect(over.lease.left).toBe(0);
});

it('a grant that arrives at a stopped process is given back', async () => {
  const now = Date.parse('2026-11-25T09:00:00Z');
  const slow = new SlowStore(true, () => now);
  const process = new Process(slow, now);
  expect(process.take(5, 1, [], 0)).toBe('wait');
  process.settle();
  slow.answer(1);
  await turn();
  expect(usedIn(slow, now)).toEqual({ rows: 0, bytes: 0, people: 0 });
  expect(process.rows.left).toBe(0);
});

it.each([
  ['a day', DAY, Date.parse('2026-11-25T23:00:00Z')],
  ['a window that slides', HOUR, Date.parse('2026-11-25T12:00:00Z')],
])('what was granted before the end of %s, and comes behind it, is not spent behind it', async (_name, window, end) => {
  let now = end - 1;
  const accounts = new Accounts(ZONE);
  const waiting: (() => void)[] = [];
  const store = {
    take: (claims: readonly LeaseClaim[]) => {
      const grants = claims.map((claim) => accounts.take(claim, now));
      return new Promise((done) => waiting.push(() => done(grants)));
    },
    giveBack: (returns: readonly LeaseReturn[]) => {
      for (const one of returns) accounts.giveBack(one);
    },
  } as unknown as BudgetStore;
  const made = () => {
    const lease = new Lease(OWNER, 'rows', { ceilings: [{ window, limit: 40 }] }, 8, new CalendarDays(ZONE));
    return { lease, leases: new Leases({ store, now: () => now, wake: () => {}, failed: () => {} }) };
  };
  const [one, other] = [made(), made()];
  const taken = async ({ lease, leases }: ReturnType<typeof made>, need: number, late = 0): Promise<string> => {
    for (;;) {
      const { kind } = leases.take([{ lease, need }]);
      if (kind !== 'wait') return kind;
      now += late;
      late = 0;
      for (const answer of waiting.splice(0)) answer();
      await turn();
    }
  };
  expect(await taken(one, 30, 500)).toBe('taken');
  expect(accounts.used(OWNER, 'rows', [window], now)[0]).toBeGreaterThanOrEqual(30);
  now = end + (window === HOUR ? 3_600_000 : 10);
  expect(await taken(other, 40)).toBe('short');
  expect(await taken(other, 8)).toBe('taken');
});
