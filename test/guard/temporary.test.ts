/** Tests temporary tables through a whole guard: they work for an ORM as in PostgreSQL, and their names reach nothing else. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { guardInFrontOf, type TestGuard } from '../support/guard.ts';
import { PASSWORD, VERIFIER } from '../support/password.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { testSince } from '../support/since.ts';

const SCHEMA = `
CREATE TABLE pupils (id integer PRIMARY KEY, school integer, name text, secret text DEFAULT 'hidden');
INSERT INTO pupils SELECT i, 12 + i % 2, 'pupil ' || i FROM generate_series(1, 20) AS i;
CREATE TYPE mood AS ENUM ('sad', 'glad');
CREATE FUNCTION reads_bare() RETURNS bigint LANGUAGE plpgsql AS $$ DECLARE n bigint; BEGIN EXECUTE 'SELECT count(*) FROM work_ids' INTO n; RETURN n; END $$;
CREATE FUNCTION makes() RETURNS void LANGUAGE plpgsql AS $$ BEGIN CREATE TEMP TABLE work_ids AS SELECT id::bigint, secret AS note FROM pupils; END $$;
`;

const POLICIES: Readonly<Record<string, string>> = {
  'roles/clerk.yaml': `
role: clerk
tables:
  pupils: { rows: school = 12, select: { columns: [id, school, name] }, update: { columns: [name] } }
temporary:
  work_ids: { id: bigint, note: text }
  marks: { code: varchar(4), size: "numeric(6,2)", seen: timestamptz(3), tags: "text[]", feels: mood }
functions: [reads_bare, makes]
statements: [copy_to, copy_from]
limits: { rows_per_statement: 5, changed_per_statement: 3 }
`,
  'principals.yaml': `principals: { clerk: { role: clerk, password: "${VERIFIER}" } }`,
};

let folder: string;
let database: FreshDatabase;
let guard: TestGuard;
let client: pg.Client;
let notices: string[];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'rowgate-temporary-'));
  mkdirSync(join(folder, 'roles'), { recursive: true });
  for (const [path, text] of Object.entries(POLICIES)) writeFileSync(join(folder, path), text);
  database = await freshDatabase();
  await database.query(SCHEMA);
  guard = await guardInFrontOf(database, { policies: folder });
});

afterAll(async () => {
  await guard?.stop();
  await database?.drop();
  rmSync(folder, { recursive: true, force: true });
});

beforeEach(async () => {
  client = await guard.connect('clerk', PASSWORD);
  notices = [];
  client.on('notice', (notice) => notices.push(notice.message ?? ''));
});

afterEach(() => client.end());

const CREATE = 'CREATE TEMP TABLE work_ids (id bigint PRIMARY KEY, note text)';

async function rows(sql: string, values?: unknown[]): Promise<unknown[][]> {
  const { rows } = await client.query({ text: sql, rowMode: 'array', ...(values && { values }) });
  return rows;
}

/** SQLSTATE and message with which it fails. */
async function failure(sql: string, values?: unknown[]): Promise<string> {
  const failed = await client.query(sql, values).then(
    () => undefined,
    (error: pg.DatabaseError) => `${error.code} ${error.message}`,
  );
  return failed ?? 'it did not fail';
}

