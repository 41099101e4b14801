/**
 * What of a statement shows outside it does not depend on rows that are withheld: which rows it has locked, as a second session sees it; which of its
 * writes came first; whether a name that is not there was looked up. Two databases differ in such rows alone.
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { guardInFrontOf, type TestGuard } from '../support/guard.ts';
import { VERIFIER } from '../support/password.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { testSince } from '../support/since.ts';

/** Pupils with a flag are filtered by the row itself, absences by a subquery. */
const SCHEMA = `
  CREATE TABLE students (id integer PRIMARY KEY, school_id integer, flag boolean);
  CREATE TABLE absences (id integer PRIMARY KEY, student_id integer, minutes integer, flag boolean);
  CREATE TABLE tasks (id integer PRIMARY KEY, title text);
  CREATE VIEW first_tasks AS SELECT id, title FROM tasks WHERE id < 5 OFFSET 0;
  INSERT INTO students SELECT i, 1, false FROM generate_series(1, 20) i;
  INSERT INTO absences SELECT i, i, 3, false FROM generate_series(1, 20) i;
  INSERT INTO tasks SELECT i, 'task' FROM generate_series(1, 50) i;`;
const hidden = (minutes: number, flag: boolean): string => `
  INSERT INTO students SELECT i, 2, ${flag} FROM generate_series(1001, 1020) i;
  INSERT INTO absences VALUES (1001, 1001, ${minutes}, ${flag});
  ANALYZE`;

const ROLE = `role: teacher
attributes: { school_id: integer }
tables:
  students: { rows: school_id = :school_id, select: { columns: "*" }, update: { columns: [flag] } }
  absences:
    rows: EXISTS (SELECT 1 FROM students s WHERE s.id = absences.student_id AND s.school_id = :school_id)
    select: { columns: "*" }
    update: { columns: [minutes] }
    delete: {}
  tasks: { select: { columns: "*" }, update: { columns: "*" } }
  first_tasks: { select: { columns: "*" }, update: { columns: "*" } }
limits: none
`;

interface World {
  readonly database: FreshDatabase;
  readonly guard: TestGuard;
}
let folder: string;
const worlds: World[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rowgate-effects-'));
  await mkdir(join(folder, 'roles'));
  await writeFile(join(folder, 'roles/teacher.yaml'), ROLE);
  const principal = `{ role: teacher, password: "${VERIFIER}", attributes: { school_id: 1 } }`;
  await writeFile(join(folder, 'principals.yaml'), `principals: { teacher: ${principal} }\n`);
  for (const rows of [hidden(7, false), hidden(33, true)]) {
    const database = await freshDatabase();
    for (const sql of [SCHEMA, rows]) await database.query(sql);
    worlds.push({ database, guard: await guardInFrontOf(database, { policies: folder }) });
  }
});
afterAll(async () => {
  for (const { database, guard } of worlds) {
    await guard.stop();
    await database.drop();
  }
  await rm(folder, { recursive: true, force: true });
});

/** The answer, the tasks that it leaves locked, and the title of the first one, which each write sets to another word. */
async function whatShows({ guard }: World, sql: string, values: readonly string[]) {
  const [one, other] = [await guard.connect('teacher'), await guard.connect('teacher')];
  await one.query('BEGIN');
  const answer = await one.query(sql, [...values]).then(
    ({ rows }) => rows,
    (error: Error) => error.message,
  );
  const { rows: free } = await other.query('SELECT id FROM tasks ORDER BY id FOR UPDATE SKIP LOCKED');
  const title = await one.query('SELECT title FROM tasks WHERE id = 1').then(
    ({ rows }) => rows,
    () => 'failed',
  );
  await one.query('ROLLBACK');
  for (const client of [one, other]) await client.end();
  return { answer, locked: 50 - free.length, title };
}

async function isTheSame(sql: string, values: readonly string[] = []): Promise<void> {
  const [few, many] = [await whatShows(worlds[0]!, sql, values), await whatShows(worlds[1]!, sql, values)];
  expect(many).toEqual(few);
}

