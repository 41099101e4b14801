/** Tests what a role sees right after the database's catalog has changed, and once the guard has noticed: nothing new without a grant. */
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { NOTICE_SQL } from '../../src/app/catalog-watch.ts';
import { startWorld, type World } from '../clients/world.ts';

const SCHEMA = `
CREATE TABLE listed (id int, name text);
CREATE TABLE starred (id int, name text);
CREATE TABLE partly (id int, name text, secret text);
CREATE TABLE swapped (id int, name text);
CREATE TABLE other (id int, name text);
CREATE VIEW shown AS SELECT id, name FROM partly;
CREATE FUNCTION twice(bigint) RETURNS bigint LANGUAGE sql IMMUTABLE AS 'SELECT 2 * $1';
INSERT INTO listed VALUES (1, 'a'); INSERT INTO starred VALUES (1, 'a'); INSERT INTO partly VALUES (1, 'a', 'qzx');
INSERT INTO swapped VALUES (1, 'a'); INSERT INTO other VALUES (1, 'qzx')`;

/** The role of the login `teacher`. */
const ROLE = `
role: teacher
tables:
  listed: { select: { columns: [id, name] } }
  starred: { select: { columns: "*" } }
  partly: { select: { columns: [id, name] } }
  swapped: { select: { columns: [id, name] } }
  shown: { select: { columns: [id, name] } }
functions: [public.twice]
limits: none
`;

/** docs/operations.md states about a second, and the time to read everything again; a busy machine takes longer. */
const BOUND_MS = 15_000;

let world: World;
let client: pg.Client;
let ended = false;

beforeAll(async () => {
  world = await startWorld({
    prepare: async (database) => {
      await database.query(SCHEMA);
    },
    policies: async (folder) => {
      for (const file of await readdir(join(folder, 'roles'))) await rm(join(folder, 'roles', file));
      await rm(join(folder, 'subjects.yaml'));
      await writeFile(join(folder, 'roles', 'teacher.yaml'), ROLE);
      const text = await readFile(join(folder, 'principals.yaml'), 'utf8');
      const password = /teacher:[\s\S]*?password: (\S+)/.exec(text)?.[1];
      await writeFile(
        join(folder, 'principals.yaml'),
        `principals:\n  teacher:\n    role: teacher\n    password: ${password}\n`,
      );
    },
  });
  await world.database.query(`GRANT ALL ON ALL TABLES IN SCHEMA public TO ${world.account.user}`);
  client = await login();
});

afterAll(async () => {
  await client?.end();
  await world?.stop();
});

async function login(): Promise<pg.Client> {
  const made = new pg.Client({ connectionString: world.url('teacher') });
  made.on('error', () => {});
  await made.connect();
  ended = false;
  made.once('end', () => {
    ended = true;
  });
  return made;
}

/** Rows as JSON, or the error; in the session that there is, or where that was ended in a new one. */
async function ask(sql: string): Promise<string> {
  try {
    if (ended) client = await login();
    return JSON.stringify((await client.query(sql)).rows);
  } catch (error) {
    return `error: ${(error as Error).message}`;
  }
}

async function eventually(sql: string, expected: RegExp): Promise<void> {
  const end = Date.now() + BOUND_MS;
  let answer = '';
  while (Date.now() < end) {
    answer = await ask(sql);
    if (expected.test(answer)) return;
    await new Promise((wake) => setTimeout(wake, 100));
  }
  throw new Error(`${sql}: still ${answer}`);
}

const change = (sql: string): Promise<unknown> => world.database.query(sql);

