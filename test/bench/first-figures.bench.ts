/** Measures what docs/benchmarks.md says, and writes it: `npm run bench`. */
import { readFile, writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { PolicyReader } from '../../src/cli/policy-reader.ts';
import { loadConfig } from '../../src/config/load.ts';
import { Guard } from '../../src/guard/guard.ts';
import { loadParser } from '../../src/sql/parse.ts';
import { type Mode, selectOnly } from './pgbench.ts';
import { median, spread, table } from './report.ts';
import { type BenchWorld, makeWorld, ROUNDS, SCALE, SECONDS, type ServedGuard } from './world.ts';

let world: BenchWorld;
let guard: ServedGuard;

beforeAll(async () => {
  await loadParser();
  world = await makeWorld();
  guard = await world.serve();
});

afterAll(() => world?.stop());

test('first figures', { timeout: 900_000 }, async () => {
  const direct = world.database.url;
  const rows: string[][] = [];
  for (const clients of [1, 8]) {
    for (const mode of ['simple', 'extended', 'prepared'] satisfies Mode[]) {
      const figures = { direct: [] as number[], owner: [] as number[], bench: [] as number[] };
      // Interleaved: each round measures all three, so that what else the machine does meets all of them.
      for (let round = 0; round < ROUNDS; round++) {
        figures.direct.push(await selectOnly(direct, clients, mode, SECONDS));
        figures.owner.push(await selectOnly(guard.url('owner'), clients, mode, SECONDS));
        figures.bench.push(await selectOnly(guard.url('bench'), clients, mode, SECONDS));
      }
      const ratio = (own: number[]): string =>
        spread(
          own.map((tps, i) => tps / figures.direct[i]!),
          2,
        );
      rows.push([
        String(clients),
        mode,
        median(figures.direct).toFixed(0),
        median(figures.owner).toFixed(0),
        ratio(figures.owner),
        median(figures.bench).toFixed(0),
        ratio(figures.bench),
      ]);
    }
  }
  const decisions = await decisionTimes();
  const text = document(rows, decisions);
  const page = resolve(import.meta.dirname, '../../docs/benchmarks.md');
  // What other tests have written stays.
  await writeFile(page, `${text.trimEnd()}\n\n${sectionsOfOthers(await readFile(page, 'utf8'))}`);
  expect(rows).toHaveLength(6);
});

/** From the first of their headings to the end of the page. */
function sectionsOfOthers(page: string): string {
  const at = page.search(/^## What (budgets cost|the server reads)$/m);
  if (at < 0) throw new Error('docs/benchmarks.md has lost its section on what the server reads');
  return page.slice(at);
}

const STATEMENTS = {
  'a lookup (pgbench -S)': (i: number, name: string) =>
    `SELECT abalance AS ${name} FROM pgbench_accounts WHERE aid = ${i};`,
  'a join, grouped, with a condition that is guarded': (i: number, name: string) =>
    `SELECT a.bid AS ${name}, count(*) FROM pgbench_accounts a JOIN pgbench_accounts b USING (aid) WHERE a.aid < ${i} AND abs(b.abalance) < 5 GROUP BY a.bid ORDER BY 1`,
  'a catalog query': (i: number, name: string) =>
    `SELECT c.relname AS ${name}, a.attname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid WHERE c.oid = ${i}`,
};

/** Microseconds for a text whose like was never seen, for one that differs from others in a literal, and for one that is remembered. */
async function decisionTimes(): Promise<string[][]> {
  const { config } = loadConfig(guard.configFile, {});
  const reading = await new PolicyReader(config!).read();
  const role = reading.policy!.roles.get('bench')!;
  const judge = new Guard({ catalog: reading.catalog, role, searchPath: ['public'] });
  const rows: string[][] = [];
  for (const [name, statement] of Object.entries(STATEMENTS)) {
    let next = 0;
    const cold: number[] = [];
    const alike: number[] = [];
    const remembered: number[] = [];
    for (let round = 0; round < ROUNDS + 2; round++) {
      cold.push(time(400, () => judge.judge(statement(next, `n${next++}`))));
      alike.push(time(20_000, () => judge.judge(statement(next++, 'same'))));
      const again = statement(next++, 'again');
      judge.judge(again);
      remembered.push(time(20_000, () => judge.judge(again)));
    }
    // The first two rounds warm up.
    rows.push([name, spread(cold.slice(2), 0), spread(alike.slice(2), 1), spread(remembered.slice(2), 2)]);
  }
  return rows;
}

function time(count: number, work: () => void): number {
  const start = process.hrtime.bigint();
  for (let i = 0; i < count; i++) work();
  return Number(process.hrtime.bigint() - start) / 1000 / count;
}

function document(rows: string[][], decisions: string[][]): string {
  const cpu = cpus();
  return `# Benchmarks

Made by \`npm run bench\`, which measures and writes this file. pgbench, the guard and PostgreSQL share one machine.

${cpu.length} cores (${cpu[0]?.model.trim()}), Node ${process.version}, ${new Date().toISOString().slice(0, 10)}. pgbench -S, scale ${SCALE}, ${ROUNDS} rounds of ${SECONDS} s each,
interleaved; transactions a second are medians, ratios are taken pair by pair: median (least–most).

"Unrestricted" is a role with \`access: unrestricted\`; "restricted" has a row filter by attribute, three granted columns, limits of rows and bytes
a statement. The decision log is on for both. In the simple protocol each text differs from the last by its literal and shares the judgement of
its shape; in the other two a text is judged once and remembered.

${table(['clients', 'protocol', 'direct', 'unrestricted', 'to direct', 'restricted', 'to direct'], rows)}

## A judgement's own time

Microseconds, median (least–most): of a text whose like was never seen, whole from parsing to verification; of one that differs from others in a literal that
does not matter; and of one that is remembered.

${table(['statement', 'new', 'same shape', 'remembered'], decisions)}
`;
}
