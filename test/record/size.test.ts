/** How much the log takes: what a statement is stands once a file, so that millions a day fit. */
import { readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { guardInFrontOf, type TestGuard } from '../support/guard.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { seedSmall } from '../support/seed.ts';

let database: FreshDatabase;
let guard: TestGuard;
beforeAll(async () => {
  database = await freshDatabase();
  await seedSmall(database.url);
  guard = await guardInFrontOf(database);
});
afterAll(async () => {
  await guard?.stop();
  await database?.drop();
});

const RUNS = 500;
const file = () => join(dirname(guard.configFile), 'decisions.jsonl');
const SELECT = { name: 's', text: 'SELECT id, first_name, last_name, class_id FROM students WHERE id = $1' };

/** Bytes that a statement takes, without what the first one of all takes. */
async function perStatement(run: () => Promise<void>, statements: number): Promise<number> {
  await run();
  const before = statSync(file()).size;
  for (let i = 0; i < RUNS; i++) await run();
  return Math.round((statSync(file()).size - before) / RUNS / statements);
}

/** Five numbers of records that stand in them have four digits here, and nine in a log of a hundred days. */
const DIGITS = 5 * 5;

test('a prepared statement by itself, again and again: five million of its decisions and outcomes in less than 2 GB', async () => {
  const client = await guard.connect('teacher');
  const bytes = await perStatement(async () => void (await client.query({ ...SELECT, values: [1001] })), 1);
  expect((bytes + DIGITS) * 5_000_000).toBeLessThan(2e9);
});

test('as an ORM sends it, in a transaction: less than 300 bytes a statement', async () => {
  const client = await guard.connect('teacher');
  const bytes = await perStatement(async () => {
    await client.query('BEGIN');
    await client.query({ ...SELECT, values: [1001] });
    await client.query('COMMIT');
  }, 3);
  expect(bytes + DIGITS).toBeLessThan(300);
  expect(readFileSync(file(), 'utf8').match(/"statement":"SELECT id, first_name/g)).toHaveLength(1);
});
