/** Tests the size of the log: each line is whole, and closed files are compressed, so that millions of records a day fit. */
import { readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
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

/** Bytes that a statement takes, and as many of a closed file, which is compressed. */
async function perStatement(run: () => Promise<void>, statements: number): Promise<{ plain: number; packed: number }> {
  await run();
  const before = statSync(file()).size;
  for (let i = 0; i < RUNS; i++) await run();
  const written = readFileSync(file()).subarray(before);
  const each = (bytes: number) => Math.round(bytes / RUNS / statements);
  return { plain: each(written.length), packed: each(gzipSync(written).length) };
}

/** Numbers of records have four digits here, and nine in a log of a hundred days. */
const DIGITS = 2 * 5;

test('a prepared statement by itself, again and again: five million of its decisions and outcomes in 1 GB, compressed', async () => {
  const client = await guard.connect('teacher');
  const { plain, packed } = await perStatement(async () => void (await client.query({ ...SELECT, values: [1001] })), 1);
  expect((packed + DIGITS) * 5_000_000).toBeLessThan(1e9);
  expect((plain + DIGITS) * 5_000_000).toBeLessThan(6e9);
});

test('as an ORM sends it, in a transaction: less than 100 bytes a statement, compressed', async () => {
  const client = await guard.connect('teacher');
  const { plain, packed } = await perStatement(async () => {
    await client.query('BEGIN');
    await client.query({ ...SELECT, values: [1001] });
    await client.query('COMMIT');
  }, 3);
  expect(packed + DIGITS).toBeLessThan(100);
  expect(plain + DIGITS).toBeLessThan(800);
});
