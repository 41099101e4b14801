/**
 * Tests that each statement in PostgreSQL's own log has its decision record before it, in the order of the session, whichever process is killed
 * meanwhile. A test has its seed in its name; ROWGATE_SEED repeats it, as far as processes can be repeated.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { verifyLog } from '../../src/decision-log/verify/verify.ts';
import { type Server, startServer } from '../../src/demo/server.ts';
import { eventually } from '../proxy/support.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { fuzzRuns, fuzzSeed, Random } from '../support/random.ts';
import { seedSmall } from '../support/seed.ts';
import { again, kill } from '../workers/lives.ts';
import { childrenOf, isAlive, serve } from '../workers/served.ts';
import { Clients } from './clients.ts';
import { compare } from './compare.ts';
import { decisionsIn } from './decided.ts';
import { ordealsFor, UNWRITABLE } from './ordeals.ts';
import { LOGGING, loggedFor, ownInSessions, ownOfItself } from './server-log.ts';

const SEED = fuzzSeed();
const CLIENTS = 6;
const LONGEST_MS = 400;
/** In a life. */
const FEWEST_TURNS = 20;

// Two runs see all that can happen to two workers.
const VARIANTS = [
  { workers: 1, durability: 'batched', lives: fuzzRuns(1, 25) },
  { workers: 2, durability: 'strict', lives: fuzzRuns(2, 25) },
  ...(process.env.ROWGATE_LONG
    ? [
        { workers: 1, durability: 'strict', lives: fuzzRuns(1, 25) },
        { workers: 2, durability: 'batched', lives: fuzzRuns(1, 25) },
      ]
    : []),
];

vi.setConfig({ testTimeout: 180_000 + Math.max(...VARIANTS.map(({ lives }) => lives)) * 180_000 });

/** A server of our own: it is killed, and it tells all. */
let folder: string;
let server: Server;
let database: FreshDatabase;
let ownElsewhere: ReadonlySet<string>;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rowgate-completeness-'));
  server = await startServer({ folder, settings: LOGGING });
  database = await freshDatabase('complete', server.url);
  await seedSmall(database.url);
  ownElsewhere = await ownOfItself(await database.connect());
});

afterAll(async () => {
  await database?.drop();
  await server?.stop();
  await rm(folder, { recursive: true, force: true });
});

async function killServer(): Promise<void> {
  await database.disconnect();
  const postmaster = Number((await readFile(join(folder, 'data', 'postmaster.pid'), 'utf8')).split('\n')[0]);
  const sessions = childrenOf(postmaster);
  process.kill(postmaster, 'SIGKILL');
  await server.ended;
  // They notice by themselves, and keep another one from starting until then.
  await eventually(() => !sessions.some(isAlive), 'its sessions have ended');
  server = await startServer({ folder, port: server.port, settings: LOGGING });
}

/** Until the server has nothing more to run for a guard that was killed. */
async function quiet(account: string): Promise<void> {
  const left = `SELECT pid FROM pg_stat_activity WHERE usename = '${account}'`;
  await eventually(async () => (await database.query(left)).length === 0, 'the server has ended its sessions');
}

function shuffled<T>(items: readonly T[], random: Random): T[] {
  return items
    .map((item) => [random.int(1_000_000), item] as const)
    .toSorted(([a], [b]) => a - b)
    .map(([, item]) => item);
}

it.each(VARIANTS)(
  `workers: $workers, durability: $durability, seed: ${SEED}`,
  async ({ workers, durability, lives }) => {
    const random = new Random(SEED + workers);
    const lines = [
      'log:',
      '  text: full',
      `  durability: ${durability}`,
      '  rotate: 128 kB',
      '  seal: { every: 200 ms, records: 100 }',
    ];
    const guard = await serve(database, `${lines.join('\n')}\nworkers: ${workers}\n`);
    const log = join(guard.folder, 'decisions.jsonl');
    await database.query(`GRANT CREATE ON SCHEMA public TO ${guard.account}`);
    // Each once, then each once more.
    const ordeals = Array.from({ length: lives }, () => shuffled(ordealsFor(workers), random)).flat();
    const told: string[] = [];
    const unwritable: [number, number][] = [];
    let life = { child: guard.child, port: guard.port };
    let before = 0;
    try {
      for (let lived = 0; lived < lives; lived++) {
        const clients = new Clients({ port: life.port, database: database.name }, random, CLIENTS);
        for (const turn of [0, 1]) {
          await sleep(random.int(LONGEST_MS));
          const [name, ordeal] = ordeals[lived * 2 + turn]!;
          told.push(`life ${lived + 1}: ${name}`);
          if (name === UNWRITABLE) unwritable.push([Date.now(), Number.POSITIVE_INFINITY]);
          await ordeal({ random, pid: life.child.pid ?? 0, folder: guard.folder, workers, killServer });
        }
        await sleep(LONGEST_MS + random.int(LONGEST_MS));
        await eventually(() => clients.answered > FEWEST_TURNS, 'clients are answered');
        await kill(life.child, workers);
        await clients.stop();
        await quiet(guard.account);
        for (const time of unwritable) time[1] = Math.min(time[1], Date.now());
        const { problems, ran, refused } = compare({
          logged: loggedFor(guard.account, await readFile(server.log, 'utf8')),
          decisions: await decisionsIn(log),
          own: { elsewhere: ownElsewhere, inSessions: ownInSessions(guard.account, database.name) },
          unwritable,
        });
        const story = told.join(', ');
        expect(problems, story).toEqual([]);
        const { findings } = await verifyLog({ log, keys: [], anchors: [] });
        expect(findings, story).toEqual([]);
        // It was at work.
        expect(ran - before, story).toBeGreaterThan(FEWEST_TURNS);
        expect(refused, story).toBeGreaterThan(0);
        before = ran;
        if (lived + 1 < lives) life = await again(guard);
      }
    } finally {
      if (isAlive(life.child.pid ?? 0)) await kill(life.child, workers);
      await guard.stop();
    }
  },
);
