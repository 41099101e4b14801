/** What the decision log costs: two guards alike, of which one writes nothing of its sessions. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { interleave, ratios } from './figures/interleave.ts';
import { Section } from './figures/section.ts';
import { table } from './figures/table.ts';
import { type ServedGuard, serve } from './world/guard.ts';
import { cpuOf, throughputAndCost, tpsOf } from './world/measured.ts';
import { MODES, warmUp } from './world/pgbench.ts';
import { type Database, makeDatabase } from './world/world.ts';

let database: Database;
const guards = new Map<string, ServedGuard>();

beforeAll(async () => {
  database = await makeDatabase();
  guards.set('on', await serve(database));
  guards.set('off', await serve(database, { node: ['--import', new URL('without-log.js', import.meta.url).href] }));
});

afterAll(async () => {
  await Promise.all([...guards.values()].map((guard) => guard.stop()));
  await database?.drop();
});

test('what the log costs', async () => {
  const section = new Section('log');
  const places = [...guards].map(([name, guard]) => ({ name, url: guard.url('headline'), pid: guard.pid }));
  await warmUp(...places.map(({ url }) => url));
  const rows: string[][] = [];
  for (const mode of MODES) {
    const figures = await interleave(places, (place) => throughputAndCost(place, { clients: 8, mode }));
    const [off, on] = [tpsOf(figures, 'off'), tpsOf(figures, 'on')];
    rows.push([
      mode,
      section.figure(`off, ${mode}`, 'tps', off),
      section.figure(`on, ${mode}`, 'tps', on),
      section.figure(`on to off, ${mode}`, 'ratio', ratios(on, off), { atLeast: 0.92 }),
      section.figure(`processor time, off, ${mode}`, 'µs', cpuOf(figures, 'off')),
      section.figure(`processor time, on, ${mode}`, 'µs', cpuOf(figures, 'on')),
    ]);
  }
  const head = ['protocol', 'off', 'on', 'ratio', 'processor time off, µs', 'on, µs'];
  await section.write(`pgbench -S, 8 clients, the headline role: the log as it stands by default (\`durability: batched\`), and a guard that was changed for this measurement so that its sessions write nothing. Transactions a
second, and the guard's processor time a transaction.

${table(head, rows)}`);
  expect(rows).toHaveLength(MODES.length);
});
