/** Tests time that passes or is set back, and limits that change, while a thief reads on: the test sets the clock. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { performance as imported } from 'node:perf_hooks';
import type pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { FIRST, PUPILS } from './pupils.ts';
import { onThePage, rangeOf, type Scenario } from './scenario.ts';
import type { Thief } from './thief.ts';
import { BUDGET, type BulkWorld, bulkWorld, roleText } from './world.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
/** A Wednesday morning in Paris. */
const MORNING = Date.parse('2026-11-25T08:00:00+01:00');
const MIDNIGHT = Date.parse('2026-11-26T00:00:00+01:00');

const limits = (of: string) => `limits: { subjects: { pupil: ${of} } }`;

let world: BulkWorld;
beforeAll(async () => {
  vi.useFakeTimers({ toFake: ['Date', 'performance'], now: MORNING });
  // The global clock is faked: the guard imports it.
  vi.spyOn(imported, 'now').mockImplementation(() => performance.now());
  world = await bulkWorld({
    roles: {
      day: limits(`${BUDGET} per day`),
      slide: limits(`${BUDGET} per 24 hours`),
      both: limits(`[12 per hour, ${BUDGET} per day]`),
      lunch: `${limits(`${BUDGET} per day`)}\nduring:\n  - { hours: 12:00-13:00, ${limits('60 per day')} }\n  - { hours: 20:00-06:00, ${limits('0 per day')} }`,
      reloaded: limits(`${BUDGET} per day`),
      renamed: limits(`${BUDGET} per day`),
      sudden: 'limits: none',
      shop: `limits: none\nduring: [{ hours: 09:00-18:00, ${limits(`${BUDGET} per day`)} }]`,
    },
  });
});
afterAll(async () => {
  await world?.stop();
  vi.useRealTimers();
  vi.restoreAllMocks();
});
// Later than whatever the test before has set, so that the guard sees no clock set back.
let began = MORNING;
beforeEach(() => {
  vi.setSystemTime(began);
});
afterEach(() => {
  began = Math.max(began, Date.now());
  began += 3 * 24 * HOUR;
  began -= (began - MORNING) % (24 * HOUR);
});

/** Takes pupils who were not asked for yet, in one statement, and says how many of them came. */
class Reader {
  private next = 0;
  private client: pg.Client | undefined;

  constructor(readonly thief: Thief) {}

  async take(count: number): Promise<number> {
    this.client ??= await this.thief.client();
    const before = this.thief.left();
    const from = FIRST + (this.next % PUPILS);
    const to = from + count;
    this.next += count;
    // Not by their keys: then all are counted before the first is shown, or the statement does not run. A condition that can fail would keep one for that.
    const where = `id >= ${from} AND id < ${to} OR id < ${to - PUPILS}`;
    await this.thief.ask(this.client, `SELECT id, first_name FROM pupils WHERE ${where}`);
    return this.thief.left() - before;
  }
}

const pass = (ms: number) => vi.advanceTimersByTime(ms);
/** A time on the day on which the test began. */
const at = (instant: number) => pass(began + (instant - MORNING) - Date.now());

/** By then the store knows who was seen. */
const reported = () => new Promise((done) => setTimeout(done, 250));

interface Timed extends Scenario {
  readonly role: string;
}

