/** How long a transaction takes at half load: at the same rate for all, half of what the guard can do, and at half of what each can do. */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { interleave } from './figures/interleave.ts';
import { Section } from './figures/section.ts';
import { table } from './figures/table.ts';
import { scratchFolder } from './world/folder.ts';
import { type ServedGuard, serve } from './world/guard.ts';
import { MODES, type Mode, pgbench, warmUp } from './world/pgbench.ts';
import { BARE, bareRelay, type Place, pgbouncer, type StartedProxy } from './world/proxies.ts';
import { type Database, makeDatabase } from './world/world.ts';

const CLIENTS = 8;

/** Milliseconds. */
interface Percentiles {
  readonly p50: number;
  readonly p99: number;
}

const folder = scratchFolder();
let database: Database;
const proxies: StartedProxy[] = [];
let guard: ServedGuard;
let places: Place[];

beforeAll(async () => {
  database = await makeDatabase();
  for (const start of [pgbouncer(), bareRelay()]) if (start) proxies.push(await start(database));
  guard = await serve(database);
  const headline = { name: 'headline', url: guard.url('headline') };
  places = [{ name: 'direct', url: database.account.url }, ...proxies, headline];
  await warmUp(...places.map(({ url }) => url));
});

afterAll(async () => {
  await guard?.stop();
  for (const proxy of proxies.splice(0)) await proxy.stop();
  await database?.drop();
});

test('waiting, at half load', async () => {
  const section = new Section('latency');
  const rows: string[][] = [];
  const own: string[][] = [];
  for (const mode of MODES) {
    const most = await pgbench(guard.url('headline'), { clients: CLIENTS, mode });
    const rate = Math.max(1, Math.round(most.tps / 2));
    const same = places.filter(({ name }) => name !== BARE);
    const figures = await interleave(same, ({ url }) => percentiles(url, mode, rate));
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
  for (const mode of MODES) own.push([mode, ...(await halfOfOwn(section, mode))]);
  const names = ['direct', 'PgBouncer', 'headline'].flatMap((name) => [`${name}, p50`, 'p99']);
  await section.write(`pgbench -S, ${CLIENTS} clients, transactions begun at random times (\`--rate\`) at half the rate that the headline role reaches with as many clients. Milliseconds from the time at which a transaction was to begin.

${table(['protocol', 'a second', ...names, 'p99 of headline over direct'], rows)}

p99 of each at half of the rate that it reaches itself, in milliseconds: how long what it waits for keeps it waiting on a machine that is half busy, whatever it costs.

${table(['protocol', ...places.map(({ name }) => name)], own)}`);
  expect(rows).toHaveLength(MODES.length);
});

async function halfOfOwn(section: Section, mode: Mode): Promise<string[]> {
  const rates = new Map<Place, number>();
  for (const place of places) rates.set(place, (await pgbench(place.url, { clients: CLIENTS, mode })).tps / 2);
  const figures = await interleave(places, (place) => percentiles(place.url, mode, Math.round(rates.get(place)!)));
  return places.map(({ name }) =>
    section.figure(
      `p99 of ${name} at half of its own, ${mode}`,
      'ms',
      figures.get(name)?.map(({ p99 }) => p99),
    ),
  );
}

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
