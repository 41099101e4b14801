/** Tests guards as processes: one that is killed, one of several workers, two that share a Redis, and a Redis that is killed. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type pg from 'pg';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { askGuard } from '../../src/operations/control/client.ts';
import { makeKey } from '../identity/issuer.ts';
import { PASSWORD } from '../support/password.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { startRedis } from '../support/redis.ts';
import { all, LONG as LONG_RUN, NOTHING, testWith, tool } from '../support/tools.ts';
import { type Served, serve } from '../workers/served.ts';
import { FIRST, PUPILS, schema } from './pupils.ts';
import { each, LONG, onThePage, rangeOf, type Scenario } from './scenario.ts';
import { startTap } from './tap.ts';
import { Thief } from './thief.ts';
import { BUDGET, policies, tokenOf } from './world.ts';

const VALKEY = tool('valkey-server');
const KILLS = LONG ? 4 : 1;
const MANY = 100;

let database: FreshDatabase;
let folder: string;
/** For accounts with many end users, each with a budget of forty, and a hundred for all of them. */
let peoples: string;
const key = makeKey('EdDSA');
const ends: (() => Promise<unknown>)[] = [];
beforeAll(async () => {
  database = await freshDatabase();
  await database.query(schema());
  folder = await policies(9, {
    thief: `limits: { subjects: { pupil: ${BUDGET} per day } }`,
    many: `limits: { subjects: { pupil: ${MANY} per day } }`,
  });
  const limits = `limits: { subjects: { pupil: ${MANY} per day } }\nlimits_per_user: { subjects: { pupil: ${BUDGET} per day } }`;
  peoples = await policies(2, { portal: limits }, key);
});
afterAll(async () => {
  await database?.drop();
  for (const one of [folder, peoples]) if (one) await rm(one, { recursive: true });
});
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function guard(configuration: string, policies = folder): Promise<Served> {
  const served = await serve(database, `time_zone: Europe/Paris\n${configuration}`, {}, policies);
  ends.push(() => served.stop());
  return served;
}

/** `guards`: each connection goes to the next one of those that there are then. */
async function thief(name: string, guards: readonly Served[], user?: string): Promise<Thief> {
  let connections = 0;
  const tap = await startTap(() => guards[connections++ % guards.length]?.port ?? 0);
  const made = new Thief(tap, name, PASSWORD, database.name, user === undefined ? undefined : tokenOf(key, user));
  ends.push(() => made.stop());
  return made;
}

/** Reads pupils in small pages, each of the connections others; what is refused is asked again later. */
/** `first`, `apart`: where they begin. */
async function readOn(
  by: Thief,
  clients: readonly pg.Client[],
  pages: number,
  { first = 0, apart = 67 } = {},
): Promise<void> {
  await Promise.all(
    clients.map(async (client, i) => {
      for (let page = 0; page < pages; page += 1) {
        const from = FIRST + ((first + i * apart + page * 3) % PUPILS);
        const answer = await by.ask(
          client,
          `SELECT id, first_name FROM pupils WHERE id >= ${from} ORDER BY id LIMIT 3`,
        );
        if (!Array.isArray(answer) && (answer.code === 'gone' || answer.code === '57P01')) return;
      }
    }),
  );
}

const connect = (by: Thief, count: number) => Promise.all(each(count, () => by.client()));
const pause = (ms: number) => new Promise((done) => setTimeout(done, ms));

interface Ran extends Omit<Scenario, 'run'> {
  readonly run: () => Promise<Pick<Thief, 'refusals'> & { left(): number }>;
}

/** In a folder of our own: the guard's socket is there too. */
async function stateFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'rowgate-test-bulk-state-'));
  ends.push(() => rm(folder, { recursive: true }));
  return join(folder, 'state');
}

