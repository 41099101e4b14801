/** Tests row filters of the wall: of several principals, of filters that read their own table, of tables that others' filters read, and beside accounts outside of the wall. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { type FreshDatabase, freshDatabase, uniqueName } from '../support/postgres.ts';
import { type WallsInTest, wallsOf } from './walls.ts';

let database: FreshDatabase;
let folder: string;
let walls: WallsInTest;
let account: string;

beforeAll(async () => {
  database = await freshDatabase();
  await database.query(`
    CREATE TABLE pupils (id int PRIMARY KEY, school int, mentor int, name text);
    CREATE TABLE marks (pupil int, mark int);
    INSERT INTO pupils VALUES (1, 1, NULL, 'a'), (2, 1, 1, 'b'), (3, 2, 1, 'c'), (4, 3, 3, 'd');
    INSERT INTO marks SELECT id, id FROM pupils`);
});
afterAll(() => database.drop());

beforeEach(async () => {
  account = uniqueName('account');
  folder = await mkdtemp(join(tmpdir(), 'rowgate-rows-'));
  await mkdir(join(folder, 'roles'));
  walls = await wallsOf(database, { policies: folder, logins: { r: { user: account, password: 'x' } } });
});
afterEach(async () => {
  await database.query(`DROP OWNED BY ${account}; DROP SCHEMA IF EXISTS ${account} CASCADE; DROP ROLE ${account}`);
  await walls.end();
  await rm(folder, { recursive: true });
});

async function put(role: string, schools: readonly number[]): Promise<string> {
  await writeFile(join(folder, 'roles/r.yaml'), `role: r\nattributes: { school: integer }\n${role}\nlimits: none\n`);
  const entries = schools.map((school) => [`p${school}`, { role: 'r', attributes: { school }, password: VERIFIER }]);
  await writeFile(join(folder, 'principals.yaml'), JSON.stringify({ principals: Object.fromEntries(entries) }));
  const sql = await walls.apply();
  expect(await walls.compile({ verify: true })).toMatchObject({ differences: [] });
  return sql;
}

async function seen(sql: string, as = account): Promise<unknown[]> {
  const client = await database.connect();
  await client.query(`SET ROLE ${as}`);
  try {
    return (await client.query({ text: sql, rowMode: 'array' })).rows.flat();
  } finally {
    await client.end();
  }
}

const PUPILS = 'SELECT id FROM pupils ORDER BY id';

test('several principals: what any of them may see, by a list that an index can serve', async () => {
  const sql = await put('tables:\n  pupils: { rows: "school = :school", select: { columns: [id] } }', [1, 3]);
  expect(sql).toContain(`USING (("public"."pupils".school = ANY ('{"1","3"}'::integer[])))`);
  expect(await seen(PUPILS)).toEqual([1, 2, 4]);
});

test('no list where it would not mean the same', async () => {
  const sql = await put('tables:\n  pupils: { rows: "NOT (school = :school)", select: { columns: [id] } }', [1, 3]);
  expect(sql).not.toContain('ANY (');
  expect(await seen(PUPILS)).toEqual([1, 2, 3, 4]);
});

test('a role without principals sees nothing', async () => {
  await put('tables:\n  pupils: { rows: "school = :school", select: { columns: [id] } }', []);
  expect(await seen(PUPILS)).toEqual([]);
});

test('a filter that reads its own table: no wall of the guard can hide what Rowgate’s own filter reads, and it says so', async () => {
  const role =
    'tables:\n  pupils: { rows: "EXISTS (SELECT FROM pupils AS m WHERE m.id = pupils.mentor AND m.school = :school)", select: { columns: [id] } }';
  const sql = await put(role, [1]);
  expect(sql).toContain('-- - rows of "public.pupils": a filter or mask reads all of them');
  expect(await seen(PUPILS)).toEqual([1, 2, 3, 4]);
});

test('a filter of a write reads its own table past row security: no recursion', async () => {
  const role =
    'tables:\n  pupils: { select: { columns: [id] }, delete: { rows: "EXISTS (SELECT FROM pupils AS m WHERE m.id = pupils.mentor AND m.school = :school)" } }';
  expect(await put(role, [2])).toContain('SECURITY DEFINER');
  expect(await seen('DELETE FROM pupils WHERE id > 0 RETURNING id')).toEqual([4]);
  await database.query("INSERT INTO pupils VALUES (4, 3, 3, 'd')");
});

test('of a direct account as well, and there it holds', async () => {
  const role =
    'tables:\n  pupils: { rows: "EXISTS (SELECT FROM pupils AS m WHERE m.id = pupils.mentor AND m.school = :school)", select: { columns: [id] } }';
  await put(role, [1]);
  await walls.apply({ direct: true });
  expect(await walls.compile({ direct: true, verify: true })).toMatchObject({ differences: [] });
  try {
    expect(await seen(PUPILS, 'rowgate_direct_r')).toEqual([2, 3]);
    expect(
      await seen('SELECT has_schema_privilege(current_user, $$rowgate_direct_r$$, $$CREATE$$)', 'rowgate_direct_r'),
    ).toEqual([false]);
  } finally {
    await database.query(
      'DROP OWNED BY rowgate_direct_r; DROP SCHEMA rowgate_direct_r CASCADE; DROP ROLE rowgate_direct_r',
    );
  }
});

test('a table that only a filter reads is seen in the columns that it reads', async () => {
  await put(
    'tables:\n  marks: { rows: "pupil IN (SELECT id FROM pupils WHERE school = :school)", select: { columns: [mark] } }',
    [2],
  );
  expect(await seen('SELECT mark FROM marks')).toEqual([3]);
  await expect(seen('SELECT name FROM pupils')).rejects.toMatchObject({ code: '42501' });
});

test('other accounts keep seeing what they were granted, and the owner everything', async () => {
  await put('tables:\n  pupils: { rows: "school = :school", select: { columns: [id] } }', [1]);
  const other = await database.createLogin();
  await database.query(`GRANT SELECT ON pupils TO ${other.user}`);
  expect(await seen(PUPILS, other.user)).toEqual([1, 2, 3, 4]);
  await database.query(`REVOKE SELECT ON pupils FROM ${other.user}`);
  expect((await database.query(PUPILS)).length).toBe(4);
});

test('where row security was on before, others’ policies stay the only ones that let anyone in', async () => {
  await database.query(
    'CREATE TABLE closed (id int, school int); INSERT INTO closed VALUES (1, 1), (2, 1); ALTER TABLE closed ENABLE ROW LEVEL SECURITY; CREATE POLICY theirs ON closed USING (id = 1)',
  );
  const sql = await put('tables:\n  closed: { rows: "school = :school", select: { columns: [id] } }', [1]);
  expect(sql).not.toContain('"rowgate everyone" ON "public"."closed"');
  expect(await seen('SELECT id FROM closed')).toEqual([1]);
});

test('writes: by column, and only rows that satisfy the filter', async () => {
  await put(
    'tables:\n  pupils: { rows: "school = :school", select: { columns: [id, school] }, insert: { columns: [id, school] }, update: { columns: [school] }, delete: {} }',
    [1],
  );
  await expect(seen('INSERT INTO pupils (id, school) VALUES (9, 2)')).rejects.toThrow(/row-level security/);
  await expect(seen('UPDATE pupils SET school = 2 WHERE id = 1')).rejects.toThrow(/row-level security/);
  await expect(seen('UPDATE pupils SET name = $$x$$')).rejects.toMatchObject({ code: '42501' });
  expect(await seen('DELETE FROM pupils WHERE id = 4 RETURNING id')).toEqual([]);
  expect(await seen('INSERT INTO pupils (id, school) VALUES (8, 1) RETURNING id')).toEqual([8]);
  expect(await seen('DELETE FROM pupils WHERE id = 8 RETURNING id')).toEqual([8]);
});

test('a statement that is wrong to ask for: what is said', async () => {
  await put('tables:\n  pupils: { select: { columns: [id] } }', [1]);
  const wrong = async (options: Parameters<WallsInTest['compile']>[0]) => (await walls.compile(options)).problems;
  expect(await wrong({ role: 'nosuch' })).toEqual(['role "nosuch" does not exist']);
  expect(await wrong({ principal: 'nosuch' })).toEqual(['principal "nosuch" does not exist']);
  await writeFile(join(folder, 'roles/dba.yaml'), 'role: dba\naccess: unrestricted\nlimits: none\n');
  expect(await wrong({ role: 'dba' })).toEqual(['role "dba" has no wall: it is unrestricted']);
  expect(await walls.compile()).toMatchObject({ exitCode: 0, without: ['role "dba" has no wall: it is unrestricted'] });
  await writeFile(
    join(folder, 'roles/broken.yaml'),
    'role: broken\ntables: { nosuch: { select: { columns: [a] } } }\nlimits: none\n',
  );
  expect((await walls.compile({ verify: true })).exitCode).toBe(1);
});

const VERIFIER =
  'SCRAM-SHA-256$4096:AAAAAAAAAAAAAAAAAAAAAA==$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=';
