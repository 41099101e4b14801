/** Tests a foreign key to a data subject that appears while the guard runs: its table is withheld until the policy says about whom its rows are, and the role goes on. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually } from '../proxy/support.ts';
import { guardInFrontOf, type TestGuard } from '../support/guard.ts';
import { VERIFIER } from '../support/password.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';

const ROLE = `role: teacher
scope: { student: school_id = 1 }
tables:
  students: { select: { columns: [id, name] } }
  medical: { select: { columns: [id, note] } }
limits: none
`;

let database: FreshDatabase;
let guard: TestGuard;
let folder: string;

beforeAll(async () => {
  database = await freshDatabase();
  await database.query(`CREATE TABLE students (id int PRIMARY KEY, school_id int, name text);
    INSERT INTO students VALUES (1, 1, 'a'), (2, 2, 'b');
    CREATE TABLE medical (id int, student int, note text); INSERT INTO medical VALUES (1, 1, 'x'), (2, 2, 'y')`);
  folder = await mkdtemp(join(tmpdir(), 'rowgate-test-foreign-key-'));
  await mkdir(join(folder, 'roles'));
  await writeFile(join(folder, 'roles', 'teacher.yaml'), ROLE);
  await writeFile(join(folder, 'subjects.yaml'), 'subjects: { student: { keys: [students.id] } }\n');
  await writeFile(
    join(folder, 'principals.yaml'),
    `principals: { teacher: { role: teacher, password: "${VERIFIER}" } }\n`,
  );
  guard = await guardInFrontOf(database, { policies: folder });
});
afterAll(async () => {
  await guard?.stop();
  await database?.drop();
  await rm(folder, { recursive: true, force: true });
});

/** The rows of the table, or the refusal. */
const notes = (client: pg.Client): Promise<string> =>
  client.query<{ note: string }>('SELECT note FROM medical ORDER BY note').then(
    ({ rows }) => rows.map(({ note }) => note).join(' '),
    (error: Error) => error.message,
  );

test('no row of the table gets through', async () => {
  const client = await guard.connect('teacher');
  expect(await notes(client)).toBe('x y');
  await database.query('ALTER TABLE medical ADD FOREIGN KEY (student) REFERENCES students');
  await eventually(
    async () => (await notes(client)) === 'permission denied for table medical',
    'the table is withheld',
  );
  expect((await client.query('SELECT id FROM students')).rows).toEqual([{ id: 1 }]);
  await writeFile(join(folder, 'subjects.yaml'), 'subjects: { student: { keys: [students.id, medical.student] } }\n');
  await guard.reload();
  expect(await notes(client)).toBe('x');
});
