/**
 * Tests budgets under any events in any order: no more leaves than the budgets have; and once all is settled, the count is what was delivered. After
 * a crash it may be more, by the leases and by people who were seen and not yet written down.
 */
import { cpSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import type pg from 'pg';
import pino from 'pino';
import { afterAll, expect, test } from 'vitest';
import { Budgets } from '../../src/budget/local/budgets.ts';
import type { SessionBudget } from '../../src/budget/local/session-budget.ts';
import { fileStore } from '../../src/budget/store/disk.ts';
import type { RecordSink } from '../../src/decision-log/record-sink.ts';
import type { Estimates } from '../../src/estimates/estimates.ts';
import type { BudgetStore } from '../../src/metering/budget-store.ts';
import type { Limits } from '../../src/policy/model/limits.ts';
import { readWindowLimit } from '../../src/policy/source/quantity.ts';
import { Sessions } from '../../src/server/sessions.ts';
import { policyOf } from '../session/policies.ts';
import { fuzzRuns, fuzzSeed } from '../support/random.ts';
import { FIRST, namedIn, PUPILS } from './pupils.ts';
import { LONG } from './scenario.ts';
import type { Thief } from './thief.ts';
import { bulkWorld } from './world.ts';

const DAY = { count: 1, unit: 'day' } as const;
const HOUR = { count: 1, unit: 'hour' } as const;
const ROWS = 150;
const PEOPLE = 60;
const CHANGED = 30;
const ZONE = 'Europe/Paris';

const root = mkdtempSync(join(tmpdir(), 'rowgate-test-accounting-'));
afterAll(() => rmSync(root, { recursive: true }));
let folders = 0;
const newFolder = () => join(root, String(++folders));
const openStore = (folder: string) => fileStore({ folder, timeZone: ZONE, now: Date.now, notice: () => {} });

/** For a whole guard before a real server, with several connections at once. */
const step = fc.record({
  connection: fc.nat({ max: 3 }),
  what: fc.constantFrom('read', 'read', 'read', 'nameless', 'fail', 'fetch', 'write', 'undo', 'cancel', 'leave'),
  from: fc.nat({ max: PUPILS - 40 }),
  count: fc.integer({ min: 1, max: 35 }),
  /** Not waited for: the next steps run beside it. */
  beside: fc.boolean(),
});
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

class Schedule {
  private readonly clients: (pg.Client | undefined)[] = [];
  /** The steps of each connection, one after the other. */
  private readonly busy: Promise<void>[] = [];
  changed = 0;
  cancelled = 0;
  left = 0;

  constructor(private readonly thief: Thief) {}

  async play(steps: readonly Step[]): Promise<void> {
    for (const one of steps) {
      const { connection, what, beside } = one;
      const before = this.busy[connection] ?? Promise.resolve();
      if (what === 'cancel' || what === 'leave') {
        const client = this.clients[connection];
        if (!client) continue;
        if (what === 'cancel') {
          this.cancelled += 1;
          await cancel(this.thief.tap.port, client);
        } else {
          this.left += 1;
          this.clients[connection] = undefined;
          (client as unknown as { connection: { stream: { destroy(): void } } }).connection.stream.destroy();
        }
        continue;
      }
      const done = before.then(() => this.act(one));
      this.busy[connection] = done;
      if (!beside) await done;
      const { rows, people } = this.delivered();
      expect(rows).toBeLessThanOrEqual(ROWS);
      expect(people).toBeLessThanOrEqual(PEOPLE);
    }
    await Promise.all(this.busy);
    await Promise.all(this.clients.map((client) => client?.end().catch(() => {})));
  }

  private async act({ connection, what, from, count }: Step): Promise<void> {
    const client = this.clients[connection] ?? (await this.thief.client());
    this.clients[connection] = client;
    const where = `id >= ${FIRST + from} AND id < ${FIRST + from + count}`;
    const ask = (text: string) => this.thief.ask(client, text);
    switch (what) {
      case 'read':
        await ask(`SELECT id, first_name FROM pupils WHERE ${where}`);
        return;
      case 'nameless':
        await ask(`SELECT body FROM letters WHERE id >= ${from} AND id < ${from + Math.ceil(count / 5)}`);
        return;
      case 'fail':
        await ask(
          `SELECT id, first_name, 1 / (id - ${FIRST + from + (count >> 1)}) FROM pupils WHERE ${where} ORDER BY id`,
        );
        return;
      case 'fetch':
        await ask(`BEGIN; DECLARE c CURSOR FOR SELECT id, first_name FROM pupils WHERE ${where}`);
        await ask(`FETCH ${count >> 1} FROM c`);
        await ask('FETCH ALL FROM c');
        await ask('ROLLBACK');
        return;
      case 'undo':
        await ask('BEGIN');
        await this.write(client, where);
        await ask('ROLLBACK');
        return;
      default:
        await this.write(client, where);
    }
  }

  private async write(client: pg.Client, where: string): Promise<void> {
    const result = await client.query(`UPDATE pupils SET class_id = class_id WHERE ${where}`).catch(() => undefined);
    this.changed += result?.rowCount ?? 0;
  }

  /** The delivered rows, counted one by one. */
  delivered(): { rows: number; named: number; people: number } {
    const arrived = this.thief.tap.arrived();
    const names = namedIn(arrived, 'Q');
    const nameless = namedIn(arrived, 'L').length;
    const named = new Set(names).size;
    return { rows: names.length + nameless, named, people: named + nameless };
  }
}

async function cancel(port: number, client: pg.Client): Promise<void> {
  const { processID, secretKey } = client as unknown as { processID: number; secretKey: number };
  const message = Buffer.alloc(16);
  [16, 80877102, processID, secretKey].forEach((word, i) => {
    message.writeInt32BE(word, 4 * i);
  });
  await new Promise<void>((done) => {
    const socket = connect(port, '127.0.0.1', () => socket.end(message));
    socket.on('close', () => done());
    socket.on('error', () => done());
  });
}

type Told = Readonly<Record<string, { readonly questions: number; readonly values: number }>>;

test(
  'a guard before a server: parallel statements, failures, cancels, clients that leave',
  async () => {
    const folder = newFolder();
    const limits = `{ rows: ${ROWS} per hour, changed: ${CHANGED} per hour, subjects: { pupil: ${PEOPLE} per day } }`;
    const world = await bulkWorld({ roles: { random: `limits: ${limits}` }, configuration: `state: "file:${folder}"` });
    let stopped = false;
    const stop = async (): Promise<void> => {
      if (!stopped) await world.stop();
      stopped = true;
    };
    const played: { schedule: Schedule; name: string }[] = [];
    try {
      await fc.assert(
        fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 40 }), fc.boolean(), async (all, stays) => {
          const steps = stays ? all.filter(({ what }) => what !== 'leave') : all;
          const thief = await world.thief('random');
          const schedule = new Schedule(thief);
          played.push({ schedule, name: thief.name });
          await schedule.play(steps);
        }),
        // Each run has its own account; there are sixty.
        { numRuns: fuzzRuns(6, 40), endOnFailure: true, seed: fuzzSeed() },
      );
      const outcomes = (await world.guard.records()).filter(({ kind }) => kind === 'outcome');
      // The guard gives its leases back.
      await stop();
      const store = await openStore(folder);
      for (const { schedule, name } of played) {
        const owner = `principal:${name}`;
        const [rows = 0] = await store.used(owner, 'rows', [HOUR]);
        const [people = 0] = await store.used(owner, 'subjects.pupil', [DAY]);
        const [changed = 0] = await store.used(owner, 'changed', [HOUR]);
        const delivered = schedule.delivered();
        const forwarded = outcomes.filter(({ principal }) => principal === name);
        expect(rows).toBe(forwarded.reduce((sum, outcome) => sum + Number(outcome.rows), 0));
        expect(changed).toBeLessThanOrEqual(CHANGED);
        // Beside the named people: all other values, each question, and each error.
        const told = forwarded.map(({ subjects }) => (subjects as Told | undefined)?.pupil);
        const beside = told.reduce((sum, one) => sum + (one?.questions ?? 0) + (one?.values ?? 0), 0);
        if (schedule.left === 0) {
          expect(rows).toBe(delivered.rows);
          expect(people).toBe(delivered.named + beside);
        }
        if (schedule.left + schedule.cancelled === 0) expect(changed).toBe(schedule.changed);
        expect(rows).toBeGreaterThanOrEqual(delivered.rows);
        expect(people).toBeGreaterThanOrEqual(delivered.people);
        expect(changed).toBeGreaterThanOrEqual(schedule.changed);
      }
      await store.close();
    } finally {
      await stop();
    }
  },
  LONG ? 600_000 : 60_000,
);

