/** Tests that what a granted function wrote is undone where its read is cut off, however it was called: of such a read the guard holds the commit back. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { guardInFrontOf, type TestGuard } from '../support/guard.ts';
import { PASSWORD, VERIFIER } from '../support/password.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';

let database: FreshDatabase;
let guard: TestGuard;
let folder: string;
let client: pg.Client;

beforeAll(async () => {
  database = await freshDatabase();
  await database.query(`
    CREATE TABLE t (a integer); INSERT INTO t SELECT generate_series(1, 10);
    CREATE TABLE log (a integer);
    CREATE FUNCTION note(a integer) RETURNS integer LANGUAGE sql AS 'INSERT INTO public.log VALUES (a) RETURNING a';
    CREATE FUNCTION noted(a integer, b integer) RETURNS boolean LANGUAGE sql AS 'INSERT INTO public.log VALUES (a) RETURNING true';
    CREATE OPERATOR === (FUNCTION = noted, LEFTARG = integer, RIGHTARG = integer);
    CREATE AGGREGATE noting(integer) (SFUNC = int4larger, STYPE = integer, FINALFUNC = note);
    CREATE VIEW seen AS SELECT note(a) AS b FROM t;
    GRANT ALL ON log, seen TO PUBLIC`);
  folder = await mkdtemp(join(tmpdir(), 'rowgate-granted-calls-'));
  await mkdir(join(folder, 'roles'));
  const granted = ['public.note(integer)', 'public.noted(integer, integer)', 'public.noting(integer)'];
  await writeFile(
    join(folder, 'roles', 'r.yaml'),
    `role: r
tables: { t: { select: { columns: "*" } }, seen: { select: { columns: "*" } } }
functions: [${granted.map((name) => `"${name}"`).join(', ')}]
statements: [copy_to]
collect: allow
limits: { rows_per_statement: 3 }
`,
  );
  await writeFile(join(folder, 'principals.yaml'), `principals: { r: { role: r, password: "${VERIFIER}" } }\n`);
  guard = await guardInFrontOf(database, { policies: folder });
  client = await guard.connect('r', PASSWORD);
});
afterAll(async () => {
  await client?.end();
  await guard?.stop();
  await database?.drop();
  await rm(folder, { recursive: true, force: true });
});

const CALLS: Readonly<Record<string, string>> = {
  'in its list': 'SELECT note(a) FROM t',
  'in a condition': 'SELECT a FROM t WHERE note(a) > 0',
  'in FROM': 'SELECT n FROM t, LATERAL note(a) AS n',
  'in a query inside': 'SELECT a, (SELECT note(t.a + 0 * o.a) FROM t AS o LIMIT 1) FROM t',
  'in a WITH': 'WITH n AS (SELECT note(a) AS b FROM t) SELECT b FROM n',
  'by an operator': 'SELECT a FROM t WHERE a OPERATOR(public.===) 1',
  'by ANY': 'SELECT a FROM t WHERE a OPERATOR(public.===) ANY (ARRAY[1])',
  'by an aggregate': 'SELECT noting(a) FROM t GROUP BY a',
  'by field notation': 'SELECT a FROM (SELECT a, note(a) AS b FROM t) AS s WHERE b > 0',
  'by a view': 'SELECT b FROM seen',
  'by COPY': 'COPY (SELECT note(a) FROM t) TO STDOUT',
};

const codeOf = (asked: Promise<unknown>): Promise<unknown> =>
  asked.then(
    () => 'ok',
    (error: pg.DatabaseError) => error.code,
  );

const written = async (): Promise<number> =>
  (await database.query<{ n: number }>('SELECT count(*)::integer AS n FROM log'))[0]!.n;

describe.each(Object.entries(CALLS))('%s', (_, text) => {
  test('as a Query', async () => {
    expect(await codeOf(client.query(text))).toBe('53400');
    expect(await written()).toBe(0);
  });

  // COPY is no statement that can be prepared.
  if (text.startsWith('COPY')) return;
  test('as a prepared statement, and by EXECUTE', async () => {
    expect(await codeOf(client.query({ text, values: [], name: text.slice(0, 60) }))).toBe('53400');
    expect(await written()).toBe(0);
    await client.query(`PREPARE p AS ${text}`);
    expect(await codeOf(client.query('EXECUTE p'))).toBe('53400');
    expect(await written()).toBe(0);
    await client.query('DEALLOCATE p');
  });
});

test('within the limit it stays', async () => {
  expect(await codeOf(client.query('SELECT note(a) FROM t WHERE a < 3'))).toBe('ok');
  expect(await written()).toBe(2);
  await database.query('TRUNCATE log');
});
