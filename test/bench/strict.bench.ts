/** Measures what it costs to have each decision on the disk before its statement runs: no records, records a moment later, and before. */
import { closeSync, fdatasyncSync, openSync, writeSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { interleave, ratios } from './figures/interleave.ts';
import { ROUNDS, SECONDS } from './figures/knobs.ts';
import { Section } from './figures/section.ts';
import { table } from './figures/table.ts';
import { scratchFolder } from './world/folder.ts';
import { type ServedGuard, serve } from './world/guard.ts';
import { type Mode, pgbench, warmUp } from './world/pgbench.ts';
import { type Database, makeDatabase } from './world/world.ts';

const LOGS = ['off', 'batched', 'strict'] as const;
const CLIENTS = [8, 32];
const PROTOCOLS: readonly Mode[] = ['simple', 'prepared'];
const SYNCS = 200;
/** pgbench's time begins before its logins; there are many here. */
const RUN_SECONDS = SECONDS + 2;

interface Figures {
  readonly tps: number;
  /** Milliseconds of a transaction. */
  readonly mean: number;
  readonly p99: number;
}

const folder = scratchFolder();
let database: Database;
const guards = new Map<string, ServedGuard>();

beforeAll(async () => {
  database = await makeDatabase();
  const unrecorded = ['--import', new URL('without-log.js', import.meta.url).href];
  guards.set('off', await serve(database, { node: unrecorded }));
  for (const durability of ['batched', 'strict'])
    guards.set(durability, await serve(database, { logging: `durability: ${durability}` }));
});

afterAll(async () => {
  await Promise.all([...guards.values()].map((guard) => guard.stop()));
  await database?.drop();
});

test('what a strict log costs', async () => {
  const section = new Section('strict', `${ROUNDS} rounds of ${RUN_SECONDS} s with their logins, interleaved`);
  const places = LOGS.map((name) => ({ name, url: guards.get(name)!.url('restricted') }));
  await warmUp(...places.map(({ url }) => url));
  const alone = section.figure('a sync alone', 'ms', syncsAlone());
  const rows: string[][] = [];
  for (const clients of CLIENTS) {
    for (const mode of PROTOCOLS) {
      const measured = await interleave(places, ({ url }) => measure(url, clients, mode));
      const of = (name: string, kind: keyof Figures) => measured.get(name)!.map((figures) => figures[kind]);
      const figure = (name: string, kind: keyof Figures, unit: string) =>
        section.figure(`${kind} of ${name}, ${clients} clients, ${mode}`, unit, of(name, kind));
      const ratio = (name: string, atLeast?: number) =>
        section.figure(
          `${name} to off, ${clients} clients, ${mode}`,
          'ratio',
          ratios(of(name, 'tps'), of('off', 'tps')),
          atLeast === undefined ? undefined : { atLeast },
        );
      rows.push([
        String(clients),
        mode,
        ...LOGS.map((name) => figure(name, 'tps', 'tps')),
        ratio('batched'),
        ratio('strict', clients === 32 ? 0.5 : undefined),
        ...LOGS.flatMap((name) => [`${figure(name, 'mean', 'ms')}; ${figure(name, 'p99', 'ms')}`]),
      ]);
    }
  }
  const head = ['clients', 'protocol', ...LOGS, 'batched to off', 'strict to off'];
  await section.write(`pgbench -S, the restricted role. "Off" is a guard that was changed for this measurement so that its sessions write nothing: no configuration allows that. \`batched\` is the default. A write of 200
bytes and its sync take ${alone} ms on this disk, ${SYNCS} one after the other. Transactions a second, and milliseconds of a transaction: mean; 99th percentile.

${table([...head, ...LOGS.map((name) => `${name}, ms`)], rows)}`);
  expect(rows).toHaveLength(CLIENTS.length * PROTOCOLS.length);
});

async function measure(url: string, clients: number, mode: Mode): Promise<Figures> {
  const here = await mkdtemp(join(folder(), 'log-'));
  const { tps } = await pgbench(url, { clients, mode, log: join(here, 'times') }, RUN_SECONDS);
  const files = await Promise.all((await readdir(here)).map((name) => readFile(join(here, name), 'utf8')));
  await rm(here, { recursive: true });
  // client, transaction, microseconds, …
  const times = files.flatMap((text) =>
    text
      .trimEnd()
      .split('\n')
      .map((line) => Number(line.split(' ')[2]) / 1000),
  );
  times.sort((a, b) => a - b);
  const mean = times.reduce((sum, ms) => sum + ms, 0) / times.length;
  return { tps, mean, p99: times[Math.ceil(times.length * 0.99) - 1]! };
}

/** Milliseconds of each. */
function syncsAlone(): number[] {
  const fd = openSync(join(folder(), 'syncs'), 'a');
  const line = Buffer.alloc(200, 'x');
  const times = Array.from({ length: SYNCS }, () => {
    const began = performance.now();
    writeSync(fd, line);
    fdatasyncSync(fd);
    return performance.now() - began;
  });
  closeSync(fd);
  return times;
}