describe('as applications use one', () => {
  beforeEach(() => client.query(CREATE));

  test('rows go in, are joined with guarded tables, changed, returned and taken out', async () => {
    await client.query("INSERT INTO work_ids (id, note) VALUES (2, 'two'), (3, 'three')");
    expect(await rows('SELECT * FROM work_ids ORDER BY id')).toEqual([
      ['2', 'two'],
      ['3', 'three'],
    ]);
    const joined = 'SELECT p.name, w.note FROM pupils p JOIN work_ids w ON w.id = p.id';
    expect(await rows(joined)).toEqual([['pupil 2', 'two']]);
    expect(await rows('SELECT name FROM pupils WHERE id IN (SELECT id FROM work_ids)')).toEqual([['pupil 2']]);
    const changed = "UPDATE work_ids SET note = note || '!' WHERE work_ids.id = 3 RETURNING *";
    expect(await rows(changed)).toEqual([['3', 'three!']]);
    const fromPupils = 'UPDATE work_ids w SET note = p.name FROM pupils p WHERE p.id = w.id RETURNING w.note, p.school';
    expect(await rows(fromPupils)).toEqual([['pupil 2', 12]]);
    const taken = 'DELETE FROM pg_temp.work_ids WHERE pg_temp.work_ids.id = 3 RETURNING id AS gone, (note)';
    expect((await client.query(taken)).rows).toEqual([{ gone: '3', note: 'three!' }]);
  });

  test('it drives an UPDATE of a guarded table, which stays within its rows', async () => {
    await client.query("INSERT INTO work_ids VALUES (2, 'x'), (3, 'y')");
    await client.query('BEGIN');
    const written =
      'UPDATE pupils SET name = w.note FROM work_ids w WHERE w.id = pupils.id RETURNING pupils.id, w.note';
    expect(await rows(written)).toEqual([[2, 'x']]);
    await client.query('ROLLBACK');
  });

  testSince(15)('ON CONFLICT, MERGE (PostgreSQL 15), TABLE, cursors and prepared statements', async () => {
    const upsert =
      'INSERT INTO work_ids (id, note) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET note = excluded.note WHERE work_ids.note <> excluded.note RETURNING id, work_ids.note';
    expect(await rows(upsert, [1, 'a'])).toEqual([['1', 'a']]);
    expect(await rows(upsert, [1, 'b'])).toEqual([['1', 'b']]);
    await client.query(
      "MERGE INTO work_ids USING (VALUES (1::bigint), (7)) AS v (id) ON work_ids.id = v.id WHEN MATCHED THEN UPDATE SET note = 'm' WHEN NOT MATCHED THEN INSERT (id, note) VALUES (v.id, 'n')",
    );
    expect(await rows('TABLE work_ids')).toEqual([
      ['1', 'm'],
      ['7', 'n'],
    ]);
    await client.query('BEGIN; DECLARE c CURSOR FOR SELECT id FROM work_ids ORDER BY id FOR UPDATE');
    expect(await rows('FETCH ALL FROM c')).toEqual([['1'], ['7']]);
    await client.query('COMMIT');
    await client.query('PREPARE put (bigint) AS INSERT INTO work_ids (id) VALUES ($1) RETURNING id');
    expect(await rows('EXECUTE put (9)')).toEqual([['9']]);
  });

  testSince(18)('a whole row of RETURNING, old and new', async () => {
    await client.query("INSERT INTO work_ids VALUES (1, 'a')");
    const changed =
      "UPDATE work_ids SET note = 'b' RETURNING old.note, new.note AS now, to_jsonb(work_ids)->>'note' AS row";
    expect(await rows(changed)).toEqual([['a', 'b', 'b']]);
  });

  test('it is emptied, dropped and made again, also where a statement was prepared before', async () => {
    const select = { name: 'kept', text: 'SELECT count(*)::int AS n FROM work_ids' };
    await client.query('INSERT INTO work_ids VALUES (1), (2)');
    expect((await client.query(select)).rows).toEqual([{ n: 2 }]);
    await client.query('TRUNCATE TABLE work_ids');
    expect((await client.query(select)).rows).toEqual([{ n: 0 }]);
    await client.query('DROP TABLE IF EXISTS pg_temp.work_ids');
    await client.query(CREATE);
    expect((await client.query(select)).rows).toEqual([{ n: 0 }]);
    await client.query('DISCARD TEMP');
    expect(await failure('SELECT id FROM work_ids')).toBe('42P01 relation "work_ids" does not exist');
  });

  test('an index of its key is used, and a condition is pushed to it', async () => {
    await client.query('INSERT INTO work_ids SELECT i FROM generate_series(1, 5) AS i');
    const text = guardText('SELECT * FROM work_ids WHERE id = 3');
    expect(await text).toContain('coalesce(rowgate_row.id) AS id');
  });
});

