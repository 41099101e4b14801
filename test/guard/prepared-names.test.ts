/** Tests what SQL itself prepares and declares: it is explained, run and deallocated as at a server without a guard, and shown in the client's own words. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { B, CS, E, P, Q, S } from '../session/messages.ts';
import { ask, direct } from '../session/peer.ts';
import { guardInFrontOf, type TestGuard } from '../support/guard.ts';
import { PASSWORD, VERIFIER } from '../support/password.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';

let database: FreshDatabase;
let guard: TestGuard;
let folder: string;

beforeAll(async () => {
  database = await freshDatabase();
  await database.query(`
    CREATE TABLE rooms (id integer PRIMARY KEY, name text);
    INSERT INTO rooms VALUES (1, 'a'), (2, 'b');
    CREATE TABLE pupils (id integer PRIMARY KEY, school integer, secret text);
    INSERT INTO pupils VALUES (1, 1, 'x')`);
  folder = await mkdtemp(join(tmpdir(), 'rowgate-names-'));
  await mkdir(join(folder, 'roles'));
  const tables = `tables:
  rooms: { select: { columns: "*" }, update: { columns: [name] } }
  pupils: { rows: school = 1, select: { columns: [id] } }
settings: { work_mem: 8MB }
limits: none
`;
  await writeFile(join(folder, 'roles', 'r.yaml'), `role: r\nstatements: [explain, explain_analyze]\n${tables}`);
  await writeFile(join(folder, 'roles', 'plain.yaml'), `role: plain\n${tables}`);
  await writeFile(
    join(folder, 'roles', 'school.yaml'),
    `role: school
attributes: { school: integer }
tables:
  rooms: { select: { columns: "*" } }
  pupils: { rows: school = :school, select: { columns: [id, school] }, update: { columns: [id] } }
statements: [explain]
limits: { rows_per_statement: 100 }
`,
  );
  const principals = ['r', 'plain', 'school'].map(
    (name) =>
      `  ${name}: { role: ${name}, password: "${VERIFIER}"${name === 'school' ? ', attributes: { school: 1 }' : ''} }\n`,
  );
  await writeFile(join(folder, 'principals.yaml'), `principals:\n${principals.join('')}`);
  guard = await guardInFrontOf(database, { policies: folder });
});
afterAll(async () => {
  await guard?.stop();
  await database?.drop();
  await rm(folder, { recursive: true, force: true });
});

/** For each message the results of its statements: tag, columns and rows; or the SQLSTATE of its error. */
async function told(url: string, script: readonly string[]): Promise<unknown[]> {
  const client = new pg.Client(url);
  await client.connect();
  const all: unknown[] = [];
  for (const text of script) {
    const answer = await client.query(text).then(
      (found) =>
        [found].flat().map(({ command, fields, rows }) => [command, fields.map(({ name }) => name), rows] as const),
      (error: pg.DatabaseError) => error.code ?? error.message,
    );
    all.push([text, answer]);
  }
  await client.end();
  return all;
}

const RAN = '(ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF, BUFFERS OFF)';
const PREPARE = 'PREPARE p (integer) AS SELECT name FROM rooms WHERE id = $1';

