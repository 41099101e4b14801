/** Tests `durability: strict` under load: each statement that PostgreSQL's own log shows for a client had its decision on the disk before, on a disk that is slow, stands still and fails. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { verifyLog } from '../../src/decision-log/verify/verify.ts';
import { type Server, startServer } from '../../src/demo/server.ts';
import { SLOW_DISK, SlowDisk } from '../record/slow-disk.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { fuzzRuns, fuzzSeed, Random } from '../support/random.ts';
import { seedSmall } from '../support/seed.ts';
import { describeWith } from '../support/tools.ts';
import { kill } from '../workers/lives.ts';
import { type Served, serve } from '../workers/served.ts';
import { Clients } from './clients.ts';
import { LOGGING, loggedFor } from './server-log.ts';

const SEED = fuzzSeed();
/** The disk's behaviour, one after the other. */
const TURNS = fuzzRuns(12, 200);
/** Each client's statement has its own number. */
const MARK = /\b7\d{8}\b/g;

describeWith(SLOW_DISK)(`strict, seed: ${SEED}`, () => {
  let folder: string;
  let server: Server;
  let database: FreshDatabase;
  let disk: SlowDisk;
  let guard: Served;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'rowgate-synced-'));
    server = await startServer({ folder, settings: LOGGING });
    database = await freshDatabase('synced', server.url);
    await seedSmall(database.url);
    disk = new SlowDisk();
    const log = 'log: { text: full, durability: strict, rotate: 1 GB, seal: { every: 200 ms, records: 100 } }';
    guard = await serve(database, `${log}\nstate: memory`, disk.environment);
    await database.query(`GRANT CREATE ON SCHEMA public TO ${guard.account}`);
  });

  afterAll(async () => {
    await guard?.stop();
    await database?.drop();
    await server?.stop();
    disk?.remove();
    await rm(folder, { recursive: true, force: true });
  });

  test('all that ran was on the disk before', { timeout: 60_000 + TURNS * 5_000 }, async () => {
    const random = new Random(SEED);
    const clients = new Clients({ port: guard.port, database: database.name }, random, 6);
    for (let turn = 0; turn < TURNS; turn++) {
      const moment = () => sleep(random.int(250));
      disk.slow(random.pick([0, 0, 5, 40]));
      await moment();
      disk.stands();
      await moment();
      if (random.int(2) === 0) disk.fails(random.pick(['fails', 'fails-once']));
      disk.goesOn();
      await moment();
      disk.recovers();
      await moment();
    }
    disk.slow(0);
    // However slow the machine is.
    const logged = async () => loggedFor(guard.account, await readFile(server.log, 'utf8'));
    const marks = async () => new Set((await logged()).flatMap(({ text }) => text.match(MARK) ?? []));
    await expect.poll(async () => (await marks()).size).toBeGreaterThan(30);
    await expect.poll(() => clients.answered).toBeGreaterThan(10);
    await kill(guard.child, 1);
    await clients.stop();

    const { synced } = disk;
    const log = join(guard.folder, 'decisions.jsonl');
    const ends = endsOfMarks(await readFile(log, 'utf8'));
    const problems: string[] = [];
    const ran = new Set<string>();
    for (const { time, text } of await logged()) {
      for (const [mark] of text.matchAll(MARK)) {
        if (ran.has(mark)) continue;
        ran.add(mark);
        const end = ends.get(mark);
        const onDisk = end === undefined ? undefined : synced.find(({ bytes }) => bytes >= end);
        // The server tells whole milliseconds.
        if (!onDisk || onDisk.time > time + 1) problems.push(`${text}: ran at ${time}, on the disk at ${onDisk?.time}`);
      }
    }
    expect(problems).toEqual([]);
    expect(ran.size).toBeGreaterThan(30);
    expect((await verifyLog({ log, keys: [], anchors: [] })).findings).toEqual([]);
  });
});

/** The offset at which the decision ends that first contains a mark. */
function endsOfMarks(text: string): Map<string, number> {
  const ends = new Map<string, number>();
  let end = 0;
  for (const line of text.split('\n')) {
    end += Buffer.byteLength(line) + 1;
    if (!line.includes('"kind":"decision"')) continue;
    for (const [mark] of line.matchAll(MARK)) if (!ends.has(mark)) ends.set(mark, end);
  }
  return ends;
}