async function guardText(sql: string): Promise<string> {
  const { loadConfig } = await import('../../src/config/load.ts');
  const { PolicyReader } = await import('../../src/app/policy-reader.ts');
  const { Guard } = await import('../../src/guard/guard.ts');
  const { config } = loadConfig(guard.configFile, {});
  const { catalog, policy } = await new PolicyReader(config!).read();
  const role = policy!.roles.get('clerk')!;
  return new Guard({ catalog, role, searchPath: config!.searchPath }).judge(sql).template.join('');
}

describe('its properties', () => {
  test('types and modifiers are the declared ones', async () => {
    await client.query(
      'CREATE TEMPORARY TABLE marks (code character varying(4) NOT NULL, size decimal(6, 2), seen timestamp(3) with time zone, tags text[], feels mood, UNIQUE (code, size))',
    );
    const inserted = await client.query("INSERT INTO marks VALUES ('abcd', 1.005, now(), '{x,y}', 'glad') RETURNING *");
    const read = await client.query('SELECT * FROM marks');
    const shape = (result: pg.QueryResult) =>
      result.fields.map((f) => [f.name, f.dataTypeID, f.dataTypeModifier, f.tableID]);
    expect(shape(read)).toEqual(shape(inserted));
    expect(read.fields.map((f) => f.dataTypeModifier)).toEqual([8, 393222, 3, -1, -1]);
    expect(read.fields.every((f) => f.tableID === 0)).toBe(true);
    expect(read.rows[0]).toMatchObject({ code: 'abcd', size: '1.01', tags: ['x', 'y'], feels: 'glad' });
    expect(await failure("INSERT INTO marks (code) VALUES ('abcde')")).toContain('22001');
  });

  test('the client meets no name but its own', async () => {
    expect(await failure('SELECT * FROM work_ids')).toBe('42P01 relation "work_ids" does not exist');
    expect(await failure('INSERT INTO work_ids VALUES (1)')).toBe('42P01 relation "work_ids" does not exist');
    await client.query('DROP TABLE IF EXISTS work_ids');
    await client.query(CREATE);
    expect(await failure(CREATE)).toBe('42P07 relation "work_ids" already exists');
    await client.query(CREATE.replace('TABLE', 'TABLE IF NOT EXISTS'));
    expect(notices).toEqual([
      // The words of a notice without its own class are kept back.
      'successful completion',
      'relation "work_ids" already exists, skipping',
    ]);
    await client.query('INSERT INTO work_ids VALUES (1)');
    const twice = await client.query('INSERT INTO work_ids VALUES (1)').catch((error: pg.DatabaseError) => error);
    expect(twice).toMatchObject({ code: '23505', constraint: 'work_ids_pkey', table: 'work_ids', schema: 'pg_temp' });
    expect(JSON.stringify(twice)).not.toContain('rowgate');
  });

  test('it ends with its transaction where it says so, and with its session', async () => {
    await client.query(`BEGIN; ${CREATE} ON COMMIT DROP; INSERT INTO work_ids VALUES (1); COMMIT`);
    expect(await failure('SELECT * FROM work_ids')).toContain('42P01');
    await client.query(`BEGIN; ${CREATE} ON COMMIT DELETE ROWS; INSERT INTO work_ids VALUES (1); COMMIT`);
    expect(await rows('SELECT * FROM work_ids')).toEqual([]);
    await client.query('BEGIN; DROP TABLE work_ids; ROLLBACK');
    await client.query('INSERT INTO work_ids VALUES (1)');
    const another = await guard.connect('clerk', PASSWORD);
    const seen = await another.query('SELECT * FROM work_ids').catch((error: pg.DatabaseError) => error.code);
    expect(seen).toBe('42P01');
  });

  test('it is not in the catalogs, and not by its OID', async () => {
    await client.query(CREATE);
    const found =
      "SELECT relname FROM pg_class WHERE relname LIKE '%work_ids%' UNION ALL SELECT nspname FROM pg_namespace WHERE nspname LIKE 'pg_temp%'";
    expect(await rows(found)).toEqual([]);
    expect(await rows("SELECT to_regclass('work_ids')::text")).toEqual([[null]]);
  });
});

