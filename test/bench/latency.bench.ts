/** How long a transaction takes at half load: the same rate for all, half of what the guard can do. */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { interleave } from './figures/interleave.ts';
import { Section } from './figures/section.ts';
import { table } from './figures/table.ts';
import { scratchFolder } from './world/folder.ts';
import { type ServedGuard, serve } from './world/guard.ts';
import { MODES, type Mode, pgbench, warmUp } from './world/pgbench.ts';
import { type Place, pgbouncer, type StartedProxy } from './world/proxies.ts';
import { type Database, makeDatabase } from './world/world.ts';

const CLIENTS = 8;

/** Milliseconds. */
interface Percentiles {
  readonly p50: number;
  readonly p99: number;
}

const folder = scratchFolder();
let database: Database;
let proxy: StartedProxy | undefined;
let guard: ServedGuard;
let places: Place[];

beforeAll(async () => {
  database = await makeDatabase();
  proxy = await pgbouncer()?.(database);
  guard = await serve(database);
  const headline = { name: 'headline', url: guard.url('headline') };
  places = [{ name: 'direct', url: database.account.url }, ...(proxy ? [proxy] : []), headline];
  await warmUp(...places.map(({ url }) => url));
});

afterAll(async () => {
  await guard?.stop();
  await proxy?.stop();
  await database?.drop();
});

test('waiting, at half load', async () => {
  const section = new Section('latency');
  const rows: string[][] = [];
  for (const mode of MODES) {
    const most = await pgbench(guard.url('headline'), { clients: CLIENTS, mode });
    const rate = Math.max(1, Math.round(most.tps / 2));
    const figures = await interleave(places, ({ url }) => percentiles(url, mode, rate));
    const of = (name: string, kind: keyof Percentiles) => figures.get(name)?.map((found) => found[kind]);
    const cell = (name: string, kind: keyof Percentiles) =>
      section.figure(`${kind} of ${name}, ${mode}`, 'ms', of(name, kind));
    const direct = of('direct', 'p99')!;
    const over = of('headline', 'p99')!.map((value, round) => value - direct[round]!);
    rows.push([
      mode,
      String(rate),
      ...['direct', 'PgBouncer', 'headline'].flatMap((name) => [cell(name, 'p50'), cell(name, 'p99')]),
      section.figure(`p99 of headline over direct, ${mode}`, 'ms', over, { atMost: 0.3 }),
    ]);
  }
  const names = ['direct', 'PgBouncer', 'headline'].flatMap((name) => [`${name}, p50`, 'p99']);
  await section.write(`pgbench -S, ${CLIENTS} clients, transactions begun at random times (\`--rate\`) at half the rate that the headline role reaches with as many clients. Milliseconds from the time at which a transaction was to begin.

${table(['protocol', 'a second', ...names, 'p99 of headline over direct'], rows)}`);
  expect(rows).toHaveLength(MODES.length);
});

async function percentiles(url: string, mode: Mode, rate: number): Promise<Percentiles> {
  const here = await mkdtemp(join(folder(), 'log-'));
  await pgbench(url, { clients: CLIENTS, mode, paced: { rate, log: join(here, 'times') } });
  const files = await Promise.all((await readdir(here)).map((name) => readFile(join(here, name), 'utf8')));
  await rm(here, { recursive: true });
  // client, transaction, microseconds, …
  const lines = files.join('').trimEnd().split('\n');
  const times = lines.map((line) => Number(line.split(' ')[2]) / 1000).sort((a, b) => a - b);
  const at = (share: number): number => times[Math.ceil(times.length * share) - 1]!;
  return { p50: at(0.5), p99: at(0.99) };
}