const SCRIPTS: Readonly<Record<string, readonly string[]>> = {
  'a plan of what was prepared': [
    PREPARE,
    'EXPLAIN (COSTS OFF) EXECUTE p (1)',
    'EXPLAIN (VERBOSE, FORMAT JSON, COSTS OFF) EXECUTE p (NULL)',
    'EXPLAIN EXECUTE p (1, 2)',
    'EXPLAIN EXECUTE q',
    `EXPLAIN ${RAN} EXECUTE p (2)`,
    `EXPLAIN ${RAN} EXECUTE p (1, 2)`,
    `DEALLOCATE p; PREPARE p AS SELECT count(*) FROM rooms; EXPLAIN ${RAN} EXECUTE p`,
    'EXPLAIN (COSTS OFF) DECLARE c CURSOR FOR SELECT * FROM rooms',
    'DEALLOCATE p; PREPARE p AS SELECT 1; EXPLAIN (COSTS OFF) EXECUTE p',
  ],
  'prepared, run and given away in one message': [
    `${PREPARE}; EXECUTE p (1); EXECUTE p (2); DEALLOCATE p; SELECT 2 AS two`,
    'EXECUTE p (1)',
    `${PREPARE}; EXECUTE p (1); DEALLOCATE p; SELECT 1 / 0`,
    'EXECUTE p (1)',
    `${PREPARE}; EXECUTE p (3); DEALLOCATE ALL; EXECUTE p (1)`,
    `BEGIN; ${PREPARE}; EXECUTE p (1); DEALLOCATE p`,
    'ROLLBACK',
    'EXECUTE p (1)',
  ],
  'the client’s own words': [
    `${PREPARE} -- as it was written`,
    "PREPARE \"q'é\" AS SELECT 'é', 'x'::text",
    'BEGIN',
    'DECLARE c SCROLL CURSOR WITH HOLD FOR SELECT id FROM pupils /* of hers */;',
    'DECLARE d CURSOR FOR TABLE rooms',
    'SELECT name, statement, from_sql FROM pg_prepared_statements ORDER BY 1',
    'SELECT name, statement, is_holdable FROM pg_cursors ORDER BY 1',
    'COMMIT',
    'SELECT name, statement FROM pg_cursors',
  ],
};

test.each(Object.entries(SCRIPTS))('%s, as the server has it', async (_, script) => {
  expect(await told(guard.url('r', PASSWORD), script)).toEqual(await told(database.url, script));
});

test('the words that go with what is declared show nothing of the filter, and longer ones are not shown', async () => {
  const client = await guard.connect('r', PASSWORD);
  await client.query('BEGIN');
  await client.query('DECLARE c CURSOR FOR SELECT id FROM pupils');
  const long = `DECLARE long CURSOR FOR SELECT '${'x'.repeat(20_000)}'`;
  await client.query(long);
  const { rows } = await client.query('SELECT name, statement FROM pg_cursors ORDER BY 1');
  expect(rows).toEqual([
    { name: 'c', statement: 'DECLARE c CURSOR FOR SELECT id FROM pupils' },
    { name: 'long', statement: null },
  ]);
  await client.query('ROLLBACK');
  await client.query({ name: 'parsed', text: 'SELECT id FROM pupils' });
  expect((await client.query('SELECT name, statement FROM pg_prepared_statements')).rows).toEqual([
    { name: 'parsed', statement: null },
  ]);
  await expect(client.query('DECLARE x CURSOR FOR SELECT 1 /*rowgate_words eA==*/')).rejects.toMatchObject({
    code: '42939',
  });
});

test('of how often each kind of plan was taken, or whether it can be read backwards, nothing shows: it follows from rows that are hidden', async () => {
  const client = await guard.connect('r', PASSWORD);
  await client.query(`${PREPARE}; EXECUTE p (1)`);
  expect((await client.query('SELECT name, generic_plans, custom_plans FROM pg_prepared_statements')).rows).toEqual([
    { name: 'p', generic_plans: null, custom_plans: null },
  ]);
  await client.query('BEGIN; DECLARE c CURSOR FOR SELECT id FROM pupils');
  expect((await client.query('SELECT name, is_scrollable FROM pg_cursors')).rows).toEqual([
    { name: 'c', is_scrollable: null },
  ]);
  await client.query('ROLLBACK');
});