describe('right after a change, and then', () => {
  it('a new column of a table that is granted column by column never shows, not in a whole row either', async () => {
    await change(
      `ALTER TABLE listed ADD COLUMN fresh text DEFAULT 'qzx'; ALTER TABLE partly ADD COLUMN fresh text DEFAULT 'qzx'`,
    );
    const asked = [
      'SELECT * FROM listed',
      'TABLE partly',
      'SELECT row_to_json(listed) FROM listed',
      'SELECT s FROM (SELECT * FROM listed) AS s',
      "SELECT * FROM information_schema.columns WHERE column_name = 'fresh'",
      "SELECT attname FROM pg_attribute WHERE attrelid IN ('listed'::regclass, 'partly'::regclass)",
      'SELECT fresh FROM listed',
    ];
    for (const sql of asked) expect(await ask(sql), sql).not.toMatch(/qzx|"fresh":/);
    await eventually('SELECT fresh FROM listed', /permission denied for column "fresh"/);
    for (const sql of asked) expect(await ask(sql), sql).not.toMatch(/qzx|:"fresh"/);
  });

  it('of one that is granted whole it is granted, and shows once it was noticed', async () => {
    await change(`ALTER TABLE starred ADD COLUMN fresh text DEFAULT 'new'`);
    expect(await ask('SELECT fresh FROM starred')).toMatch(/error|new/);
    await eventually('SELECT fresh FROM starred', /new/);
    expect(await ask('SELECT * FROM starred')).toBe('[{"id":1,"name":"a","fresh":"new"}]');
  });

  it('a granted name that another column took is stopped by its number', async () => {
    await change('ALTER TABLE partly RENAME COLUMN name TO was; ALTER TABLE partly RENAME COLUMN secret TO name');
    expect(await ask('SELECT name FROM partly')).not.toMatch(/qzx/);
    expect(await ask('SELECT * FROM partly')).not.toMatch(/qzx/);
    await change('ALTER TABLE partly RENAME COLUMN name TO secret; ALTER TABLE partly RENAME COLUMN was TO name');
    await eventually('SELECT name FROM partly', /"a"/);
  });

  it('a table that took the name of a granted one is stopped by its OID, and is granted when the policy is read by that name', async () => {
    await change('ALTER TABLE swapped RENAME TO was; ALTER TABLE other RENAME TO swapped');
    expect(await ask('SELECT name FROM swapped')).toMatch(/error/);
    await change('ALTER TABLE swapped RENAME TO other; ALTER TABLE was RENAME TO swapped');
    await eventually('SELECT name FROM swapped', /"a"/);
  });

  it('a table that is new is not there, nor is its name', async () => {
    await change(`CREATE TABLE qzxnew AS SELECT 'qzx' AS a; GRANT ALL ON qzxnew TO ${world.account.user}`);
    const [made] = await world.database.query<{ oid: string }>("SELECT 'qzxnew'::regclass::oid AS oid");
    const asked = [
      'SELECT * FROM qzxnew',
      "SELECT 'qzxnew'::regclass",
      "SELECT relname FROM pg_class WHERE relname LIKE 'qzx%'",
      `SELECT ${made?.oid}::oid::regclass`,
    ];
    for (const sql of asked)
      expect((await ask(sql)).replace(/"? ?qzxnew"* does not exist/, ''), sql).not.toMatch(/qzx/);
    await eventually('SELECT * FROM qzxnew', /permission denied/);
    await change('DROP TABLE qzxnew');
    await eventually('SELECT * FROM qzxnew', /does not exist/);
  });

  it('a new overload that fits better is not called, once it was noticed: the policy does not say which is meant, and grants neither', async () => {
    expect(await ask('SELECT twice(2)')).toBe('[{"twice":"4"}]');
    await change("CREATE FUNCTION twice(integer) RETURNS text LANGUAGE sql AS $$SELECT 'qzx'$$");
    await eventually('SELECT twice(2)', /error/);
    expect(await ask('SELECT 1 AS one')).toBe('[{"one":1}]');
    await change('DROP FUNCTION twice(integer)');
    await eventually('SELECT twice(2)', /"4"/);
  });

  it('a column of another type, and a view with another body', async () => {
    await change('ALTER TABLE listed ALTER COLUMN id TYPE text');
    await eventually("SELECT id || 'x' AS id FROM listed WHERE id = '1'", /"1x"/);
    await change('CREATE OR REPLACE VIEW shown AS SELECT id, upper(name) AS name FROM partly');
    await eventually('SELECT name FROM shown', /"A"/);
  });
});

it('with the event trigger the guard is told at once', async () => {
  expect(await readFile('docs/operations.md', 'utf8')).toContain(NOTICE_SQL);
  await change(NOTICE_SQL);
  await new Promise((wake) => setTimeout(wake, 1_500));
  const notified = new pg.Client({ connectionString: world.database.url });
  notified.on('error', () => {});
  await notified.connect();
  await notified.query('LISTEN rowgate_catalog');
  const heard = new Promise<void>((resolve) => {
    notified.on('notification', () => resolve());
  });
  await change('ALTER TABLE starred ADD COLUMN noticed text');
  await heard;
  await eventually('SELECT noticed FROM starred', /null/);
  await notified.end();
});
