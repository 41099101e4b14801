/** Tests `compile --verify`: every change at the server is reported, and running the printed SQL again repairs it. */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { realDatabase } from '../decisions/world.ts';
import type { FreshDatabase } from '../support/postgres.ts';
import { eachSince } from '../support/since.ts';
import { loginsFor, type WallsInTest, wallsOf } from './walls.ts';

const POLICIES = join(import.meta.dirname, '../decisions/policies');

let database: FreshDatabase;
let walls: WallsInTest;
let account: string;

beforeAll(async () => {
  database = await realDatabase();
  const logins = await loginsFor(database, ['teacher']);
  account = logins.teacher!.user;
  walls = await wallsOf(database, { policies: POLICIES, logins });
  await walls.apply({ role: 'teacher' });
});
afterAll(async () => {
  await walls.end();
  await database.drop();
});

async function differences(direct = false): Promise<string[]> {
  const { differences: found, problems } = await walls.compile({ role: 'teacher', verify: true, direct });
  expect(problems).toEqual([]);
  return found!.map(({ kind, what }) => `${kind}: ${what}`);
}

test('nothing differs right after, nor after running it once more', async () => {
  expect(await walls.compile({ role: 'teacher', verify: true })).toMatchObject({ exitCode: 0, differences: [] });
  const again = await walls.apply({ role: 'teacher' });
  expect(await walls.apply({ role: 'teacher' })).toBe(again);
  expect(await differences()).toEqual([]);
});

