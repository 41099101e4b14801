/** Measures reports over ten million records, by the command itself, and writes its section of docs/benchmarks.md. */
import { execFile } from 'node:child_process';
import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { IS_TRIAL, ROUNDS } from './figures/knobs.ts';
import { Section } from './figures/section.ts';
import { table } from './figures/table.ts';
import { makeLog } from './made-up-log.ts';

/** 3.2 GB, and an index of a tenth. `ROWGATE_BENCH_FOLDER` says where, if not with other temporary files. */
const RECORDS = IS_TRIAL ? 100_000 : 10_000_000;
const COMMAND = resolve(import.meta.dirname, '../../dist/cli/main.js');
const run = promisify(execFile);

let folder: string;
let config: string;

beforeAll(async () => {
  folder = await mkdtemp(join(process.env.ROWGATE_BENCH_FOLDER ?? tmpdir(), 'rowgate-bench-reports-'));
  await makeLog(folder, RECORDS);
  config = join(folder, 'rowgate.yaml');
  await writeFile(config, 'log: { file: ./decisions.jsonl }\ntime_zone: Europe/Paris\n');
}, 900_000);
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Seconds. */
async function timed(...args: string[]): Promise<number> {
  const start = process.hrtime.bigint();
  await run(process.execPath, [COMMAND, 'log', ...args, '--config', config], { maxBuffer: 64 * 1024 * 1024 });
  return Number(process.hrtime.bigint() - start) / 1e9;
}

test('reports over ten million records', async () => {
  const indexing = await timed('index');
  const commands = {
    'one principal in a day': [
      'report',
      'breach',
      '--principal',
      'college_5_app',
      '--since',
      '2026-11-08',
      '--until',
      '2026-11-08',
    ],
    'one principal in all': ['report', 'breach', '--principal', 'college_5_app', '--since', '2026-11-01'],
    'the busiest in all, as a page': [
      'report',
      'breach',
      '--principal',
      'college_0_app',
      '--since',
      '2026-11-01',
      '--html',
    ],
    'all refusals': ['report', 'refusals'],
    'all principals, a week and the ones before': [
      'report',
      'principals',
      '--since',
      '2026-11-08',
      '--until',
      '2026-11-14',
    ],
  };
  const section = new Section('reports', `${ROUNDS} rounds`);
  const rows: string[][] = [];
  for (const [name, args] of Object.entries(commands)) {
    const seconds: number[] = [];
    for (let round = 0; round < ROUNDS; round++) seconds.push(await timed(...args));
    const goal = args.includes('breach') ? { atMost: 5 } : undefined;
    rows.push([name, `\`${args.join(' ')}\``, section.figure(name, 's', seconds, goal)]);
  }
  await section.write(`${await described(indexing)}

${table(['report', 'rowgate log …', 'seconds'], rows)}`);
  expect(rows).toHaveLength(5);
}, 900_000);

async function described(indexing: number): Promise<string> {
  const sizes = { jsonl: 0, parquet: 0 };
  for (const name of await readdir(folder)) {
    const { size } = await stat(join(folder, name));
    if (name.endsWith('.jsonl')) sizes.jsonl += size;
    if (name.endsWith('.parquet')) sizes.parquet += size;
  }
  const gb = (bytes: number): string => (bytes / 1e9).toFixed(2);
  const log = `${RECORDS.toLocaleString('en')} records in 14 files, ${gb(sizes.jsonl)} GB`;
  const index = `their index ${gb(sizes.parquet)} GB, made in ${Math.round(indexing)} s`;
  return `The whole command, from its start, over a log that [\`reports.bench.ts\`](../test/bench/reports.bench.ts) makes: ${log}; ${index}. Closed files are read by their indexes, the open one as it is.`;
}