const SCENARIOS: readonly Ran[] = [
  {
    name: 'a guard that is killed in the middle, again and again (100 a day)',
    asked: PUPILS,
    leaves: [MANY / 2, MANY],
    note: 'what was on its way, and what was taken ahead, has counted',
    async run() {
      const state = await stateFolder();
      const guards: Served[] = [];
      const by = await thief('many1', guards);
      for (let kill = 0; kill < KILLS; kill += 1) {
        guards[0] = await guard(`state: "file:${state}"`);
        const clients = await connect(by, 4);
        const reading = readOn(by, clients, 200);
        const before = by.left();
        for (let i = 0; i < 100 && by.left() < before + 20; i += 1) await pause(5);
        guards[0].child.kill('SIGKILL');
        await guards[0].status;
        await reading;
        expect(by.left()).toBeLessThanOrEqual(MANY);
      }
      guards[0] = await guard(`state: "file:${state}"`);
      await readOn(by, await connect(by, 4), 30);
      return by;
    },
  },
  {
    name: 'three workers of one guard, and 12 connections',
    asked: PUPILS,
    needs: LONG_RUN,
    async run() {
      const by = await thief('thief1', [await guard('workers: 3\nstate: memory')]);
      const clients = await connect(by, 12);
      await readOn(by, clients, 10);
      // A worker's lease is given back after a second.
      await pause(1_500);
      await readOn(by, clients, 10);
      return by;
    },
  },
  {
    name: 'a limit that is raised to 70 for two seconds',
    asked: 200,
    leaves: 70,
    note: '70 while it holds',
    async run() {
      const one = await guard('state: memory');
      const by = await thief('thief2', [one]);
      const [client] = await connect(by, 1);
      await readOn(by, [client!], 30);
      expect(by.left()).toBe(BUDGET);
      const given = { principal: by.name, limit: '70 pupil per day', forMs: 2_000, reason: 'an audit' };
      const reply = await askGuard(join(one.folder, 'rowgate.sock'), { command: 'limits.raise', arguments: given });
      expect(reply).toMatchObject({ ok: true });
      await by.askAll([`SELECT id, first_name FROM pupils WHERE id > ${FIRST + 200} ORDER BY id LIMIT 20`], client);
      expect(by.left()).toBe(BUDGET + 20);
      await by.askAll([`SELECT id, first_name FROM pupils WHERE id > ${FIRST + 220} ORDER BY id LIMIT 20`], client);
      await pause(2_100);
      await by.askAll([`SELECT id, first_name FROM pupils WHERE id > ${FIRST + 230}`], client);
      return by;
    },
  },
  {
    name: 'two guards that share a Redis, ten connections to each',
    asked: PUPILS,
    needs: VALKEY,
    async run() {
      const redis = await startRedis(VALKEY.path!);
      ends.push(() => redis.remove());
      const guards = await Promise.all(each(2, () => guard(`state: "${redis.url}"`)));
      const by = await thief('thief3', guards);
      const clients = await connect(by, 20);
      await readOn(by, clients, 6);
      await pause(1_500);
      await readOn(by, clients, 6);
      return by;
    },
  },
  {
    name: 'three of the people behind a portal, two guards that share a Redis, six connections each: 40 for each, 100 for all',
    asked: 372,
    leaves: [MANY - 6, MANY],
    note: 'a fleet leaves a few of a hundred at its end',
    needs: VALKEY,
    async run() {
      const redis = await startRedis(VALKEY.path!);
      ends.push(() => redis.remove());
      const guards = await Promise.all(each(2, () => guard(`state: "${redis.url}"`, peoples)));
      const all = await Promise.all(['ana', 'ben', 'cem'].map((user) => thief('portal1', guards, user)));
      const begin = async (by: Thief, at: number) =>
        readOn(by, await connect(by, 6), 8, { first: at * 130, apart: 20 });
      for (let turn = 0; turn < 2; turn += 1) {
        await Promise.all(all.map(begin));
        await pause(1_500);
      }
      for (const by of all) expect(by.left()).toBeLessThanOrEqual(BUDGET);
      return {
        left: () => new Set(all.flatMap((by) => [...by.who()])).size,
        refusals: all.flatMap((by) => by.refusals),
      };
    },
  },
  {
    name: 'one of them, and a guard of two workers that is killed in the middle',
    asked: PUPILS,
    leaves: [BUDGET / 2, BUDGET],
    note: 'what was on its way, and what was taken ahead, has counted',
    async run() {
      const state = await stateFolder();
      const workers = `workers: 2\nstate: "file:${state}"`;
      const guards = [await guard(workers, peoples)];
      const by = await thief('portal2', guards, 'ana');
      const reading = readOn(by, await connect(by, 4), 200);
      for (let i = 0; i < 100 && by.left() < 20; i += 1) await pause(5);
      guards[0]!.child.kill('SIGKILL');
      await guards[0]!.status;
      await reading;
      guards[0] = await guard(workers, peoples);
      await readOn(by, await connect(by, 4), 30);
      return by;
    },
  },
  {
    name: 'two guards: one is killed, and then their Redis',
    asked: PUPILS,
    needs: all(VALKEY, LONG_RUN),
    leaves: [BUDGET - 8, BUDGET],
    note: 'what the killed one had taken ahead has counted',
    async run() {
      const redis = await startRedis(VALKEY.path!);
      ends.push(() => redis.remove());
      const guards = await Promise.all(each(2, () => guard(`state: "${redis.url}"`)));
      const by = await thief('thief4', guards);
      const clients = await connect(by, 4);
      await readOn(by, clients, 1);
      guards[1]!.child.kill('SIGKILL');
      await guards[1]!.status;
      await redis.kill();
      const before = by.left();
      await readOn(by, clients, 6);
      // Only the amounts that were taken ahead are known.
      expect(by.left()).toBeLessThanOrEqual(before + 3);
      expect(by.refusals.map(({ code }) => code)).toContain('53400');
      await redis.start();
      for (let tries = 0; tries < 30 && by.left() < BUDGET - 2; tries += 1) {
        await pause(300);
        await readOn(by, [clients[0]!, clients[2]!], 20);
      }
      return by;
    },
  },
];

for (const scenario of SCENARIOS) {
  testWith(scenario.needs ?? NOTHING)(
    scenario.name,
    async () => {
      const by = await scenario.run();
      const [least, most] = rangeOf(scenario);
      const left = by.left();
      const why = `${left} of ${scenario.asked} left; refused: ${JSON.stringify(by.refusals.slice(-3))}`;
      expect(left, why).toBeLessThanOrEqual(most);
      expect(left, why).toBeGreaterThanOrEqual(least);
    },
    LONG ? 300_000 : 60_000,
  );
}

test('the page says so', () => {
  const { said, is } = onThePage('fleets', SCENARIOS);
  expect(said).toBe(is);
});
