/**
 * What budgets cost: the same role with every kind of limit and with none, pgbench -S; with the default state and with Redis. `ROWGATE_BESIDE` is
 * `dist/cli/main.js` of another build: then it is said alone what the same statements cost the guard's processor in this build and in that, and how many
 * go through in a second.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect } from 'vitest';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { condition, testWith, tool } from '../support/tools.ts';
import { interleave, ratios } from './figures/interleave.ts';
import { Section } from './figures/section.ts';
import { spread, table } from './figures/table.ts';
import { type ServedGuard, serve } from './world/guard.ts';
import { cpuOf, throughputAndCost, tpsOf } from './world/measured.ts';
import { MODES, pgbench, warmUp } from './world/pgbench.ts';
import { type Database, makeDatabase } from './world/world.ts';

const BESIDE = process.env.ROWGATE_BESIDE;

const valkey = tool('valkey-server').path;

let database: Database;
let redis: TestRedis | undefined;
const guards = new Map<string, { readonly guard: ServedGuard; readonly atLeast: number }>();

beforeAll(async () => {
  database = await makeDatabase();
  guards.set('a folder (the default)', { guard: await serve(database), atLeast: 0.93 });
  if (valkey === undefined || BESIDE !== undefined) return;
  redis = await startRedis(valkey);
  guards.set('Redis', { guard: await serve(database, { configuration: `state: ${redis.url}` }), atLeast: 0.9 });
});

afterAll(async () => {
  await Promise.all([...guards.values()].map(({ guard }) => guard.stop()));
  await redis?.remove();
  await database?.drop();
});

testWith(condition(BESIDE === undefined, 'a run without ROWGATE_BESIDE'))('what budgets cost', async () => {
  const section = new Section('budgets');
  const rows: string[][] = [];
  for (const [state, { guard, atLeast }] of guards) {
    const places = ['restricted', 'headline'].map((name) => ({ name, url: guard.url(name) }));
    await warmUp(...places.map(({ url }) => url));
    for (const mode of MODES) {
      const figures = await interleave(places, async ({ url }) => (await pgbench(url, { clients: 8, mode })).tps);
      const [off, on] = [figures.get('restricted'), figures.get('headline')];
      const where = `${state}, ${mode}`;
      rows.push([
        state,
        mode,
        section.figure(`without, ${where}`, 'tps', off),
        section.figure(`with, ${where}`, 'tps', on),
        section.figure(`with to without, ${where}`, 'ratio', ratios(on, off), { atLeast }),
      ]);
    }
  }
  await section.write(`pgbench -S, 8 clients: the headline role, whose limits count rows, bytes, statements, changed rows and people (each account is one) and are never reached, and the same role without
limits. Transactions a second.

${table(['state', 'protocol', 'without', 'with', 'ratio'], rows)}`);
  expect(rows.length).toBeGreaterThanOrEqual(MODES.length);
});

/** What is counted in another way each, with the rows that it gives. */
const COUNTED: Readonly<Record<string, readonly [sql: string, rows: number]>> = {
  'a person by key': ['SELECT abalance FROM pgbench_accounts WHERE aid = :aid', 1],
  'a list with keys': ['SELECT aid, abalance FROM pgbench_accounts WHERE aid <= 1000 ORDER BY aid', 1_000],
  'a count': ['SELECT count(*) FROM pgbench_accounts WHERE aid <= 1000', 1],
  'a join': [
    'SELECT a.aid, b.bbalance FROM pgbench_accounts AS a JOIN pgbench_branches AS b ON b.bid = a.bid WHERE a.aid <= 1000',
    1_000,
  ],
};

testWith(condition(BESIDE !== undefined, 'ROWGATE_BESIDE'))('beside another build', async () => {
  const other = await serve(database, { command: BESIDE });
  const folder = await mkdtemp(join(tmpdir(), 'rowgate-bench-budgets-'));
  try {
    const own = guards.get('a folder (the default)')!.guard;
    // Without limits nothing is counted: what differs there is not the count's.
    const places = ['headline', 'restricted'].flatMap((role) =>
      Object.entries({ other, own }).map(([build, guard]) => ({
        name: `${build} ${role}`,
        url: guard.url(role),
        pid: guard.pid,
      })),
    );
    await warmUp(...places.map(({ url }) => url));
    const rows: string[][] = [];
    for (const [what, [sql, many]] of Object.entries(COUNTED)) {
      const file = join(folder, 'script.sql');
      await writeFile(file, `\\set aid random(1, 100000)\n${sql};\n`);
      for (const mode of MODES) {
        const load = { clients: 4, mode, script: { files: [file] }, transactions: many === 1 ? 3000 : 300 };
        const figures = await interleave(places, (place) => throughputAndCost(place, load));
        for (const role of ['headline', 'restricted']) {
          const [before, now] = [`other ${role}`, `own ${role}`];
          const cost = [cpuOf(figures, before)!, cpuOf(figures, now)!] as const;
          const through = ratios(tpsOf(figures, now), tpsOf(figures, before))!;
          rows.push([what, mode, role, ...cost.map(spread), spread(ratios(...cost)!), spread(through)]);
        }
      }
    }
    const head = ['statement', 'protocol', 'role', 'that build, µs', 'this build, µs', 'that to this'];
    console.log(table([...head, 'transactions a second, this to that'], rows));
    expect(rows.length).toBe(24);
  } finally {
    await other.stop();
    await rm(folder, { recursive: true, force: true });
  }
});