describe('how much of other tables goes into it', () => {
  beforeEach(() => client.query(CREATE));

  test('at most the rows that a statement may show', async () => {
    const take = 'INSERT INTO work_ids SELECT id, name FROM pupils';
    expect(await failure(take)).toBe('53400 statement takes more than 5 rows into a temporary table');
    expect(await rows('SELECT * FROM work_ids')).toEqual([]);
    expect((await client.query(`${take} WHERE id <= 10`)).rowCount).toBe(5);
    expect(await failure(`TRUNCATE work_ids; PREPARE p AS ${take} ON CONFLICT DO NOTHING; EXECUTE p`)).toContain(
      '53400',
    );
  });

  testSince(15)('also where its rows are changed by others, and by MERGE', async () => {
    for (const from of [1, 6])
      await client.query('INSERT INTO work_ids SELECT i FROM generate_series($1::int, $1 + 4) AS i', [from]);
    const changed = 'UPDATE work_ids SET note = (SELECT name FROM pupils WHERE pupils.id = work_ids.id)';
    expect(await failure(changed)).toContain('53400');
    const merged =
      'MERGE INTO work_ids w USING pupils p ON w.id = p.id WHEN MATCHED THEN UPDATE SET note = p.name WHEN NOT MATCHED THEN INSERT VALUES (p.id, p.name)';
    expect(await failure(merged)).toContain('53400');
  });

  test('its own rows are not counted among the changed ones', async () => {
    await client.query('INSERT INTO work_ids VALUES (1), (2), (3), (4), (5), (6), (7)');
    expect((await client.query("UPDATE work_ids SET note = 'x'")).rowCount).toBe(7);
    expect(await failure('SELECT * FROM work_ids')).toBe('53400 statement returns more than 5 rows');
    expect((await client.query('DELETE FROM work_ids USING pupils WHERE pupils.id = work_ids.id')).rowCount).toBe(3);
  });

  test('a write in WITH, which would not be counted, is refused', async () => {
    const inside = 'WITH x AS (INSERT INTO work_ids SELECT id FROM pupils RETURNING id) SELECT count(*) FROM x';
    expect(await failure(inside)).toBe('0A000 a write into a temporary table in WITH is not supported');
  });

  test('values of several rows are collected from it no more than from any table', async () => {
    expect(await failure("SELECT string_agg(note, ',') FROM work_ids")).toContain('42501');
  });
});

