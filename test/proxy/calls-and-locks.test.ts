/** Tests CALL, LOCK TABLE, advisory locks, `xmin`, a table without columns and a message of many statements through a whole guard, in both protocols: the client sees what PostgreSQL does. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type pg from 'pg';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { guardInFrontOf, type TestGuard } from '../support/guard.ts';
import { PASSWORD, VERIFIER } from '../support/password.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';

const PRINCIPALS = `principals:
  worker:
    role: worker
    attributes: { team: 1 }
    password: ${VERIFIER}
  owner: { role: owner, password: ${VERIFIER} }
`;
const ROLE = `role: worker
attributes: { team: integer }
tables:
  jobs:
    rows: team = :team
    select: { columns: [id, team, state, xmin] }
    update: { columns: [state] }
  marks: { select: { columns: "*" }, insert: { columns: "*" } }
functions: [public.half, 'public.told(integer, text)', 'public.told(text, integer, integer)', public.two_steps, pg_advisory_xact_lock, pg_try_advisory_xact_lock]
statements: [lock, call]
limits: { rows_per_statement: 10 }
`;

let database: FreshDatabase;
let guard: TestGuard;
let folder: string;
let one: pg.Client;
let other: pg.Client;

beforeAll(async () => {
  database = await freshDatabase();
  await database.query(`
    CREATE TABLE jobs (id integer PRIMARY KEY, team integer NOT NULL, state text);
    CREATE TABLE steps (n integer);
    CREATE TABLE marks ();
    CREATE PROCEDURE told(n integer, OUT one text) LANGUAGE sql AS 'SELECT ''number'' || n';
    CREATE PROCEDURE told(n text, OUT one integer, OUT other integer) LANGUAGE sql AS 'SELECT length(n), 2';
    CREATE PROCEDURE half(n integer, INOUT m integer DEFAULT NULL) LANGUAGE plpgsql AS 'BEGIN m := n / 2; END';
    CREATE PROCEDURE two_steps(n integer) LANGUAGE plpgsql AS
      'BEGIN INSERT INTO steps VALUES (1); COMMIT; INSERT INTO steps VALUES (10 / n); END'`);
  folder = await mkdtemp(join(tmpdir(), 'rowgate-test-calls-'));
  await mkdir(join(folder, 'roles'));
  await writeFile(join(folder, 'principals.yaml'), PRINCIPALS);
  await writeFile(join(folder, 'roles', 'worker.yaml'), ROLE);
  await writeFile(join(folder, 'roles', 'owner.yaml'), 'role: owner\naccess: unrestricted\nlimits: none\n');
  guard = await guardInFrontOf(database, { policies: folder });
  one = await guard.connect('worker', PASSWORD);
  other = await guard.connect('worker', PASSWORD);
});

beforeEach(async () => {
  await database.query("TRUNCATE jobs, steps; INSERT INTO jobs VALUES (1, 1, 'new'), (2, 1, 'new'), (3, 2, 'hidden')");
});

afterAll(async () => {
  await guard?.stop();
  await database?.drop();
  await rm(folder, { recursive: true, force: true });
});

test('CALL gives its INOUT values as a row, by both protocols, and is recorded', async () => {
  expect((await one.query('CALL half(10)')).rows).toEqual([{ m: 5 }]);
  const parsed = await one.query('CALL half($1, NULL)', [9]);
  expect([parsed.rows, parsed.command]).toEqual([[{ m: 4 }], 'CALL']);
  const decisions = (await guard.records()).filter((r) => r.kind === 'decision' && r.command === 'CALL');
  expect(decisions.map((r) => r.effect)).toEqual(['rewrite', 'rewrite']);
});

test('of procedures that differ in what they give, the one is called that takes the arguments', async () => {
  expect((await one.query('CALL told(5, NULL)')).rows).toEqual([{ one: 'number5' }]);
  expect((await one.query("CALL told('five'::text, NULL, NULL)")).rows).toEqual([{ one: 4, other: 2 }]);
  await expect(one.query("CALL told('five'::text, NULL)")).rejects.toMatchObject({ code: '42883' });
});

test('a table without columns gives its rows', async () => {
  await one.query('INSERT INTO marks DEFAULT VALUES');
  const { rows, fields } = await one.query('SELECT * FROM marks');
  expect([rows, fields]).toEqual([[{}], []]);
});

test('a message of a thousand statements runs, of an unrestricted role', async () => {
  const client = await guard.connect('owner', PASSWORD);
  const text = Array.from({ length: 1_000 }, (_, i) => `SELECT ${i} AS n FROM jobs WHERE id = 1`).join('; ');
  const results = (await client.query(text)) as unknown as pg.QueryResult[];
  expect(results.map(({ rows }) => rows[0]?.n)).toEqual(Array.from({ length: 1_000 }, (_, i) => i));
});

test('a procedure that commits keeps what it did before, and the session goes on', async () => {
  await expect(one.query('CALL two_steps(0)')).rejects.toMatchObject({ code: '22012' });
  expect(await database.query('SELECT n FROM steps')).toEqual([{ n: 1 }]);
  await one.query('CALL two_steps($1)', [5]);
  expect(await database.query('SELECT n FROM steps ORDER BY n')).toEqual([{ n: 1 }, { n: 1 }, { n: 2 }]);
  expect((await one.query('SELECT count(*)::int AS n FROM jobs')).rows).toEqual([{ n: 2 }]);
});

test('a procedure that commits fails inside a transaction, as in PostgreSQL', async () => {
  await one.query('BEGIN');
  await expect(one.query('CALL two_steps(1)')).rejects.toMatchObject({ code: '2D000' });
  await expect(one.query('SELECT 1')).rejects.toMatchObject({ code: '25P02' });
  await one.query('ROLLBACK');
  expect(await database.query('SELECT n FROM steps')).toEqual([]);
});

test('LOCK TABLE holds others off until the transaction ends', async () => {
  await one.query('BEGIN');
  await one.query('LOCK TABLE jobs IN EXCLUSIVE MODE');
  await other.query('BEGIN');
  await expect(other.query('LOCK TABLE jobs IN ROW EXCLUSIVE MODE NOWAIT')).rejects.toMatchObject({ code: '55P03' });
  await other.query('ROLLBACK');
  await one.query('COMMIT');
  await other.query('BEGIN; LOCK TABLE jobs IN ROW EXCLUSIVE MODE NOWAIT; COMMIT');
});

test('an advisory lock of one transaction is seen by another', async () => {
  const taken = async (client: pg.Client): Promise<boolean> =>
    (await client.query<{ taken: boolean }>('SELECT pg_try_advisory_xact_lock($1) AS taken', [7])).rows[0]!.taken;
  await one.query('BEGIN');
  await one.query('SELECT pg_advisory_xact_lock(7)');
  expect(await taken(other)).toBe(false);
  await one.query('COMMIT');
  expect(await taken(other)).toBe(true);
});

test('xmin tells whether a row was changed meanwhile', async () => {
  const read = async (): Promise<string> =>
    (await one.query<{ xmin: string }>('SELECT j.id, j.state, j.xmin FROM jobs j WHERE j.id = $1', [1])).rows[0]!.xmin;
  const update = (state: string, xmin: string): Promise<pg.QueryResult> =>
    one.query('UPDATE jobs SET state = $1 WHERE id = $2 AND xmin = $3 RETURNING xmin', [state, 1, xmin]);
  const before = await read();
  const changed = await update('done', before);
  expect([changed.rowCount, changed.rows[0]?.xmin]).toEqual([1, await read()]);
  expect((await update('undone', before)).rowCount).toBe(0);
});
