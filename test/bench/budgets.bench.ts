/** What budgets cost: the same role with every kind of limit over time and with none, pgbench -S, paired; with the default state and with Redis. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { findProgram } from '../support/programs.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { type Mode, selectOnly } from './pgbench.ts';
import { median, spread, table } from './report.ts';
import { type BenchWorld, makeWorld, ROUNDS, SECONDS, writeSection } from './world.ts';

const CLIENTS = 8;
const valkey = findProgram('valkey-server');

let world: BenchWorld;
let redis: TestRedis | undefined;

beforeAll(async () => {
  world = await makeWorld();
  redis = valkey === undefined ? undefined : await startRedis(valkey);
});

afterAll(async () => {
  await world?.stop();
  await redis?.remove();
});

test('what budgets cost', { timeout: 900_000 }, async () => {
  const states = [
    { name: 'a folder (the default)', configuration: '' },
    ...(redis ? [{ name: 'Redis', configuration: `state: ${redis.url}` }] : []),
  ];
  const rows: string[][] = [];
  for (const { name, configuration } of states) {
    const guard = await world.serve(configuration);
    for (const mode of ['simple', 'extended', 'prepared'] satisfies Mode[]) {
      const figures = { off: [] as number[], on: [] as number[] };
      for (let round = 0; round < ROUNDS; round++) {
        figures.off.push(await selectOnly(guard.url('bench'), CLIENTS, mode, SECONDS));
        figures.on.push(await selectOnly(guard.url('budgeted'), CLIENTS, mode, SECONDS));
      }
      const ratios = figures.on.map((tps, i) => tps / figures.off[i]!);
      rows.push([name, mode, median(figures.off).toFixed(0), median(figures.on).toFixed(0), spread(ratios, 2)]);
    }
  }
  await writeSection(
    'What budgets cost',
    `pgbench -S, ${CLIENTS} clients, ${ROUNDS} rounds of ${SECONDS} s each, interleaved: the restricted role above, and the same one with limits over time of rows, bytes, statements, changed rows and
people (each account is one), which it never reaches. Transactions a second are medians; the ratio is taken pair by pair: median (least–most).

${table(['state', 'protocol', 'without', 'with', 'ratio'], rows)}`,
  );
  expect(rows.length).toBeGreaterThanOrEqual(3);
});