test('plans by name need the grant also where the table is held whole, and ANALYZE runs no write', async () => {
  const plain = await guard.connect('plain', PASSWORD);
  await plain.query(PREPARE);
  await expect(plain.query('EXPLAIN EXECUTE p (1)')).rejects.toMatchObject({
    code: '42501',
    hint: 'It is granted by statements: [explain].',
  });
  await expect(plain.query('EXPLAIN ANALYZE EXECUTE p (1)')).rejects.toMatchObject({
    code: '42501',
    hint: 'It is granted by statements: [explain_analyze].',
  });
  const client = await guard.connect('r', PASSWORD);
  for (const write of ['UPDATE rooms SET name = $1', 'WITH u AS (UPDATE rooms SET name = $1 RETURNING id) TABLE u']) {
    await client.query(`PREPARE w (text) AS ${write}`);
    await expect(client.query("EXPLAIN ANALYZE EXECUTE w ('c')")).rejects.toMatchObject({
      code: '42501',
      message: 'permission denied for EXPLAIN ANALYZE of a write',
    });
    await client.query('DEALLOCATE w');
  }
  expect(await database.query("SELECT FROM rooms WHERE name = 'c'")).toHaveLength(0);
  // As sqlx asks, of what the protocol has prepared.
  await client.query({ name: 's', text: 'SELECT name FROM rooms WHERE id = $1', values: [1] });
  const { rows } = await client.query({ text: 'EXPLAIN (VERBOSE, FORMAT JSON) EXECUTE s (NULL)', name: 'explained' });
  expect(rows[0]!['QUERY PLAN'][0].Plan['Node Type']).toBe('Result');
});

describe('EXECUTE of what the protocol has prepared with parameters of the guard’s own, and EXPLAIN of that, as sqlx asks', () => {
  const plan = 'EXPLAIN (VERBOSE, FORMAT JSON) EXECUTE';
  const planned = (rows: readonly Record<string, unknown>[]): string => JSON.stringify(rows[0]!['QUERY PLAN']);

  test.each([
    [
      'NULL for a parameter',
      'SELECT id FROM pupils WHERE id = $1',
      `${plan} s (NULL);`,
      '"false"',
      '(1) ;',
      [{ id: 1 }],
    ],
    ['no parameters', 'SELECT id FROM pupils', `${plan} s -- of its own`, '(rowgate_row.school = 1)', '', [{ id: 1 }]],
    ['a write', 'UPDATE pupils SET id = $1 WHERE id = $2', `${plan} s (NULL, 5)`, '(pupils.school = 1)', '(7, 2)', []],
  ])('%s, by both protocols', async (_, text, explain, shown, given, gives) => {
    const client = await guard.connect('school', PASSWORD);
    await client.query({ name: 's', text, values: [...text.matchAll(/\$\d/g)].map(() => 9) });
    const simple = planned((await client.query(explain)).rows);
    expect(simple).toContain(shown);
    expect(planned((await client.query({ text: explain, name: 'explained' })).rows)).toBe(simple);
    for (const command of [plan, 'EXECUTE'])
      await expect(client.query(`${command} s (1, 2, 3)`)).rejects.toMatchObject({ code: '42601' });
    expect((await client.query(`EXECUTE s ${given}`)).rows).toEqual(gives);
    expect((await client.query({ text: `EXECUTE s ${given}`, name: 'runs' })).rows).toEqual(gives);
    const { rows } = await client.query('SELECT id FROM pupils ORDER BY id');
    expect(rows).toEqual([{ id: 1 }]);
    await client.end();
  });

  test('several in one message, each with its own', async () => {
    const client = await guard.connect('school', PASSWORD);
    await client.query({ name: 's', text: 'SELECT id FROM pupils WHERE id = $1', values: [1] });
    await client.query({ name: 't', text: 'SELECT name FROM rooms LIMIT $1', values: [1] });
    const results = await client.query(`${plan} s (1); SELECT 1 AS one; ${plan} t (NULL); ${plan} s (2)`);
    const plans = (results as unknown as pg.QueryResult[]).map(({ rows }) => JSON.stringify(rows));
    expect(plans.map((one) => /rowgate_row.school = 1/.test(one))).toEqual([true, false, false, true]);
    await client.end();
  });

  test.each([
    // Without the first check it would run, by the value of the school.
    ['with so many values', 'SELECT id FROM rooms WHERE id = $1', '42601'],
    ['without a school', 'SELECT id FROM rooms', '0A000'],
  ])('INVARIANT 175: one that was made for another statement of that name does not run: %s', async (_, other, code) => {
    const peer = await direct(guard.url('school', PASSWORD));
    const told = await ask(
      peer,
      P('SELECT id FROM pupils', 's'),
      P(`${plan} s`, 'e'),
      S(),
      CS('s'),
      P(other, 's'),
      B([], '', 'e'),
      E(),
      S(),
    );
    expect(told.slice(-3)).toEqual(['BindComplete', `ErrorResponse:${code}`, 'ReadyForQuery:I']);
    await peer.close();
  });
});

