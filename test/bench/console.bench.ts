/** Measures the console's pages over a made-up log, without a guard, and prints what it found. `ROWGATE_BENCH_RECORDS` says how many records: 300,000, in two minutes. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { consoleOf, type TestConsole, type Visitor } from '../console/visitor.ts';
import { table } from './figures/table.ts';
import { makeLog } from './made-up-log.ts';

const RECORDS = Number(process.env.ROWGATE_BENCH_RECORDS ?? 300_000);
const MINUTES = 60_000;

let folder: string;
let running: TestConsole;
let auditor: Visitor;

beforeAll(async () => {
  folder = await mkdtemp(join(process.env.ROWGATE_BENCH_FOLDER ?? tmpdir(), 'rowgate-bench-console-'));
  await makeLog(folder, RECORDS);
  await mkdir(join(folder, 'policies'));
  const config = join(folder, 'rowgate.yaml');
  const upstream = 'listen: 127.0.0.1:0\nupstream: { url: "postgres://nobody@127.0.0.1:1/none" }';
  await writeFile(config, `${upstream}\nlog: { file: ./decisions.jsonl }\nconsole: { listen: "127.0.0.1:0" }\n`);
  running = await consoleOf(config);
  auditor = await running.visitor('auditor');
}, 15 * MINUTES);

afterAll(async () => {
  await running?.stop();
  await rm(folder, { recursive: true, force: true });
});

async function seconds(ask: () => Promise<{ readonly status: number; readonly text: string }>): Promise<string> {
  const start = performance.now();
  const { status, text } = await ask();
  expect(status, text.slice(0, 500)).toBe(200);
  return ((performance.now() - start) / 1000).toFixed(2);
}

test(
  `the console over ${RECORDS.toLocaleString('en')} records`,
  async () => {
    const principal = '/api/principals/college_5_app/history?days=';
    const breach = { principal: 'college_5_app', since: '2026-11-01' };
    // The first one waits for the indexes of the closed files, which the console makes by itself.
    const rows = [
      ['A principal, while the log is indexed', await seconds(() => auditor.get(`${principal}399`))],
      ['A principal', await seconds(() => auditor.get(`${principal}400`))],
      ['A principal, again within half a minute', await seconds(() => auditor.get(`${principal}400`))],
      ['A breach', await seconds(() => auditor.post('/api/breach', breach))],
      ['Now', await seconds(() => auditor.get('/api/now'))],
      ['A search of the whole log', await seconds(() => auditor.post('/api/decisions', { text: 'x999 = $2' }))],
    ];
    process.stdout.write(
      `${table(['page', 'seconds'], rows)}\nthis process: ${Math.round(process.memoryUsage().rss / 1e6)} MB\n`,
    );
  },
  15 * MINUTES,
);
