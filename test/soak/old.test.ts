/** Tests how V8 keeps the objects of a guard at work: statements leave nearly nothing in the old generation, however many sessions wait. */
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually } from '../proxy/support.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { seedSmall } from '../support/seed.ts';
import { type Served, serve } from '../workers/served.ts';

const WAITING = 150;
const CLIENTS = 8;
/** Statements of each client: enough that one-time work does not count, and that half a kilobyte each has the whole heap collected. */
const STATEMENTS = 4_000;
const TRIES = 3;

let database: FreshDatabase;
let guard: Served;
let clients: pg.Client[];

beforeAll(async () => {
  database = await freshDatabase();
  await seedSmall(database.url);
  const reading = pathToFileURL(resolve(import.meta.dirname, 'old-space.js'));
  const limits = `limits: { connections: ${2 * WAITING}, connections_per_address: ${2 * WAITING}, logins_per_address: ${2 * WAITING} }`;
  const environment = { NODE_OPTIONS: `--import ${reading.href}` };
  guard = await serve(database, limits, environment, resolve(import.meta.dirname, '../chaos/policies'));
  for (let i = 0; i < WAITING; i++) await prepared(await guard.connect('reader'), i);
  clients = await Promise.all(Array.from({ length: CLIENTS }, () => guard.connect('reader')));
  // These have worked, and wait while others work: what they are made of grows old.
  await work(prepared, 10);
  const others = await Promise.all(Array.from({ length: CLIENTS }, () => guard.connect('reader')));
  await work(prepared, STATEMENTS / 4, others);
  await work(simple, STATEMENTS / 4, others);
  await work(extended, STATEMENTS / 4, others);
});

afterAll(async () => {
  await guard?.stop();
  await database?.drop();
});

test.each([
  ['prepared', prepared],
  ['simple, each text another one', simple],
  ['extended, some texts in turn', extended],
])('%s', async (_, statement) => {
  await work(statement, STATEMENTS / 4);
  const kept: number[] = [];
  // The whole heap may be collected once for another reason; where statements leave much behind, it is so each time.
  do kept.push(await keptOfEach(statement));
  while (Number.isNaN(kept.at(-1)) && kept.length < TRIES);
  expect(kept.at(-1), `bytes, or NaN where the whole heap was collected: ${kept}`).toBeLessThan(60);
});

/** Bytes among what is old that a statement leaves; NaN where the whole heap was collected meanwhile. */
async function keptOfEach(statement: Statement): Promise<number> {
  const before = await old();
  await work(statement, STATEMENTS);
  const after = await old();
  return after.whole === before.whole ? (after.bytes - before.bytes) / (CLIENTS * STATEMENTS) : Number.NaN;
}

// Where a library has a class that extends String, unless the guard mends it.
test('the methods of texts are where V8 finds them at once', async () => {
  expect((await old()).texts).toBe('fast');
});

type Statement = (client: pg.Client, n: number) => Promise<unknown>;

function prepared(client: pg.Client, n: number) {
  return client.query({ name: 'one', text: 'SELECT id FROM students WHERE id = $1', values: [1 + (n % 240)] });
}

function simple(client: pg.Client, n: number) {
  return client.query(`SELECT id, first_name FROM students WHERE id = ${n}`);
}

function extended(client: pg.Client, n: number) {
  return client.query(`SELECT id${', id'.repeat(n % 3)} FROM students WHERE id = $1`, [1 + (n % 240)]);
}

let texts = 0;

async function work(statement: Statement, times: number, by = clients): Promise<void> {
  await Promise.all(
    by.map(async (client) => {
      for (let i = 0; i < times; i++) await statement(client, texts++);
    }),
  );
}

async function old(): Promise<{ bytes: number; whole: number; texts: string }> {
  const said = guard.output.stderr.length;
  guard.child.kill('SIGUSR2');
  const found = () => /old (\d+) after (\d+) of the whole, texts (\w+)/.exec(guard.output.stderr.slice(said));
  await eventually(() => found() !== null, 'the guard says what is old');
  const [, bytes, whole, texts = ''] = found()!;
  return { bytes: Number(bytes), whole: Number(whole), texts };
}