/** SQL with ACCOUNT for the account's name; what it shows; how it is undone where running the wall's SQL again does not do it. */
const CHANGES: readonly [name: string, sql: string, shows: readonly string[], undo?: string][] = [
  [
    'a column granted',
    'GRANT SELECT (ssn) ON students TO ACCOUNT',
    ['right-extra: SELECT on "public.students"."ssn", granted to the account'],
  ],
  [
    'a table granted',
    'GRANT SELECT ON salaries TO ACCOUNT',
    ['right-extra: SELECT on "public.salaries" as a whole, granted to the account'],
  ],
  [
    'a table granted to everyone',
    'GRANT SELECT ON salaries TO PUBLIC',
    ['right-extra: SELECT on "public.salaries" as a whole, granted to PUBLIC'],
    'REVOKE SELECT ON salaries FROM PUBLIC',
  ],
  [
    'a column granted to everyone',
    'GRANT UPDATE (amount) ON salaries TO PUBLIC',
    ['right-extra: UPDATE on "public.salaries"."amount", granted to PUBLIC'],
    'REVOKE UPDATE (amount) ON salaries FROM PUBLIC',
  ],
  [
    'TRUNCATE',
    'GRANT TRUNCATE ON rooms TO ACCOUNT',
    ['right-extra: TRUNCATE on "public.rooms" as a whole, granted to the account'],
  ],
  [
    'a sequence',
    'GRANT USAGE ON SEQUENCE tickets TO ACCOUNT',
    ['right-extra: USAGE on "public.tickets" as a whole, granted to the account'],
  ],
  [
    'a function',
    'GRANT EXECUTE ON FUNCTION all_ssns() TO ACCOUNT',
    ['right-extra: EXECUTE on "public.all_ssns", granted to the account'],
  ],
  [
    'a SECURITY DEFINER function that everyone may execute',
    'ALTER FUNCTION all_ssns() SECURITY DEFINER',
    ['right-extra: EXECUTE on SECURITY DEFINER function "public.all_ssns", granted to PUBLIC'],
    'ALTER FUNCTION all_ssns() SECURITY INVOKER',
  ],
  [
    'a system catalog',
    'GRANT SELECT ON pg_authid TO ACCOUNT',
    ['right-extra: something is granted on table pg_authid'],
    'REVOKE SELECT ON pg_authid FROM ACCOUNT',
  ],
  ['CREATE on a schema', 'GRANT CREATE ON SCHEMA public TO ACCOUNT', ['right-extra: CREATE on schema "public"']],
  [
    'what is granted later',
    'ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO ACCOUNT',
    ['right-extra: SELECT on tables that postgres will make'],
    'ALTER DEFAULT PRIVILEGES REVOKE SELECT ON TABLES FROM ACCOUNT',
  ],
  [
    'a right taken away',
    'REVOKE SELECT (mood) ON students FROM ACCOUNT',
    ['right-missing: SELECT on "public.students"."mood" is missing'],
  ],
  [
    'a schema taken away',
    'REVOKE USAGE ON SCHEMA archive FROM ACCOUNT',
    ['right-missing: USAGE on schema "archive" is missing'],
  ],
  [
    'a function taken away',
    'REVOKE EXECUTE ON FUNCTION school_year(date) FROM PUBLIC, ACCOUNT',
    ['right-missing: EXECUTE on "public.school_year" is missing'],
    'GRANT EXECUTE ON FUNCTION school_year(date) TO PUBLIC',
  ],
  ['BYPASSRLS', 'ALTER ROLE ACCOUNT BYPASSRLS', ['account: the role has bypassrls'], 'ALTER ROLE ACCOUNT NOBYPASSRLS'],
  [
    'CREATEROLE',
    'ALTER ROLE ACCOUNT CREATEROLE',
    ['account: the role has createrole'],
    'ALTER ROLE ACCOUNT NOCREATEROLE',
  ],
  ['no login', 'ALTER ROLE ACCOUNT NOLOGIN', ['account: the role may not log in'], 'ALTER ROLE ACCOUNT LOGIN'],
  [
    'a membership without its rights',
    'GRANT pg_monitor TO ACCOUNT WITH INHERIT FALSE',
    ['account: the role is a member of "pg_monitor"'],
    'REVOKE pg_monitor FROM ACCOUNT',
  ],
  [
    'a table owned',
    'CREATE TABLE owned (a int); ALTER TABLE owned OWNER TO ACCOUNT',
    ['account: the role owns table public.owned', 'right-extra: SELECT on "public.owned" as a whole, by ownership'],
    'DROP TABLE owned',
  ],
  [
    'row security off',
    'ALTER TABLE students DISABLE ROW LEVEL SECURITY',
    ['row-security: row security of "public.students" is switched off'],
  ],
  [
    'a policy gone',
    'DROP POLICY "rowgate SELECT ACCOUNT" ON grades',
    ['row-security: policy for SELECT on "public.grades" is missing'],
  ],
  [
    'a policy with another condition',
    'ALTER POLICY "rowgate SELECT ACCOUNT" ON students USING (school_id IN (12, 13))',
    ['row-security: policy for SELECT on "public.students" has another condition'],
  ],
  [
    'a policy for others',
    'ALTER POLICY "rowgate SELECT ACCOUNT" ON students TO PUBLIC',
    ['row-security: policy for SELECT on "public.students" holds for "PUBLIC"'],
    'DROP POLICY "rowgate SELECT ACCOUNT" ON students',
  ],
  [
    'a policy that adds rows',
    'DROP POLICY "rowgate SELECT ACCOUNT" ON classes; CREATE POLICY "rowgate SELECT ACCOUNT" ON classes FOR SELECT TO ACCOUNT USING (school_id = 12)',
    ['row-security: policy for SELECT on "public.classes" is permissive'],
  ],
  [
    "another's restrictive policy",
    'CREATE POLICY mine ON classes AS RESTRICTIVE USING (level > 5)',
    ['row-security: policy "mine" on "public.classes" is not the wall’s and hides rows from the account'],
    'DROP POLICY mine ON classes',
  ],
  [
    "another's permissive policy adds nothing",
    'CREATE POLICY mine ON classes USING (true)',
    [],
    'DROP POLICY mine ON classes',
  ],
  [
    'no rows let through',
    'DROP POLICY "rowgate everyone" ON classes',
    ['row-security: no policy lets anyone see rows of "public.classes"'],
    'ALTER TABLE classes DISABLE ROW LEVEL SECURITY',
  ],
  [
    'a setting',
    'ALTER ROLE ACCOUNT IN DATABASE DATABASE SET row_security = off',
    ['setting: row_security is "off", not "on"'],
  ],
  [
    'search_path',
    'ALTER ROLE ACCOUNT IN DATABASE DATABASE SET search_path = archive, public',
    ['setting: search_path is not ["public"]'],
  ],
  [
    'one setting more',
    'ALTER ROLE ACCOUNT IN DATABASE DATABASE SET work_mem = 4096',
    ['setting: work_mem is set, and the wall sets it not'],
  ],
];

