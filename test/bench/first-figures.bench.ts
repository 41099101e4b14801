/** Measures what docs/benchmarks.md says, and writes it: `npm run bench`. */
import { type ChildProcess, spawn } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { PolicyReader } from '../../src/cli/policy-reader.ts';
import { loadConfig } from '../../src/config/load.ts';
import { grantRows } from '../../src/demo/database.ts';
import { Guard } from '../../src/guard/guard.ts';
import { loadParser } from '../../src/sql/parse.ts';
import { formatVerifier, makeVerifier } from '../../src/wire/scram-verifier.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { initialise, type Mode, selectOnly } from './pgbench.ts';
import { median, spread, table } from './report.ts';

const SCALE = 10;
const SECONDS = 4;
const ROUNDS = 5;

let database: FreshDatabase;
let folder: string;
let guard: ChildProcess;
let port: number;

beforeAll(async () => {
  await loadParser();
  database = await freshDatabase();
  await initialise(database.url, SCALE);
  const account = await database.createLogin();
  await grantRows(database.url, account.user);
  folder = await mkdtemp(join(tmpdir(), 'rowgate-bench-'));
  await cp(resolve(import.meta.dirname, 'policies'), join(folder, 'policies'), { recursive: true });
  const verifier = formatVerifier(await makeVerifier('bench', Buffer.from('0123456789abcdef')));
  const principal = (role: string, attributes: string) => `{ role: ${role}, ${attributes}password: "${verifier}" }`;
  await writeFile(
    join(folder, 'policies', 'principals.yaml'),
    `principals:\n  bench: ${principal('bench', 'attributes: { branches: 10 }, ')}\n  owner: ${principal('owner', '')}\n`,
  );
  await writeFile(
    join(folder, 'rowgate.yaml'),
    `listen: 127.0.0.1:0\nupstream: { url: "${account.url}" }\npolicies: ./policies\nlog: { file: ./decisions.jsonl }\n`,
  );
  ({ guard, port } = await serve(join(folder, 'rowgate.yaml')));
});

afterAll(async () => {
  guard?.kill('SIGTERM');
  await new Promise((done) => guard?.once('exit', done));
  await database?.drop();
  await rm(folder, { recursive: true, force: true });
});

/** The guard as a process of its own, as an operator runs it. */
async function serve(config: string): Promise<{ guard: ChildProcess; port: number }> {
  const command = resolve(import.meta.dirname, '../../dist/cli/main.js');
  const child = spawn(process.execPath, [command, 'serve', '--config', config], { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  const listening = new Promise<number>((done, fail) => {
    const hear = (chunk: Buffer): void => {
      said += chunk.toString();
      const found = /127\.0\.0\.1:(\d+)/.exec(said)?.[1];
      if (found) done(Number(found));
    };
    child.stdout.on('data', hear);
    child.stderr.on('data', hear);
    child.once('exit', () => fail(new Error(`the guard did not start: ${said}`)));
  });
  return { guard: child, port: await listening };
}

test('first figures', { timeout: 900_000 }, async () => {
  const direct = database.url;
  const through = (who: string): string => `postgres://${who}:bench@127.0.0.1:${port}/${database.name}`;
  const rows: string[][] = [];
  for (const clients of [1, 8]) {
    for (const mode of ['simple', 'extended', 'prepared'] satisfies Mode[]) {
      const figures = { direct: [] as number[], owner: [] as number[], bench: [] as number[] };
      // Interleaved: each round measures all three, so that what else the machine does meets all of them.
      for (let round = 0; round < ROUNDS; round++) {
        figures.direct.push(await selectOnly(direct, clients, mode, SECONDS));
        figures.owner.push(await selectOnly(through('owner'), clients, mode, SECONDS));
        figures.bench.push(await selectOnly(through('bench'), clients, mode, SECONDS));
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
  await writeFile(page, `${text.trimEnd()}\n\n${sectionOfPlans(await readFile(page, 'utf8'))}`);
  expect(rows).toHaveLength(6);
});

/** From its heading to the end of the page. */
function sectionOfPlans(page: string): string {
  const at = page.indexOf('## What the server reads');
  if (at < 0) throw new Error('docs/benchmarks.md has lost its section on what the server reads');
  return page.slice(at);
}

const STATEMENTS = {
  'a lookup (pgbench -S)': (i: number) => `SELECT abalance FROM pgbench_accounts WHERE aid = ${i};`,
  'a join, grouped, with a condition that is guarded': (i: number) =>
    `SELECT a.bid, count(*) FROM pgbench_accounts a JOIN pgbench_accounts b USING (aid) WHERE a.aid < ${i} AND abs(b.abalance) < 5 GROUP BY a.bid ORDER BY 1`,
  'a catalog query': (i: number) =>
    `SELECT c.relname, a.attname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid WHERE c.oid = ${i}`,
};

/** Microseconds for a text that was never seen, and for one that is remembered. */
async function decisionTimes(): Promise<string[][]> {
  const { config } = loadConfig(join(folder, 'rowgate.yaml'), {});
  const reading = await new PolicyReader(config!).read();
  const role = reading.policy!.roles.get('bench')!;
  const judge = new Guard({ catalog: reading.catalog, role, searchPath: ['public'] });
  const rows: string[][] = [];
  for (const [name, statement] of Object.entries(STATEMENTS)) {
    let next = 0;
    const cold: number[] = [];
    const remembered: number[] = [];
    for (let round = 0; round < ROUNDS + 2; round++) {
      cold.push(time(400, () => judge.judge(statement(next++))));
      const again = statement(next++);
      judge.judge(again);
      remembered.push(time(20_000, () => judge.judge(again)));
    }
    // The first two rounds warm up.
    rows.push([name, spread(cold.slice(2), 0), spread(remembered.slice(2), 2)]);
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
a statement. The decision log is on for both. In the simple protocol each text differs from the last by its literal, so each is judged anew; in the other
two a text is judged once and remembered.

${table(['clients', 'protocol', 'direct', 'unrestricted', 'to direct', 'restricted', 'to direct'], rows)}

## A judgement's own time

Microseconds, median (least–most): of a text that was never seen, whole from parsing to verification; and of one that is remembered.

${table(['statement', 'new', 'remembered'], decisions)}
`;
}
