/**
 * Measures the console's pages over a made-up log, without a guard, and prints what it found. `ROWGATE_BENCH_RECORDS` says how many records: 300,000, in two
 * minutes; 10,000,000 take half an hour and 6 GB.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { chromium } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { settled } from '../console/browser.ts';
import { type Answer, Visitor } from '../console/visitor.ts';
import { tool } from '../support/tools.ts';
import { table } from './figures/table.ts';
import { makeLog, writeSubjectKey } from './made-up-log.ts';

const RECORDS = Number(process.env.ROWGATE_BENCH_RECORDS ?? 300_000);
const MAIN = resolve(import.meta.dirname, '../../dist/cli/main.js');
const MINUTES = 60_000;
const PAGE_BYTES = 4096;
const VIEWS = 9;

const browser = tool('chromium');

let folder: string;
let running: ChildProcess;
let auditor: Visitor;
/** Bytes of the console and its children, at most. */
let most = 0;

beforeAll(async () => {
  folder = await mkdtemp(join(process.env.ROWGATE_BENCH_FOLDER ?? tmpdir(), 'rowgate-bench-console-'));
  await makeLog(folder, RECORDS);
  await mkdir(join(folder, 'policies'));
  writeSubjectKey(join(folder, 'subjects.key'));
  const config = join(folder, 'rowgate.yaml');
  const upstream = 'listen: 127.0.0.1:0\nupstream: { url: "postgres://nobody@127.0.0.1:1/none" }';
  const log = 'log: { file: ./decisions.jsonl, subjects: hashed }\nkeys: { subjects: ./subjects.key }';
  await writeFile(config, `${upstream}\n${log}\nconsole: { listen: "127.0.0.1:0" }\n`);
  running = spawn(process.execPath, [MAIN, 'console', '--config', config], { stdio: ['ignore', 'pipe', 'inherit'] });
  const link = await new Promise<URL>((told) => {
    running.stdout?.on('data', (said: Buffer) => {
      const [address] = /http:\S+/.exec(String(said)) ?? [];
      if (address !== undefined) told(new URL(address));
    });
  });
  auditor = new Visitor(link.origin);
  await auditor.get(link.pathname + link.search);
  await auditor.enter();
  // The console has the closed files indexed by itself.
  await eventually(async () => (await indexed()) === 13);
}, 60 * MINUTES);

afterAll(async () => {
  running?.kill();
  await rm(folder, { recursive: true, force: true });
});

const indexed = async () => (await readdir(folder)).filter((name) => name.endsWith('.parquet')).length;

async function eventually(is: () => Promise<boolean>): Promise<void> {
  while (!(await is())) await sleep(500);
}

async function memoryOf(pid: number): Promise<number> {
  const [statm, children] = await Promise.all(
    ['statm', `task/${pid}/children`].map((name) => readFile(`/proc/${pid}/${name}`, 'utf8').catch(() => '')),
  );
  const below = (children ?? '')
    .split(' ')
    .filter((one) => one !== '')
    .map(Number);
  const own = Number(statm?.split(' ')[1] ?? 0) * PAGE_BYTES;
  return (await Promise.all(below.map(memoryOf))).reduce((sum, each) => sum + each, own);
}

async function seconds(ask: () => Promise<Answer>): Promise<string> {
  // One is ahead for the next question when the last one has ended.
  await sleep(5_000);
  const start = performance.now();
  const { status, text } = await ask();
  const took = (performance.now() - start) / 1000;
  expect(status, text.slice(0, 500)).toBe(200);
  return took.toFixed(2);
}

/** Of *Now* with all that it shows, in a browser that has nothing of it yet: the median (least–most), and the kilobytes of script that came. */
async function firstView(executablePath: string): Promise<string[][]> {
  const running = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu'] });
  const took: number[] = [];
  const busy: number[] = [];
  let bytes = 0;
  for (let round = 0; round < VIEWS; round++) {
    const context = await running.newContext();
    const [name = '', value = ''] = auditor.cookie.split('=');
    await context.addCookies([{ name, value, url: auditor.url }]);
    const page = await context.newPage();
    const debug = await context.newCDPSession(page);
    await debug.send('Performance.enable', { timeDomain: 'threadTicks' });
    const start = performance.now();
    await page.goto(auditor.url, { waitUntil: 'commit' });
    await page.getByRole('heading', { level: 1, name: 'Now' }).waitFor();
    await page.locator('canvas').first().waitFor();
    await settled(page);
    took.push((performance.now() - start) / 1000);
    const { metrics } = await debug.send('Performance.getMetrics');
    busy.push(metrics.find(({ name }) => name === 'TaskDuration')?.value ?? 0);
    bytes = (await page.evaluate(
      "performance.getEntriesByType('resource').filter(({ name }) => name.endsWith('.js')).reduce((sum, { encodedBodySize }) => sum + encodedBodySize, 0)",
    )) as number;
    await context.close();
  }
  await running.close();
  return [
    [`The first view of Now in Chromium, ${Math.round(bytes / 1000)} kB of script`, spread(took)],
    ['of it the processor, for the page', spread(busy)],
  ];
}

function spread(seconds: readonly number[]): string {
  const sorted = seconds.toSorted((a, b) => a - b);
  const [least, median, most] = [0, Math.floor(sorted.length / 2), sorted.length - 1].map((at) =>
    sorted[at]?.toFixed(2),
  );
  return `${median} (${least}–${most})`;
}

test(
  `the console over ${RECORDS.toLocaleString('en')} records`,
  async () => {
    const watch = setInterval(async () => {
      most = Math.max(most, await memoryOf(running.pid ?? 0));
    }, 50);
    const history = (principal: string, days = 30) => `/api/principals/${principal}/history?days=${days}`;
    const breach = { principal: 'college_5_app', since: '2026-11-01' };
    const rows = [
      ...(browser.path === undefined ? [] : await firstView(browser.path)),
      ['Now', await seconds(() => auditor.get('/api/now'))],
      ['A principal', await seconds(() => auditor.get(history('college_5_app', 400)))],
      ['A principal, the busiest', await seconds(() => auditor.get(history('college_0_app', 400)))],
      ['A principal, again within half a minute', await seconds(() => auditor.get(history('college_0_app', 400)))],
      [
        'A person',
        await seconds(() => auditor.post('/api/person', { subject: 'student', key: '3600', withNames: true })),
      ],
      ['A breach', await seconds(() => auditor.post('/api/breach', breach))],
      ['A search of the whole log', await seconds(() => auditor.post('/api/decisions', { text: 'x999 = $2' }))],
    ];
    clearInterval(watch);
    process.stdout.write(
      `${table(['page', 'seconds'], rows)}\nthe console and its children, at most: ${Math.round(most / 1e6)} MB\n`,
    );
  },
  15 * MINUTES,
);