describe('a change at the server', () => {
  const since = ([, sql]: (typeof CHANGES)[number]): number => (sql.includes('WITH INHERIT') ? 16 : 14);
  eachSince(since, CHANGES)('%s', async (_, sql, shows, undo) => {
    const run = (text: string) =>
      database.query(text.replaceAll('ACCOUNT', account).replaceAll('DATABASE DATABASE', `DATABASE ${database.name}`));
    await run(sql);
    const found = await differences();
    for (const line of shows) expect(found).toContain(line);
    if (!/owned/.test(sql)) expect(found).toHaveLength(shows.length);
    if (undo !== undefined) await run(undo);
    await walls.apply({ role: 'teacher' });
    expect(await differences()).toEqual([]);
  });

  test.each([
    ['superuser', 'ALTER ROLE ACCOUNT SUPERUSER', 'ALTER ROLE ACCOUNT NOSUPERUSER', /attributes that no wall holds/],
    [
      'a membership',
      'GRANT pg_read_all_data TO ACCOUNT',
      'REVOKE pg_read_all_data FROM ACCOUNT',
      /member of other roles/,
    ],
  ])('%s: shows, and no wall is put up for such an account', async (_, sql, undo, refused) => {
    const run = (text: string) => database.query(text.replaceAll('ACCOUNT', account));
    await run(sql);
    try {
      const found = await differences();
      expect(found.filter((line) => line.startsWith('account:'))).toHaveLength(1);
      expect(found).toContain('right-extra: SELECT on "public.salaries" as a whole, by membership or an attribute');
      await expect(walls.apply({ role: 'teacher' })).rejects.toThrow(refused);
    } finally {
      await run(undo);
    }
    expect(await differences()).toEqual([]);
  });
});

describe('a direct account', () => {
  const SCHEMA = 'rowgate_direct_teacher';

  afterAll(async () => {
    await database.query(`DROP OWNED BY ${SCHEMA}; DROP SCHEMA ${SCHEMA} CASCADE; DROP ROLE ${SCHEMA}`).catch(() => {});
  });

  test.each<[string, string, readonly string[]]>([
    ['as it is', 'SELECT 1', []],
    [
      'a view with another query',
      `CREATE OR REPLACE VIEW ${SCHEMA}.student_names WITH (security_barrier) AS SELECT * FROM public.student_names`,
      ['view: view "student_names" has another definition'],
    ],
    [
      'a view that is no barrier',
      `ALTER VIEW ${SCHEMA}.student_names RESET (security_barrier)`,
      ['view: view "student_names" is no security barrier'],
    ],
    [
      'a check with another body',
      `CREATE OR REPLACE FUNCTION ${SCHEMA}."SELECT public.grades"(integer) RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER AS 'SELECT true'`,
      ['view: function "SELECT public.grades" has another definition'],
    ],
    [
      'one view more',
      `CREATE VIEW ${SCHEMA}.more AS SELECT * FROM public.salaries`,
      ['view: "more" stands in the wall’s schema and is not part of it'],
    ],
  ])('%s', async (_, sql, shows) => {
    await walls.apply({ role: 'teacher', direct: true });
    await database.query(sql);
    expect(await differences(true)).toEqual(shows);
  });
});
