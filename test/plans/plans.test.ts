/** Compares the rows that the server reads for a guarded statement with those for the same statement unguarded and under PostgreSQL's own row security. */
import { readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Guard } from '../../src/guard/guard.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import type { Reading } from './rows-read.ts';
import { STATEMENTS } from './statements.ts';
import { namesIn, rowText, withRows } from './table.ts';
import { fillSchool, measure, teacherGuard } from './world.ts';

const PAGE = resolve(import.meta.dirname, 'rows-read.md');

let database: FreshDatabase;
let client: pg.Client;
let guard: Guard;
let native: string;
beforeAll(async () => {
  database = await freshDatabase();
  native = (await database.createLogin()).user;
  client = await database.connect();
  await fillSchool(client, native);
  guard = await teacherGuard(client);
}, 180_000);
afterAll(() => database?.drop());

const rows: string[] = [];
const all = ({ rows, dropped }: Reading): number => rows + dropped;

test.each(STATEMENTS)('$name', async (statement) => {
  const read = await measure(client, guard, native, statement);
  rows.push(rowText(statement.name, read));
  expect(read.guarded.rows).toBeLessThanOrEqual(3 * read.unguarded.rows + 200);
  // Entries that are read and dropped are cheaper than rows; no more of them than the same bound, or twice row security, allows.
  expect(all(read.guarded)).toBeLessThanOrEqual(Math.max(3 * all(read.unguarded) + 200, 2 * all(read.native)));
});

test('there are at least 60 statements, each with a name of its own', () => {
  expect(STATEMENTS.length).toBeGreaterThanOrEqual(60);
  expect(new Set(STATEMENTS.map(({ name }) => name)).size).toBe(STATEMENTS.length);
});

test('rows-read.md lists these statements', () => {
  if (process.env.ROWGATE_UPDATE === '1' && rows.length === STATEMENTS.length)
    writeFileSync(PAGE, withRows(readFileSync(PAGE, 'utf8'), rows));
  expect(namesIn(readFileSync(PAGE, 'utf8'))).toEqual(STATEMENTS.map(({ name }) => name));
});
