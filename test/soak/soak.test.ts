/** Tests an hour of mixed work by eight clients, with reloads: memory and file descriptors stay flat. Outside of the long tests it runs for seconds. */
import { readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { descriptorsOf, memoryOf } from '../chaos/figures.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { seedSmall } from '../support/seed.ts';
import { type Served, serve } from '../workers/served.ts';
import { copyIn, copyOut } from './copy.ts';

const MINUTES = Number(process.env.ROWGATE_SOAK_MINUTES ?? (process.env.ROWGATE_LONG ? 60 : 0.1));
const SAMPLE_MS = (MINUTES * 60_000) / 120;

let database: FreshDatabase;
let guard: Served;

describe(`${MINUTES} minutes of mixed work`, () => {
  beforeAll(async () => {
    database = await freshDatabase();
    await seedSmall(database.url);
    await database.query('CREATE TABLE work (value bigint)');
    guard = await serve(database, 'admin: 127.0.0.1:0', {}, resolve(import.meta.dirname, '../chaos/policies'));
  });
  afterAll(async () => {
    await guard?.stop();
    await database?.drop();
  });

  test('takes no more at its end than in its middle', { timeout: MINUTES * 60_000 + 120_000 }, async () => {
    const until = Date.now() + MINUTES * 60_000;
    const done = new Map<string, number>();
    const clients = Promise.all(Array.from({ length: 8 }, (_, number) => work(number, until, done)));
    const reloads = reloadEachMinute(until, done);
    const samples: { memory: number; descriptors: number }[] = [];
    while (Date.now() < until) {
      await sleep(SAMPLE_MS);
      samples.push({ memory: memoryOf([guard.pid]), descriptors: descriptorsOf([guard.pid]) });
    }
    await Promise.all([clients, reloads]);
    const third = Math.floor(samples.length / 3);
    const [first, middle, last] = [0, 1, 2].map((n) => samples.slice(n * third, (n + 1) * third));
    const most = (of: typeof samples | undefined, key: 'memory' | 'descriptors') =>
      Math.max(...(of ?? []).map((sample) => sample[key]));
    const shown = (key: 'memory' | 'descriptors') => [first, middle, last].map((of) => most(of, key)).join(' → ');
    const rounds = [...done].sort().map(([what, n]) => `${n} × ${what}`);
    const text = `${MINUTES} minutes: ${rounds.join(', ')}. Highest in each third: memory ${shown('memory')} MB, descriptors ${shown('descriptors')}.`;
    process.stdout.write(`${text}\n`);
    await showOnPage(text);
    expect(done.get('unexpected error') ?? 0).toBe(0);
    expect([...done.keys()]).toEqual(expect.arrayContaining([...Object.keys(WORK), 'reload']));
    // Before that, what grows is what is used for the first time.
    if (MINUTES < 5) return;
    expect(most(last, 'memory')).toBeLessThan(most(middle, 'memory') * 1.15 + 10);
    expect(most(last, 'descriptors')).toBeLessThanOrEqual(most(middle, 'descriptors') + 8);
  });
});

type Work = (client: pg.Client, n: number) => Promise<unknown>;

/** Weights by repetition. Each either does what it should or throws. */
const WORK: Readonly<
  Record<string, { readonly by: 'reader' | 'writer'; readonly times: number; readonly work: Work }>
> = {
  'point read': {
    by: 'reader',
    times: 40,
    work: (client, n) =>
      client.query({ name: 'one', text: 'SELECT id FROM students WHERE id = $1', values: [1 + (n % 240)] }),
  },
  'new text': {
    by: 'reader',
    times: 10,
    work: (client, n) => client.query(`SELECT id, first_name FROM students WHERE id = ${n}`),
  },
  refusal: {
    by: 'reader',
    times: 3,
    work: (client) => fails('42501', client.query('SELECT address FROM students')),
  },
  transaction: {
    by: 'writer',
    times: 5,
    work: async (client, n) => {
      await client.query('BEGIN');
      await client.query('INSERT INTO work (value) VALUES ($1)', [n]);
      await client.query(n % 2 === 0 ? 'COMMIT' : 'ROLLBACK');
    },
  },
  cursor: {
    by: 'reader',
    times: 2,
    work: async (client) => {
      await client.query('BEGIN');
      await client.query('DECLARE c CURSOR FOR SELECT id FROM students');
      for (let i = 0; i < 5; i++) await client.query('FETCH 10 FROM c');
      await client.query('COMMIT');
    },
  },
  'over the limit': {
    by: 'reader',
    times: 2,
    work: (client) => fails('53400', client.query('SELECT a.id FROM students a, students b LIMIT 2000')),
  },
  'COPY out': { by: 'writer', times: 2, work: (client) => copyOut(client, 'COPY students TO STDOUT') },
  'COPY in': {
    by: 'writer',
    times: 2,
    work: (client, n) => copyIn(client, 'COPY work FROM STDIN', `${n}\n`.repeat(2_000)),
  },
  'failed statement': { by: 'reader', times: 2, work: (client) => fails('22012', client.query('SELECT 1 / 0')) },
  'large value': {
    by: 'writer',
    times: 1,
    work: (client) => client.query('SELECT length($1::text)', ['x'.repeat(2_000_000)]),
  },
};

async function fails(code: string, query: Promise<unknown>): Promise<void> {
  const error = await query.then(
    () => undefined,
    (reason: { code?: string }) => reason,
  );
  if (error?.code !== code) throw error ?? new Error(`no ${code}`);
}

async function work(number: number, until: number, done: Map<string, number>): Promise<void> {
  const by = number % 2 === 0 ? 'reader' : 'writer';
  const choices = Object.entries(WORK).flatMap(([name, entry]) =>
    entry.by === by ? new Array<string>(entry.times).fill(name) : [],
  );
  for (let n = number * 1_000_003; Date.now() < until; ) {
    const client = new pg.Client({ connectionString: guard.url(by) });
    await client.connect();
    count(done, 'connection');
    for (let i = 0; i < 300 && Date.now() < until; i++, n++) {
      const name = choices[(n * 7_919) % choices.length]!;
      try {
        await WORK[name]!.work(client, n);
        count(done, name);
      } catch (error) {
        process.stderr.write(`${name}: ${String(error)}\n`);
        count(done, 'unexpected error');
      }
      if (i % 20 === 0) await sleep(20);
    }
    await client.end();
  }
}

/** The policy changes for good each time: what was judged under the old one is let go. */
async function reloadEachMinute(until: number, done: Map<string, number>): Promise<void> {
  const file = join(guard.folder, 'policies', 'roles', 'reader.yaml');
  const text = await readFile(file, 'utf8');
  for (let n = 0; Date.now() < until; n++) {
    await sleep(Math.min(60_000, until - Date.now(), SAMPLE_MS * 2));
    await writeFile(file, `${text}# ${n}\n`);
    process.kill(guard.pid, 'SIGHUP');
    count(done, 'reload');
  }
}

function count(done: Map<string, number>, what: string): void {
  done.set(what, (done.get(what) ?? 0) + 1);
}

/** Only a whole hour is worth a line in the documentation. */
async function showOnPage(text: string): Promise<void> {
  if (MINUTES < 60) return;
  const page = new URL('../chaos/worst-days.md', import.meta.url);
  const [before, , after] = (await readFile(page, 'utf8')).split(/<!-- soak(?: end)? -->\n/);
  await writeFile(page, `${before}<!-- soak -->\n${text}\n<!-- soak end -->\n${after ?? ''}`);
}
