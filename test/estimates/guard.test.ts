/** Tests `estimated_rows` through a whole guard, with real clients and both protocols: a statement that would read too much never starts. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { formatVerifier, makeVerifier } from '../../src/protocol/scram-verifier.ts';
import { guardInFrontOf, type TestGuard } from '../support/guard.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { seedSmall } from '../support/seed.ts';

let database: FreshDatabase;
let folder: string;
let guard: TestGuard;
let client: pg.Client;

beforeAll(async () => {
  database = await freshDatabase();
  await seedSmall(database.url);
  folder = await mkdtemp(join(tmpdir(), 'rowgate-test-estimates-'));
  const verifier = formatVerifier(await makeVerifier('demo-reader', Buffer.from('0123456789abcdef')));
  const files = {
    'subjects.yaml': 'subjects: { student: { keys: [students.id, absences.student_id] } }\n',
    'reader.yaml': `role: reader
scope: { student: all }
tables:
  students: { select: { columns: [id, last_name, school_id] } }
  absences: { select: { columns: [id, student_id, day] } }
statements: [copy_to]
limits:
  estimated_rows: 100
  rows: 150 per hour
`,
    'principals.yaml': `principals: { reader: { role: reader, password: "${verifier}" } }\n`,
  };
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
  guard = await guardInFrontOf(database, { policies: folder });
  client = await guard.connect('reader');
});

afterAll(async () => {
  await guard?.stop();
  await database?.drop();
  await rm(folder, { recursive: true, force: true });
});

const refused = {
  code: '53400',
  message: expect.stringMatching(/^the planner expects (?:to read )?\d+ rows, and \d+ /),
};

test.for([
  'SELECT id FROM students',
  'SELECT count(*) FROM students',
  'SELECT count(*) FROM students s JOIN absences a ON a.student_id = s.id',
  'COPY (SELECT id FROM students) TO STDOUT',
  'BEGIN; DECLARE c CURSOR FOR SELECT id FROM students',
  ';SELECT id FROM students;',
  'SELECT 1; SELECT id FROM students',
])('%s', async (sql) => {
  await expect(client.query(sql)).rejects.toMatchObject(refused);
  await client.query('ROLLBACK');
});

test('the numbers and the line of the policy are in the log', async () => {
  const error = await client.query('SELECT school_id FROM students').then(String, String);
  // Ten pupils came behind ANALYZE; the server may have looked again by itself.
  const [, expected] = /the planner expects (240|250) rows, and 100 may be read/.exec(error) ?? [];
  expect(expected, error).toBeDefined();
  const decision = (await guard.records()).findLast(({ kind }) => kind === 'decision');
  expect(decision).toMatchObject({
    effect: 'refuse',
    reason: 'estimated-rows',
    rule: 'reader.yaml:8',
    limit: { name: 'estimated_rows', used: Number(expected), of: 100 },
  });
});

test('by values, in the extended protocol', async () => {
  const text = 'SELECT id FROM students WHERE id < $1';
  expect((await client.query(text, [5])).rows).toHaveLength(4);
  await expect(client.query(text, [1000])).rejects.toMatchObject(refused);
  const named = { name: 'by_id', text: 'SELECT last_name FROM students WHERE id BETWEEN $1 AND $2' };
  expect((await client.query({ ...named, values: [1, 3] })).rows).toHaveLength(3);
  await expect(client.query({ ...named, values: [1, 1000] })).rejects.toMatchObject(refused);
});

test('a cursor and an EXECUTE with few rows', async () => {
  await client.query('BEGIN');
  await client.query('DECLARE few CURSOR FOR SELECT id FROM students WHERE id < 6');
  expect((await client.query('FETCH ALL FROM few')).rows).toHaveLength(5);
  await client.query('COMMIT');
  await client.query('PREPARE few AS SELECT id FROM students WHERE id < $1');
  expect((await client.query('EXECUTE few(4)')).rows).toHaveLength(3);
  await expect(client.query('EXECUTE few(1000)')).rejects.toMatchObject(refused);
});

test('an EXECUTE beside its PREPARE cannot be planned, and does not run', async () => {
  await expect(client.query('PREPARE p AS SELECT id FROM students WHERE id > $1; EXECUTE p(0)')).rejects.toMatchObject({
    code: '53400',
    hint: 'Send it in a message of its own, behind what it needs.',
  });
});

test('a statement that the server refuses anyway gets the server’s error', async () => {
  await expect(client.query("SELECT id FROM students WHERE id < 'x'")).rejects.toMatchObject({
    code: '22P02',
    message: 'invalid text representation',
    position: '36',
  });
});

test('more than the hour leaves does not begin', async () => {
  const left = async (): Promise<number> => {
    for (let most = 90; most > 0; most -= 10) {
      const sent = client.query(`SELECT id FROM students WHERE id <= ${most}`);
      const failed = await sent.then(() => undefined).catch((error: pg.DatabaseError) => error.message);
      if (failed === undefined) continue;
      expect(failed).toMatch(/^the planner expects \d+ rows, and \d+ are left$/);
      return most;
    }
    return 0;
  };
  expect(await left()).toBeGreaterThan(0);
  expect((await client.query('SELECT id FROM students WHERE id = 1')).rows).toHaveLength(1);
});

test('forty connections that ask at once', async () => {
  const clients = await Promise.all(Array.from({ length: 40 }, () => guard.connect('reader')));
  const results = await Promise.allSettled(
    clients.map((one, i) => one.query(`SELECT count(*) FROM absences WHERE id > ${i % 4}`)),
  );
  expect(results.map((one) => one.status === 'rejected' && one.reason.code)).toEqual(
    Array.from({ length: 40 }, () => '53400'),
  );
});
