/** Throughput beside PgBouncer, HAProxy and pgpool-II, which do not look: pgbench -S in three protocols, and TPC-B. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { interleave, ratios } from './figures/interleave.ts';
import { type Goal, Section } from './figures/section.ts';
import { table } from './figures/table.ts';
import { type ServedGuard, serve } from './world/guard.ts';
import { cpuOf, throughput, throughputAndCost, tpsOf } from './world/measured.ts';
import { type Load, MODES, warmUp } from './world/pgbench.ts';
import { BARE, type Place, type StartedProxy, startProxies } from './world/proxies.ts';
import { type Database, makeDatabase, SCALE } from './world/world.ts';

const CLIENTS = [1, 8, 32];
/** So many show what a transaction costs the proxy. */
const COSTED = 8;
const DIRECT = 'direct';
const UNRESTRICTED = 'unrestricted';
const HEADLINE = 'headline';
const WORKERS = 'headline, 2 workers';

let database: Database;
let proxies: StartedProxy[] = [];
const guards: ServedGuard[] = [];
let places: Place[];

beforeAll(async () => {
  database = await makeDatabase();
  proxies = await startProxies(database);
  const guard = await serve(database);
  guards.push(guard);
  const workers = await serve(database, { configuration: 'workers: 2' });
  guards.push(workers);
  places = [
    { name: DIRECT, url: database.account.url },
    ...proxies,
    { name: UNRESTRICTED, url: guard.url('unrestricted'), pid: guard.pid },
    { name: HEADLINE, url: guard.url('headline'), pid: guard.pid },
    { name: WORKERS, url: workers.url('headline'), pid: workers.pid },
  ];
  await warmUp(...places.map(({ url }) => url));
  // Each of the two compiles for itself, and has seen half.
  await warmUp(workers.url('headline'));
});

afterAll(async () => {
  await Promise.all([...guards, ...proxies].map((running) => running.stop()));
  await database?.drop();
});

const section = new Section('proxies');
const toDirect: string[][] = [];
const toProxies: string[][] = [];
const processors: string[][] = [];

test.each(CLIENTS.flatMap((clients) => MODES.map((mode): Load => ({ clients, mode }))))(
  'pgbench -S: $clients clients, $mode',
  async (load) => {
    const { clients, mode } = load;
    const measure = clients === COSTED ? throughputAndCost : throughput;
    const figures = await interleave(places, (place) => measure(place, load));
    const where = `${clients} ${clients === 1 ? 'client' : 'clients'}, ${mode}`;
    const ratio = (of: string, to: string, goal?: Goal) =>
      section.figure(`${of} to ${to}, ${where}`, 'ratio', ratios(tpsOf(figures, of), tpsOf(figures, to)), goal);
    toDirect.push([
      String(clients),
      mode,
      section.figure(`${DIRECT}, ${where}`, 'tps', tpsOf(figures, DIRECT)),
      ...places.slice(1).map(({ name }) => ratio(name, DIRECT)),
    ]);
    const many = clients > 1;
    toProxies.push([
      String(clients),
      mode,
      ratio(UNRESTRICTED, 'PgBouncer'),
      ratio(HEADLINE, 'PgBouncer', { atLeast: 0.9 }),
      ratio(WORKERS, 'PgBouncer', many ? { atLeast: 1 } : undefined),
      ratio(HEADLINE, 'pgpool-II', many ? { atLeast: 1.2 } : undefined),
      ratio(BARE, 'PgBouncer'),
      ratio(HEADLINE, BARE),
    ]);
    if (clients !== COSTED) return;
    const cpu = ({ name }: Place): string => {
      const goal = name === HEADLINE ? { atMost: 16 } : undefined;
      return section.figure(`processor time of ${name}, ${where}`, 'µs', cpuOf(figures, name), goal);
    };
    processors.push([mode, ...places.slice(1).map(cpu)]);
  },
);

test('TPC-B, and the page', async () => {
  expect(toDirect).toHaveLength(CLIENTS.length * MODES.length);
  const load: Load = { clients: 8, mode: 'simple', script: 'tpcb-like' };
  const writers = places.filter(({ name }) => name !== HEADLINE && name !== WORKERS);
  const figures = await interleave(writers, (place) => throughput(place, load));
  const names = writers.slice(1).map(({ name }) => name);
  const tpcb = [
    section.figure('direct, TPC-B', 'tps', tpsOf(figures, DIRECT)),
    ...names.map((name) =>
      section.figure(`${name} to direct, TPC-B`, 'ratio', ratios(tpsOf(figures, name), tpsOf(figures, DIRECT))),
    ),
  ];
  const others = places.slice(1).map(({ name }) => name);
  await section.write(`pgbench, proxy and PostgreSQL share one machine; pgbench has one thread, as each proxy has, but pgpool-II a process a client. All pool by session. Scale ${SCALE}.

"Unrestricted" is a role with \`access: unrestricted\`. "Headline" is a role with a row filter, a mask on what is read, and every kind of limit over time and a statement, people counted; "2 workers" is the same
with \`workers: 2\`. "Bare relay" is a few lines of Node that pass bytes on and look at nothing: what a guard in Node would reach that costs nothing. The decision log is on for all. In the simple protocol each text differs from the last in its literal; in the other two a text is judged once.

pgbench -S, direct in transactions a second, the others as ratio to it:

${table(['clients', 'protocol', DIRECT, ...others], toDirect)}

To other proxies:

${table(['clients', 'protocol', `${UNRESTRICTED} to PgBouncer`, `${HEADLINE} to PgBouncer`, '2 workers to PgBouncer', `${HEADLINE} to pgpool-II`, `${BARE} to PgBouncer`, `${HEADLINE} to ${BARE}`], toProxies)}

Processor time of the proxy with all of its processes, in µs a transaction, ${COSTED} clients (logins not counted):

${table(['protocol', ...others], processors)}

TPC-B (pgbench's own script, which writes), 8 clients, simple protocol, direct in transactions a second, the others as ratio to it:

${table([DIRECT, ...names], [tpcb])}`);
});