const SCENARIOS: readonly Timed[] = [
  {
    name: 'three pupils every half hour, for three days, against 40 per 24 hours',
    role: 'slide',
    asked: 432,
    leaves: [110, 120],
    note: 'in no 24 hours more than 40',
    async run(thief) {
      const reader = new Reader(thief);
      const came: { at: number; people: number }[] = [];
      for (let i = 0; i < 144; i += 1) {
        came.push({ at: Date.now(), people: await reader.take(3) });
        pass(30 * MINUTE);
      }
      for (const { at: from } of came) {
        const within = came.filter((one) => one.at >= from && one.at < from + 24 * HOUR);
        expect(within.reduce((sum, { people }) => sum + people, 0)).toBeLessThanOrEqual(BUDGET);
      }
    },
  },
  {
    name: 'the same against 12 per hour and 40 per day, until midnight',
    role: 'both',
    asked: 185,
    leaves: BUDGET,
    async run(thief) {
      const reader = new Reader(thief);
      for (let i = 0; i < 15; i += 1) {
        const came = await reader.take(6);
        pass(30 * MINUTE);
        expect(came + (await reader.take(6))).toBeLessThanOrEqual(12);
        pass(30 * MINUTE);
      }
      // One millisecond before the day ends.
      at(MIDNIGHT - 1);
      expect(await reader.take(5)).toBe(0);
    },
  },
  {
    name: 'a day’s budget on both sides of midnight',
    role: 'day',
    asked: 160,
    leaves: 2 * BUDGET,
    note: 'of two days',
    async run(thief) {
      const reader = new Reader(thief);
      at(MIDNIGHT - 2_000);
      // The last are taken ahead of midnight, and one is spent behind it.
      expect(await reader.take(BUDGET - 1)).toBe(BUDGET - 1);
      at(MIDNIGHT - 1);
      expect(await reader.take(40)).toBe(1);
      at(MIDNIGHT + 150);
      expect(await reader.take(80)).toBe(BUDGET);
    },
  },
  {
    name: 'a cursor that is open over midnight',
    role: 'day',
    asked: PUPILS,
    leaves: 75,
    note: '35 before it and 40 behind it',
    async run(thief) {
      const client = await thief.client();
      at(MIDNIGHT - 1_000);
      const open = ['BEGIN', 'DECLARE c CURSOR FOR SELECT id, first_name FROM pupils ORDER BY id'];
      await thief.askAll([...open, 'FETCH 35 FROM c'], client);
      expect(thief.left()).toBe(35);
      await reported();
      at(MIDNIGHT + 1_000);
      await thief.askAll(['FETCH 30 FROM c', 'FETCH 30 FROM c', 'ROLLBACK'], client);
      expect(thief.left()).toBe(75);
      await thief.askAll(['SELECT id, first_name FROM pupils ORDER BY id DESC'], client);
    },
  },
  {
    name: 'the clock set back by an hour, by a day, by a month, and put right',
    role: 'day',
    asked: 250,
    leaves: BUDGET,
    async run(thief) {
      const reader = new Reader(thief);
      expect(await reader.take(50)).toBe(BUDGET);
      const now = Date.now();
      for (const back of [HOUR, 24 * HOUR, 30 * 24 * HOUR, 0]) {
        vi.setSystemTime(now - back);
        await reported();
        expect(await reader.take(50)).toBe(0);
      }
    },
  },
  {
    name: 'the machine suspended over night, and those who were known the day before',
    role: 'day',
    asked: 80,
    leaves: BUDGET,
    async run(thief) {
      const reader = new Reader(thief);
      expect(await reader.take(BUDGET)).toBe(BUDGET);
      await reported();
      // The process's own time stands still.
      vi.setSystemTime(Date.now() + 24 * HOUR);
      await thief.askAll([`SELECT id, first_name FROM pupils WHERE id < ${FIRST + BUDGET}`]);
      expect(await reader.take(BUDGET)).toBe(0);
    },
  },
  {
    name: 'a statement that waits for a lock until its limit begins',
    role: 'shop',
    asked: PUPILS,
    leaves: BUDGET,
    async run(thief) {
      await waiting(thief, async () => pass(2 * HOUR));
    },
  },
  {
    name: 'a statement that waits for a lock while its role gets a limit',
    role: 'sudden',
    asked: PUPILS,
    leaves: BUDGET,
    async run(thief) {
      await waiting(thief, () => inForce('sudden', limits(`${BUDGET} per day`)));
    },
  },
  {
    name: 'a larger limit at noon, and none by night',
    role: 'lunch',
    asked: 300,
    leaves: 55,
    note: 'while 60 a day hold it asks for 15',
    async run(thief) {
      const reader = new Reader(thief);
      at(MORNING + 3 * HOUR);
      expect(await reader.take(50)).toBe(BUDGET);
      at(MORNING + 4 * HOUR);
      expect(await reader.take(15)).toBe(15);
      // The lease can no longer be spent.
      at(MORNING + 5 * HOUR);
      expect(await reader.take(50)).toBe(0);
      at(MIDNIGHT - 3 * HOUR);
      expect(await reader.take(5)).toBe(0);
      at(MIDNIGHT + 1 * HOUR);
      expect(await reader.take(5)).toBe(0);
    },
  },
  {
    name: 'policies that change while it reads: 40, then 25, then 50 a day',
    role: 'reloaded',
    asked: 150,
    leaves: 50,
    async run(thief) {
      const reader = new Reader(thief);
      expect(await reader.take(20)).toBe(20);
      await inForce('reloaded', limits('25 per day'));
      expect(await reader.take(20)).toBe(5);
      await inForce('reloaded', limits('50 per day'));
      expect(await reader.take(50)).toBe(25);
      await inForce('reloaded', 'limits: none');
      await inForce('reloaded', limits(`${BUDGET} per day`));
      expect(await reader.take(20)).toBe(0);
    },
  },
  {
    name: 'the window that is another one with each policy, and then the first again',
    role: 'renamed',
    asked: 200,
    leaves: BUDGET,
    async run(thief) {
      const reader = new Reader(thief);
      expect(await reader.take(50)).toBe(BUDGET);
      for (const window of ['3 hours', '2 days', 'hour', 'day']) {
        await inForce('renamed', limits(`${BUDGET} per ${window}`));
        expect(await reader.take(30), window).toBe(0);
      }
    },
  },
];

/** Asks for all pupils, and gets them after `then`. */
async function waiting(thief: Thief, then: () => Promise<unknown>): Promise<void> {
  const owner = await world.database.connect();
  await owner.query(`BEGIN; SELECT FROM pupils WHERE id = ${FIRST} FOR UPDATE`);
  const asked = thief.askAll(['SELECT id, first_name FROM pupils ORDER BY id FOR UPDATE']);
  await expect
    .poll(() => world.database.query("SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock'"))
    .toHaveLength(1);
  await then();
  await owner.query('ROLLBACK');
  await asked;
  await owner.end();
}

/** The guard sees the file, and takes it up. */
async function inForce(role: string, text: string): Promise<void> {
  const before = await policyRecords();
  await writeFile(join(world.folder, `roles/${role}.yaml`), roleText(role, text));
  for (let tries = 0; tries < 200; tries += 1) {
    if ((await policyRecords()) > before) return;
    await new Promise((done) => setTimeout(done, 50));
  }
  throw new Error('the policy was not taken up');
}

async function policyRecords(): Promise<number> {
  return (await world.guard.records()).filter(({ kind }) => kind === 'policy').length;
}

test.each(SCENARIOS)('$name', async (scenario) => {
  const thief = await world.thief(scenario.role);
  await scenario.run(thief);
  const [least, most] = rangeOf(scenario);
  expect(thief.left()).toBeLessThanOrEqual(most);
  expect(thief.left()).toBeGreaterThanOrEqual(least);
});

test('the page says so', () => {
  const { said, is } = onThePage('time', SCENARIOS);
  expect(said).toBe(is);
});
