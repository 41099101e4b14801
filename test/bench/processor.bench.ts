/** Where the processor's time of a transaction goes, beside proxies that do not look. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect } from 'vitest';
import { testWith, tool } from '../support/tools.ts';
import { interleave } from './figures/interleave.ts';
import { Section } from './figures/section.ts';
import { table } from './figures/table.ts';
import { PLACES, type Shares, sample } from './profile/shares.ts';
import { type ServedGuard, serve } from './world/guard.ts';
import { throughputAndCost } from './world/measured.ts';
import { MODES, type Mode, warmUp } from './world/pgbench.ts';
import { BARE, type StartedProxy, startProxies } from './world/proxies.ts';
import { type Database, makeDatabase } from './world/world.ts';

const BESIDE = ['PgBouncer', BARE];

interface Watched {
  readonly name: string;
  readonly url: string;
  readonly pid: number;
}

let database: Database;
let proxies: StartedProxy[] = [];
let guard: ServedGuard;
let folder: string;
let places: Watched[];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rowgate-bench-perf-'));
  database = await makeDatabase();
  proxies = await startProxies(database);
  guard = await serve(database);
  places = [
    ...proxies.filter(({ name }) => BESIDE.includes(name)),
    ...['unrestricted', 'restricted', 'headline'].map((role) => ({ name: role, url: guard.url(role), pid: guard.pid })),
  ];
  await warmUp(...places.map(({ url }) => url));
});

afterAll(async () => {
  await Promise.all([guard, ...proxies].map((running) => running?.stop()));
  await database?.drop();
  await rm(folder, { recursive: true, force: true });
});

type Sampled = Shares & { readonly all: number };

/** Microseconds a transaction. */
async function measure(place: Watched, mode: Mode): Promise<Sampled> {
  const sampling = await sample(place.pid, join(folder, 'perf.data'));
  const { cpu = Number.NaN } = await throughputAndCost(place, { clients: 8, mode });
  const shares = await sampling?.stop();
  if (!shares) throw new Error('perf is not installed');
  const of = (name: keyof Shares): number => shares[name] * cpu;
  return {
    all: cpu,
    kernel: of('kernel'),
    native: of('native'),
    'built-in': of('built-in'),
    JavaScript: of('JavaScript'),
  };
}

testWith(tool('perf'))('where the time goes', async () => {
  const section = new Section('processor');
  const rows: string[][] = [];
  for (const mode of MODES) {
    const measured = await interleave(places, (place) => measure(place, mode));
    for (const { name } of places) {
      const rounds = measured.get(name) ?? [];
      const cell = (part: keyof Sampled): string =>
        section.figure(
          `${part}, ${name}, ${mode}`,
          'µs',
          rounds.map((round) => round[part]),
        );
      rows.push([mode, name, cell('all'), ...PLACES.map(cell)]);
    }
  }
  const head = ['protocol', '', 'all', 'kernel', 'native code', "V8's built-in functions", 'compiled JavaScript'];
  await section.write(`pgbench -S, 8 clients. Microseconds of the proxy's processor time a transaction, by the system's accounts, and how \`perf\` has it divided: 2,000 samples a second over each run. What takes the kernel is two reads and
two writes of sockets, with all that the other side's receiving costs, and what wakes whom. Native code is the proxy's own where it is no JavaScript, and its libraries; of Node it is libuv, V8's collector, and hashing.

${table(head, rows)}`);
  expect(rows).toHaveLength(MODES.length * places.length);
});