/** Budgets over a folder, which are stopped or killed and begin again. */
const life = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      kind: fc.constant('take' as const),
      session: fc.nat({ max: 2 }),
      rows: fc.integer({ min: 1, max: 6 }),
      keys: fc.uniqueArray(fc.nat({ max: 90 }), { maxLength: 4 }),
      nameless: fc.nat({ max: 1 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('stop' as const, 'crash' as const) }) },
);
type Life = typeof life extends fc.Arbitrary<infer T> ? T : never;

const limit = (text: string) => {
  const read = readWindowLimit(text, false);
  if (!('value' in read)) throw new Error(read.expected);
  return read.value;
};

const LIMITS: Limits = {
  rows: [limit(`${ROWS} per hour`)],
  subjects: new Map([['pupil', [limit(`${PEOPLE} per day`)]]]),
};

function begin(store: BudgetStore): { budgets: Budgets; sessions: SessionBudget[] } {
  const policy = policyOf({ limits: LIMITS });
  const budgets = new Budgets({
    store,
    timeZone: ZONE,
    records: { append: () => true } as unknown as RecordSink,
    alarms: { raise: () => {} },
    log: pino({ level: 'silent' }),
    sessions: new Sessions(),
    estimates: {} as Estimates,
    policy: () => ({ principals: new Map() }),
  });
  const sessions = [0, 1, 2].map(() =>
    budgets.session(
      'app',
      () => policy,
      () => {},
    ),
  );
  return { budgets, sessions };
}

