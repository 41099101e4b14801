/** What budgets cost: the same role with every kind of limit and with none, pgbench -S; with the default state and with Redis. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { tool } from '../support/tools.ts';
import { interleave, ratios } from './figures/interleave.ts';
import { Section } from './figures/section.ts';
import { table } from './figures/table.ts';
import { type ServedGuard, serve } from './world/guard.ts';
import { MODES, pgbench, warmUp } from './world/pgbench.ts';
import { type Database, makeDatabase } from './world/world.ts';

const valkey = tool('valkey-server').path;

let database: Database;
let redis: TestRedis | undefined;
const guards = new Map<string, { readonly guard: ServedGuard; readonly atLeast: number }>();

beforeAll(async () => {
  database = await makeDatabase();
  guards.set('a folder (the default)', { guard: await serve(database), atLeast: 0.93 });
  if (valkey === undefined) return;
  redis = await startRedis(valkey);
  guards.set('Redis', { guard: await serve(database, { configuration: `state: ${redis.url}` }), atLeast: 0.9 });
});

afterAll(async () => {
  await Promise.all([...guards.values()].map(({ guard }) => guard.stop()));
  await redis?.remove();
  await database?.drop();
});

test('what budgets cost', async () => {
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
