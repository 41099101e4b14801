/** Tests a whole guard with a role that logs in upstream by the account of its wall; and the SQL for the sample policies, kept in `printed/`. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { guardInFrontOf, type TestGuard } from '../support/guard.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { seedSmall } from '../support/seed.ts';
import { loginsFor, type WallsInTest, wallsOf } from './walls.ts';

const SAMPLES = join(import.meta.dirname, '../../policies');

let database: FreshDatabase;
let walls: WallsInTest;
let guard: TestGuard;
let logins: Awaited<ReturnType<typeof loginsFor>>;

beforeAll(async () => {
  database = await freshDatabase();
  await seedSmall(database.url);
  logins = await loginsFor(database, ['teacher', 'canteen_vendor']);
  walls = await wallsOf(database, { policies: SAMPLES, logins });
  await walls.apply({ role: 'teacher' });
  await walls.apply({ role: 'canteen_vendor' });
  const accounts = Object.entries(logins).map(([role, { user, password }]) => [role, { user, password }]);
  guard = await guardInFrontOf(database, {
    upstream: (url) => JSON.stringify({ url, logins: Object.fromEntries(accounts) }),
  });
});
afterAll(async () => {
  await guard.stop();
  await walls.end();
  await database.drop();
});

test.each([
  [
    'teacher',
    'SELECT id::int, first_name, birth_date::text FROM students ORDER BY id',
    'SELECT id::int, first_name, date_trunc($$year$$, birth_date::timestamp)::date::text AS birth_date FROM students WHERE school_id = 1 ORDER BY id',
  ],
  [
    'teacher',
    'SELECT count(*)::int AS n FROM absences JOIN students s ON s.id = student_id',
    'SELECT count(*)::int AS n FROM absences a JOIN students s ON s.id = a.student_id WHERE s.school_id = 1 AND day >= $$2026-09-01$$',
  ],
  ['teacher', 'SELECT count(*)::int AS n FROM schools', 'SELECT count(*)::int AS n FROM schools'],
  [
    'canteen',
    'SELECT id::int FROM students ORDER BY id',
    'SELECT id::int FROM students WHERE school_id = 1 AND canteen ORDER BY id',
  ],
] as const)('%s: %s, through both walls', async (principal, sql, expected) => {
  const client = await guard.connect(principal);
  const { rows } = await client.query(sql);
  expect(rows.length).toBeGreaterThan(0);
  expect(rows).toEqual(await database.query(expected));
});

test('the upstream login by itself gets no further than its wall', async () => {
  const client = new pg.Client({ connectionString: logins.canteen_vendor!.url });
  await client.connect();
  try {
    await expect(client.query('SELECT address FROM students')).rejects.toMatchObject({ code: '42501' });
    await expect(client.query('SELECT * FROM parents')).rejects.toMatchObject({ code: '42501' });
    const { rows } = await client.query('SELECT id::int FROM students ORDER BY id');
    expect(rows).toEqual(
      await database.query('SELECT id::int FROM students WHERE school_id = 1 AND canteen ORDER BY id'),
    );
  } finally {
    await client.end();
  }
});

test.each(['guard', 'direct'] as const)('the SQL printed for the samples: %s', async (kind) => {
  const plain = await wallsOf(database, { policies: SAMPLES });
  const { sql, problems } = await plain.compile({ direct: kind === 'direct' });
  await plain.end();
  expect(problems).toEqual([]);
  const text = sql!.replaceAll(database.name, 'ent').replaceAll(/sha256:[0-9a-f]+/g, 'sha256:…');
  const file = join(import.meta.dirname, 'printed', `${kind}.sql`);
  if (process.env.ROWGATE_UPDATE === '1') {
    mkdirSync(join(import.meta.dirname, 'printed'), { recursive: true });
    writeFileSync(file, text);
  }
  // Row security may be on from the walls of this file; which tables it opens is the same.
  expect(text).toBe(readFileSync(file, 'utf8'));
});
