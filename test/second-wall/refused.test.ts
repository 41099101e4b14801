/** Tests a user of the wall's account who connects to the server directly: what the policy withholds is refused there, except what the wall says that it does not hold. */
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { realDatabase } from '../decisions/world.ts';
import type { FreshDatabase } from '../support/postgres.ts';
import { loginsFor, type WallsInTest, wallsOf } from './walls.ts';

const POLICIES = join(import.meta.dirname, '../decisions/policies');
const DIRECT = 'rowgate_direct_teacher';

let database: FreshDatabase;
let walls: WallsInTest;
let guard: pg.Client;
let direct: pg.Client;
let printed: string;

beforeAll(async () => {
  database = await realDatabase();
  const logins = await loginsFor(database, ['teacher']);
  walls = await wallsOf(database, { policies: POLICIES, logins });
  printed = await walls.apply({ role: 'teacher' });
  await walls.apply({ role: 'teacher', direct: true });
  await database.query(`ALTER ROLE ${DIRECT} PASSWORD 'direct'`);
  guard = new pg.Client({ connectionString: logins.teacher!.url });
  direct = new pg.Client({ connectionString: database.urlFor(DIRECT, 'direct') });
  for (const client of [guard, direct]) await client.connect();
});
afterAll(async () => {
  for (const client of [guard, direct]) await client.end();
  await database.query(`DROP OWNED BY ${DIRECT}; DROP SCHEMA IF EXISTS ${DIRECT} CASCADE; DROP ROLE ${DIRECT}`);
  await walls.end();
  await database.drop();
});

const outcome = async (client: pg.Client, sql: string): Promise<string> => {
  try {
    const { rows } = await client.query<Record<string, unknown>>(sql);
    return JSON.stringify(rows);
  } catch (error) {
    return error instanceof pg.DatabaseError ? String(error.code) : String(error);
  }
};

/** Refused for both accounts. */
const REFUSED = [
  'SELECT ssn FROM public.students',
  'SELECT * FROM public.students',
  'SELECT s FROM public.students AS s',
  'SELECT id FROM public.students WHERE ssn IS NOT NULL',
  'SELECT id FROM public.students ORDER BY ssn',
  'TABLE public.salaries',
  'SELECT count(*) FROM public.salaries',
  'SELECT public.secret_of(s) FROM public.students AS s',
  'SELECT public.all_ssns()',
  'SELECT hidden FROM public."Élèves notés"',
  'SELECT * FROM public.events_2026',
  'SELECT id FROM public.students FOR UPDATE',
  'UPDATE public.students SET first_name = first_name',
  'DELETE FROM public.rooms',
  'INSERT INTO public.rooms (id, number) VALUES (99, $$x$$)',
  'TRUNCATE public.rooms',
  'COPY public.students TO STDOUT',
  'COPY (SELECT ssn FROM public.students) TO STDOUT',
  'EXPLAIN ANALYZE SELECT ssn FROM public.students',
  'CREATE TABLE public.mine (a int)',
  'CREATE FUNCTION public.f() RETURNS int LANGUAGE sql AS $$SELECT 1$$',
  'ALTER TABLE public.students DISABLE ROW LEVEL SECURITY',
  'DROP POLICY "rowgate everyone" ON public.students',
  'SELECT * FROM pg_catalog.pg_authid',
  "SELECT pg_read_file('PG_VERSION')",
  'DO $$ BEGIN PERFORM ssn FROM public.students; END $$',
  "SELECT query_to_xml('SELECT ssn FROM public.students', true, true, '')",
  'SET ROLE postgres',
  'SET SESSION AUTHORIZATION postgres',
  'SET row_security = off; SELECT id FROM public.students',
];

describe.each([
  ['the guard’s account', () => guard],
  ['a direct account', () => direct],
] as const)('%s', (_, client) => {
  test.each(REFUSED)('%s', async (sql) => {
    expect(await outcome(client(), sql)).toBe('42501');
    await client().query('RESET ALL');
  });

  test.each([
    ['SELECT id FROM public.students WHERE school_id <> 12', '[]'],
    ['SELECT count(*)::int FROM public.students', '[{"count":6}]'],
    ['SELECT id::int FROM public.absences ORDER BY id', '[{"id":100},{"id":101},{"id":102},{"id":103}]'],
    ['SELECT student_id FROM public.grades WHERE student_id > 6', '[]'],
    ['SELECT DISTINCT school_id FROM public.classes', '[{"school_id":12}]'],
    ['SELECT id FROM public.events ORDER BY id', '[{"id":1},{"id":2}]'],
    ["SELECT histogram_bounds, most_common_vals FROM pg_catalog.pg_stats WHERE tablename = 'students'", '[]'],
    // A leaky function does not run on hidden rows: the filters are the server's own.
    ['SELECT id FROM public.students WHERE 1 / (school_id - 13) IS NULL', '[]'],
  ])('rows of others are not there: %s', async (sql, rows) => {
    await database.query('ANALYZE public.students');
    expect(await outcome(client(), sql)).toBe(rows);
  });
});

test('the wall of the guard says which columns it cannot hold, and holds none more', async () => {
  expect(printed).toContain('--   "public.students"."ine", read by the mask of public.students.ine');
  expect(printed).toContain('--   "public.students"."birth_date", read by the mask of public.students.birth_date');
  expect(await outcome(guard, 'SELECT ine FROM public.students WHERE id = 1')).toBe('[{"ine":"0123456789A"}]');
});

describe('to a direct account', () => {
  test.each([
    'SELECT ine FROM public.students',
    'SELECT birth_date FROM public.students',
    // A view has no row security: what of it is not filtered is not there.
    'SELECT id FROM public.student_names',
  ])('%s is refused', async (sql) => {
    expect(await outcome(direct, sql)).toBe('42501');
  });

  test('a mask keeps its column’s name, by the view that a name without a schema finds', async () => {
    expect(await outcome(direct, 'SELECT id, ine, birth_date::text FROM students WHERE id = 1')).toBe(
      '[{"id":1,"ine":"01***","birth_date":"2013-01-01"}]',
    );
    expect(await outcome(direct, 'SELECT count(*)::int FROM students')).toBe('[{"count":6}]');
    expect(await outcome(direct, 'SELECT id FROM student_names WHERE school_id <> 12')).toBe('[]');
    expect(await outcome(direct, 'SELECT ssn FROM students')).toBe('42703');
  });

  test('values that a view masks or hides do not reach a leaky condition', async () => {
    const sql =
      "CREATE FUNCTION pg_temp.leak(text) RETURNS boolean LANGUAGE plpgsql COST 0.0001 AS $$ BEGIN RAISE EXCEPTION 'saw %', $1; END $$";
    await direct.query(sql);
    await expect(
      direct.query('SELECT * FROM students WHERE id > 6 AND pg_temp.leak(last_name)'),
    ).resolves.toMatchObject({ rows: [] });
  });
});