describe('statements that make none, or reach none', () => {
  test.each([
    ['CREATE TABLE work_ids (id bigint, note text)', '42501'],
    ['CREATE UNLOGGED TABLE work_ids (id bigint, note text)', '42501'],
    ['CREATE UNLOGGED TABLE pg_temp.work_ids (id bigint, note text)', '0A000'],
    ['CREATE TEMP TABLE public.work_ids (id bigint, note text)', '42501'],
    ['CREATE TEMP TABLE other (id bigint, note text)', '42501'],
    ['CREATE TEMP TABLE pupils (id bigint, note text)', '42501'],
    ['CREATE TEMP TABLE work_ids (id bigint)', '0A000'],
    ['CREATE TEMP TABLE work_ids (id integer, note text)', '0A000'],
    ['CREATE TEMP TABLE work_ids (id bigint, note text, more text)', '0A000'],
    ['CREATE TEMP TABLE work_ids (note text, id bigint)', '0A000'],
    ["CREATE TEMP TABLE work_ids (id bigint DEFAULT nextval('s'), note text)", '0A000'],
    ['CREATE TEMP TABLE work_ids (id bigint GENERATED ALWAYS AS IDENTITY, note text)', '0A000'],
    ['CREATE TEMP TABLE work_ids (id bigint, note text GENERATED ALWAYS AS (makes()) STORED)', '0A000'],
    ['CREATE TEMP TABLE work_ids (id bigint CHECK (makes() IS NULL), note text)', '0A000'],
    ['CREATE TEMP TABLE work_ids (id bigint REFERENCES pupils, note text)', '0A000'],
    ['CREATE TEMP TABLE work_ids (id bigint, note text COLLATE "C")', '0A000'],
    ['CREATE TEMP TABLE work_ids (id bigint, note text, CHECK (id > 0))', '0A000'],
    ['CREATE TEMP TABLE work_ids (id bigint, note text, UNIQUE (id) DEFERRABLE)', '0A000'],
    ['CREATE TEMP TABLE work_ids (id bigint, note text, EXCLUDE (id WITH =))', '0A000'],
    ['CREATE TEMP TABLE work_ids (LIKE pupils)', '0A000'],
    ['CREATE TEMP TABLE work_ids (id bigint, note text) INHERITS (pupils)', '0A000'],
    ['CREATE TEMP TABLE work_ids (id bigint, note text) PARTITION BY LIST (id)', '0A000'],
    ['CREATE TEMP TABLE work_ids (id bigint, note text) WITH (fillfactor = 10)', '0A000'],
    ['CREATE TEMP TABLE work_ids OF mood', '0A000'],
    ['CREATE TEMP TABLE work_ids AS SELECT 1::bigint AS id', '42501'],
    ['SELECT id INTO TEMP work_ids FROM pupils', '42501'],
    ['CREATE TEMP VIEW work_ids AS SELECT 1 AS id', '42501'],
    ['CREATE TEMP SEQUENCE work_ids', '42501'],
    ['CREATE INDEX ON work_ids (note)', '42501'],
    ['ALTER TABLE work_ids ADD COLUMN more text', '42501'],
    ['ALTER TABLE work_ids RENAME TO pupils', '42501'],
    ['DROP TABLE pupils', '42501'],
    ['DROP TABLE work_ids, pupils', '42501'],
    ['DROP TABLE public.work_ids', '42501'],
    ['DROP TABLE work_ids CASCADE', '0A000'],
    ['DROP VIEW work_ids', '42501'],
    ['DROP SCHEMA pg_temp', '42501'],
    ['TRUNCATE pupils', '42501'],
    ['TRUNCATE work_ids, pupils', '42501'],
    ['TRUNCATE work_ids CASCADE', '0A000'],
    ['LOCK TABLE work_ids', '42501'],
    ['SELECT ctid FROM work_ids', '42501'],
    ['SELECT tableoid FROM work_ids', '42501'],
    ['SELECT NULL::work_ids', '42704'],
    ['SELECT NULL::pg_temp.work_ids', '42704'],
    ['SELECT * FROM pg_temp.pupils', '42P01'],
    ['SELECT * FROM public.work_ids', '42P01'],
    ['SELECT * FROM pg_temp_3.work_ids', '42P01'],
    ['SELECT * FROM pg_temp.rowgate_temp_00000000_work_ids', '42939'],
    ['SELECT pg_temp.lower(note) FROM work_ids', '42883'],
    ['EXPLAIN SELECT * FROM work_ids', '42501'],
  ])('%s', async (sql, sqlstate) => {
    await client.query(CREATE);
    expect((await failure(sql)).slice(0, 5)).toBe(sqlstate);
    expect((await rows('SELECT count(*)::int FROM pupils'))[0]).toEqual([10]);
  });
});

describe('code of the owner’s', () => {
  test('finds nothing of it by its bare name', async () => {
    await client.query(`${CREATE}; INSERT INTO work_ids VALUES (1)`);
    expect(await failure('SELECT reads_bare()')).toContain('42P01');
  });

  test('that makes a table of the same name shows nothing of it', async () => {
    await client.query(`${CREATE}; SELECT makes()`);
    expect(await rows('SELECT * FROM work_ids')).toEqual([]);
    await client.query('DROP TABLE work_ids');
    expect(await failure('SELECT * FROM work_ids')).toBe('42P01 relation "work_ids" does not exist');
  });
});
