/** Tests a guard that is killed again and again, at random points under load: its log verifies each time, at rest and while it is written. */
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { verifyLog } from '../../src/decision-log/verify/verify.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { fuzzRuns, fuzzSeed, Random } from '../support/random.ts';
import { seedSmall } from '../support/seed.ts';
import { again, kill } from '../workers/lives.ts';
import { isAlive, serve } from '../workers/served.ts';

const KILLS = fuzzRuns(2, 100);
const CLIENTS = 6;
const LONGEST_LIFE_MS = 2_500;
/** Between two statements of a client: more records would mostly make the log longer, which is verified from its beginning each time. */
const LONGEST_PAUSE_MS = 20;
// Small files, long records and many seals: so that a kill meets one of them being made.
const LOG = `log:
  rotate: 64 kB
  text: full
  seal: { every: 100 ms, records: 40 }
  anchor: { to: ./elsewhere/anchors.jsonl, every: 1 s }
`;

vi.setConfig({ testTimeout: 60_000 + KILLS * 60_000 });

let database: FreshDatabase;
beforeAll(async () => {
  database = await freshDatabase();
  await seedSmall(database.url);
});
afterAll(() => database?.drop());

/** Asks until the guard no longer answers. */
async function load(port: number, random: Random): Promise<void> {
  const one = async () => {
    const connectionString = `postgres://teacher:demo-teacher@127.0.0.1:${port}/${database.name}`;
    const client = new pg.Client({ connectionString });
    client.on('error', () => {});
    try {
      await client.connect();
      for (let i = 0; ; i++) {
        // Every third is refused.
        await client
          .query(i % 3 === 0 ? 'SELECT ine FROM students' : `SELECT count(*), ${i} FROM students`)
          .catch((error) => {
            if (error.code !== '42501') throw error;
          });
        await sleep(random.int(LONGEST_PAUSE_MS));
      }
    } catch {
      // it was killed
    } finally {
      await client.end().catch(() => {});
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, one));
}

it.each([1, 2])('%i processes', async (workers) => {
  const random = new Random(fuzzSeed() + workers);
  let killedIn = 0;
  const guard = await serve(database, `${LOG}workers: ${workers}\n`);
  mkdirSync(join(guard.folder, 'elsewhere'));
  const log = join(guard.folder, 'decisions.jsonl');
  const anchorsFile = join(guard.folder, 'elsewhere', 'anchors.jsonl');
  const verified = async (when: string) => {
    const anchors = existsSync(anchorsFile) ? [anchorsFile] : [];
    const { findings, chains } = await verifyLog({ log, keys: [], anchors });
    expect(findings, `${when}, life ${killedIn + 1}`).toEqual([]);
    return chains;
  };
  let life = { child: guard.child, port: guard.port };
  try {
    for (; killedIn < KILLS; killedIn++) {
      const asking = load(life.port, random);
      await sleep(random.int(LONGEST_LIFE_MS));
      await verified('while it is written');
      await sleep(random.int(LONGEST_LIFE_MS / 2));
      await kill(life.child, workers);
      await asking;
      await verified('after the kill');
      life = await again(guard);
    }
    const chains = await verified('at the end');
    await kill(life.child, workers);
    // It was killed at work, and not before there was any.
    expect(chains).toHaveLength(workers);
    for (const { records, seals } of chains) expect(records / KILLS > 20 && seals > KILLS).toBe(true);
    expect(readdirSync(guard.folder).filter((name) => /\.\d{12}\./.test(name))).not.toEqual([]);
    expect(existsSync(anchorsFile)).toBe(true);
  } finally {
    if (isAlive(life.child.pid ?? 0)) await kill(life.child, workers);
    await guard.stop();
  }
});