/** A copy of the folder, as a process leaves it that is killed now. */
function afterKill(folder: string): string {
  const copy = newFolder();
  cpSync(folder, copy, { recursive: true, filter: (path) => !/(owner|coming)-/.test(path) });
  return readdirSync(copy).length > 0 ? copy : folder;
}

/** Never more is taken ahead: of what is left a sixteenth. */
const ahead = (of: number) => Math.floor(of / 16);

async function live(steps: readonly Life[]): Promise<void> {
  const policy = policyOf({ limits: LIMITS });
  let folder = newFolder();
  let store = await openStore(folder);
  let { budgets, sessions } = begin(store);
  const delivered = { rows: 0, nameless: 0, seen: new Set<number>(), inEachLife: 0 };
  let inLife = new Set<number>();
  let crashes = 0;
  const ended: (() => Promise<void>)[] = [];
  await new Promise((done) => setImmediate(done));
  for (const one of steps) {
    if (one.kind === 'take') {
      const { rows, keys, nameless } = one;
      const disclosed = [{ subject: 'pupil', keys: keys.map(String), values: nameless }];
      if (sessions[one.session]!.take(policy, { rows, disclosed }).kind !== 'taken') continue;
      delivered.rows += rows;
      delivered.nameless += nameless;
      for (const key of keys) {
        if (!inLife.has(key)) delivered.inEachLife += 1;
        inLife.add(key);
        delivered.seen.add(key);
      }
      expect(delivered.rows).toBeLessThanOrEqual(ROWS);
      expect(delivered.seen.size + delivered.nameless).toBeLessThanOrEqual(PEOPLE);
      continue;
    }
    const [oldBudgets, oldStore] = [budgets, store];
    if (one.kind === 'stop') {
      oldBudgets.stop();
      await oldStore.close();
    } else {
      crashes += 1;
      inLife = new Set();
      folder = afterKill(folder);
      ended.push(async () => {
        oldBudgets.stop();
        await oldStore.close();
      });
    }
    store = await openStore(folder);
    ({ budgets, sessions } = begin(store));
    await new Promise((done) => setImmediate(done));
  }
  budgets.stop();
  const [rows = 0] = await store.used('principal:app', 'rows', [HOUR]);
  const [people = 0] = await store.used('principal:app', 'subjects.pupil', [DAY]);
  expect(rows).toBeGreaterThanOrEqual(delivered.rows);
  expect(rows).toBeLessThanOrEqual(delivered.rows + crashes * ahead(ROWS));
  expect(people).toBeGreaterThanOrEqual(delivered.seen.size + delivered.nameless);
  expect(people).toBeLessThanOrEqual(delivered.inEachLife + delivered.nameless + crashes * ahead(PEOPLE));
  await store.close();
  for (const end of ended) await end();
}

test('budgets in a folder: a crash counts too much by what was taken ahead, and never too little', async () => {
  await fc.assert(fc.asyncProperty(fc.array(life, { minLength: 20, maxLength: 120 }), live), {
    numRuns: fuzzRuns(25, 400),
    seed: fuzzSeed(),
  });
});