test('EXECUTE takes no constant that names an object', async () => {
  const client = await guard.connect('r', PASSWORD);
  await client.query('PREPARE o (oid) AS SELECT $1');
  await client.query('PREPARE many (oid[]) AS SELECT $1');
  for (const text of [
    "EXECUTE o ('pg_class'::regclass)",
    "EXPLAIN EXECUTE o ('pg_class'::regclass)",
    "EXECUTE many ('{pg_class}'::regclass[])",
  ])
    await expect(client.query(text)).rejects.toMatchObject({ code: '0A000' });
});

test('SHOW ALL has the settings that may be read, as the server shows them, by both protocols', async () => {
  const script = ['SET work_mem = 4096', 'SHOW ALL', 'SHOW ALL; SELECT 1 AS one; SHOW ALL'];
  const [seen, all] = await Promise.all([told(guard.url('plain', PASSWORD), script), told(database.url, script)]);
  const rows = (of: unknown[]) =>
    (of[1] as [string, [string, string[], { name: string; setting: string }[]][]])[1][0]![2];
  const names = rows(seen).map(({ name }) => name);
  expect(names).toContain('work_mem');
  expect(names).toContain('TimeZone');
  for (const hidden of ['data_directory', 'config_file', 'primary_conninfo', 'default_text_search_config'])
    expect(names).not.toContain(hidden);
  const known = rows(all).filter(({ name }) => names.includes(name));
  const apart = new Set(['session_authorization', 'search_path', 'is_superuser', 'client_min_messages', 'TimeZone']);
  const plain = (of: typeof known) => of.filter(({ name }) => !apart.has(name));
  expect(plain(rows(seen))).toEqual(plain(known));
  const shapes = (of: unknown[]) =>
    (of[2] as [string, [string, string[]][]])[1].map(([command, columns]) => [command, columns]);
  expect(shapes(seen)).toEqual(shapes(all));
  const answers = async (url: string) => {
    const peer = await direct(url);
    const found = await ask(peer, P('SHOW ALL'), B(), E(), S(), Q('SHOW ALL'));
    await peer.close();
    return found.filter((answer) => !answer.startsWith('DataRow'));
  };
  expect(await answers(guard.url('plain', PASSWORD))).toEqual(await answers(database.url));
});

test('INVARIANT 138: a setting that the role may change is read by a name that comes with Bind, and no other is', async () => {
  const client = new pg.Client(guard.url('plain', PASSWORD));
  await client.connect();
  await client.query("SET work_mem = '5MB'");
  const shown = async (name: string): Promise<unknown> => {
    const { rows } = await client.query('SELECT current_setting($1, true) AS value', [name]);
    return rows[0].value;
  };
  expect(await shown('Work_Mem')).toBe('5MB');
  expect(await shown('server_version_num')).toMatch(/^\d{6}$/);
  for (const name of ['data_directory', 'temp_tablespaces', 'work_mem ', "x', 'work_mem"])
    expect(await shown(name)).toBeNull();
  const { rows } = await client.query(
    "SELECT has_parameter_privilege(n, 'SET') AS may FROM unnest(ARRAY['work_mem', 'primary_conninfo']) AS n",
  );
  expect(rows).toEqual([{ may: false }, { may: null }]);
  await client.end();
});