describe('rows that a query of WITH locks as it is read', () => {
  const L = 'WITH l AS MATERIALIZED (SELECT id FROM tasks ORDER BY id FOR UPDATE)';
  const FLAGGED = 'CASE WHEN flag THEN EXISTS (SELECT FROM l) ELSE true END';

  test.each([
    ['for a row that its own filter withholds', `${L} SELECT id FROM students WHERE ${FLAGGED}`],
    ['for a row that a subquery withholds', `${L} SELECT id FROM absences WHERE ${FLAGGED}`],
    [
      'as far as a value says',
      `${L} SELECT id FROM absences a WHERE EXISTS (SELECT FROM l WHERE l.id = a.minutes) OR a.flag IS NULL`,
    ],
    [
      'in a join',
      `${L} SELECT a.id FROM absences a JOIN students s ON s.id = a.student_id AND CASE WHEN a.flag THEN EXISTS (SELECT FROM l) ELSE true END WHERE a.id = 1001`,
    ],
    ['by IN', `${L} SELECT id FROM absences a WHERE a.minutes IN (SELECT id FROM l) OR a.flag IS NULL`],
    [
      'in LATERAL',
      `${L} SELECT a.id FROM absences a CROSS JOIN LATERAL (SELECT l.id FROM l WHERE l.id = a.minutes LIMIT 1) x`,
    ],
    ['for an UPDATE', `${L} UPDATE students SET flag = false WHERE id > 1000 AND ${FLAGGED}`],
    ['for a DELETE', `${L} DELETE FROM absences a USING l WHERE a.id = 1001 AND l.id = a.minutes`],
    [
      'in FROM beside a view',
      'SELECT a.id FROM absences a, first_tasks t WHERE a.id = 1001 AND a.minutes = 33 FOR UPDATE OF t',
    ],
  ])('%s', (_, sql) => isTheSame(sql));

  // Before, there is no BY SOURCE.
  testSince(17)('for a MERGE that does nothing', () =>
    isTheSame(`${L} MERGE INTO absences a USING (SELECT -5 AS one) o ON a.id = o.one
      WHEN NOT MATCHED BY SOURCE AND a.id > 1000 AND EXISTS (SELECT FROM l WHERE l.id = a.minutes) THEN DO NOTHING
      WHEN NOT MATCHED BY SOURCE AND a.id < -5 THEN DELETE`),
  );

  test('and are locked for a row that is there', async () => {
    const sql = `${L} SELECT id FROM absences a WHERE a.id = 3 AND (EXISTS (SELECT FROM l WHERE l.id = a.minutes) OR a.flag IS NULL)`;
    for (const world of worlds)
      expect(await whatShows(world, sql, [])).toMatchObject({ answer: [{ id: 3 }], locked: 50 });
  });
});

describe('the order of writes', () => {
  const W = `WITH w1 AS (UPDATE tasks SET title = 'a' WHERE id = 1 RETURNING 1), w2 AS (UPDATE tasks SET title = 'b' WHERE id = 1 RETURNING 1)`;

  test.each([
    [
      'for a row that its own filter withholds',
      `${W} SELECT id FROM students WHERE CASE WHEN flag THEN EXISTS (SELECT FROM w1) ELSE true END`,
    ],
    [
      'for a row that a subquery withholds',
      `${W} SELECT id FROM absences WHERE minutes = 7 AND EXISTS (SELECT FROM w1) OR minutes <> 7 AND EXISTS (SELECT FROM w2)`,
    ],
    ['in a join', `${W} SELECT a.id FROM absences a, w1 WHERE a.id = 1001 AND a.minutes = 33`],
    [
      'beside what can fail',
      `WITH w1 AS (UPDATE tasks SET id = 2 WHERE id = 1 RETURNING 1) SELECT 1 / (id - 20) FROM students WHERE CASE WHEN flag THEN EXISTS (SELECT FROM w1) ELSE true END`,
    ],
  ])('%s', (_, sql) => isTheSame(sql));
});

describe('a name that is not there', () => {
  const flagged = (expression: string): string =>
    `SELECT id FROM students WHERE CASE WHEN flag THEN ${expression} IS NULL ELSE true END`;

  test.each([
    ['a constant', flagged("'nowhere'::regclass"), []],
    ['a call', flagged("regclass('nowhere')"), []],
    ['a parameter', flagged('$1::regclass'), ['nowhere']],
    ['by its place', flagged("coalesce('students'::regclass, 'nowhere')"), []],
    ['of too many parts', flagged("'a.b.c.d'::regproc"), []],
  ])('%s', (_, sql, values) => isTheSame(sql, values));

  test('fails for a row that is there', async () => {
    for (const world of worlds)
      expect(
        await whatShows(world, "SELECT id FROM students WHERE id = 'nowhere'::regclass::oid::int", []),
      ).toMatchObject({
        answer: 'undefined table',
      });
  });
});
