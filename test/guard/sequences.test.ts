/** Tests `sequences:` of a role: by PostgreSQL's privileges, and for no other sequence; numbers drawn for rows that are not sent count as told values. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { guardInFrontOf, type TestGuard } from '../support/guard.ts';
import { PASSWORD, VERIFIER } from '../support/password.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';

const RIGHTS = ['usage', 'select', 'update'];

const CALLS = {
  nextval: (name: string) => `SELECT nextval('${name}')`,
  currval: (name: string) => `SELECT currval('${name}')`,
  setval: (name: string) => `SELECT setval('${name}', 7)`,
  select: (name: string) => `SELECT is_called FROM ${name}`,
};

const ROLE = `role: r
scope: { pupil: all }
tables:
  pupils: { select: { columns: [id, grade] } }
  orders: { insert: { columns: [note] } }
sequences:
${RIGHTS.map((right) => `  of_${right}: [${right}]`).join('\n')}
  '"Odd.Name"': [usage, select, update]
`;

let database: FreshDatabase;
let guard: TestGuard;
let folder: string;

beforeAll(async () => {
  database = await freshDatabase();
  const names = [...RIGHTS.map((right) => `of_${right}`), 'hidden', '"Odd.Name"'];
  await database.query(`
    ${names.map((name) => `CREATE SEQUENCE ${name}; GRANT ALL ON SEQUENCE ${name} TO PUBLIC;`).join('')}
    CREATE TABLE pupils (id integer PRIMARY KEY, grade integer);
    INSERT INTO pupils SELECT n, n FROM generate_series(1, 100) n;
    CREATE TABLE orders (id serial, note text); GRANT ALL ON SEQUENCE orders_id_seq TO PUBLIC`);
  folder = await mkdtemp(join(tmpdir(), 'rowgate-sequences-'));
  await mkdir(join(folder, 'roles'));
  await writeFile(join(folder, 'subjects.yaml'), 'subjects:\n  pupil: { keys: [pupils.id] }\n');
  await writeFile(join(folder, 'roles', 'r.yaml'), `${ROLE}limits: none\n`);
  const counted = `${ROLE.replace('role: r', 'role: counted')}limits: { subjects: { pupil: 50 per day } }\n`;
  await writeFile(join(folder, 'roles', 'counted.yaml'), counted);
  const principals = ['r', 'counted'].map((name) => `  ${name}: { role: ${name}, password: "${VERIFIER}" }\n`);
  await writeFile(join(folder, 'principals.yaml'), `principals:\n${principals.join('')}`);
  guard = await guardInFrontOf(database, { policies: folder });
});
afterAll(async () => {
  await guard?.stop();
  await database?.drop();
  await rm(folder, { recursive: true, force: true });
});

const codeOf = (client: pg.Client, sql: string): Promise<string> =>
  client.query(sql).then(
    () => 'ok',
    (error: pg.DatabaseError) => error.code ?? error.message,
  );

test('as an account with the same privileges', async () => {
  const account = await database.createLogin();
  for (const right of RIGHTS)
    await database.query(`
      REVOKE ALL ON SEQUENCE of_${right} FROM PUBLIC;
      GRANT ${right} ON SEQUENCE of_${right} TO ${account.user}`);
  const plain = new pg.Client(account.url);
  await plain.connect();
  const direct: Record<string, string> = {};
  const all = Object.entries(CALLS).flatMap(([call, text]) =>
    RIGHTS.map((right) => [`${call} of ${right}`, text(`of_${right}`)] as const),
  );
  for (const [what, sql] of all) direct[what] = await codeOf(plain, sql);
  await plain.end();
  await database.query(RIGHTS.map((right) => `GRANT ALL ON SEQUENCE of_${right} TO PUBLIC`).join('; '));
  const client = await guard.connect('r', PASSWORD);
  const seen: Record<string, string> = {};
  for (const [what, sql] of all) seen[what] = await codeOf(client, sql);
  await client.end();
  expect(seen).toEqual(direct);
});

test('by the extended protocol, with a value, and by names that need quotes', async () => {
  const client = await guard.connect('r', PASSWORD);
  const moved = await client.query(`SELECT setval('public."Odd.Name"'::regclass, $1, false)`, [41]);
  expect(moved.rows).toEqual([{ setval: '41' }]);
  expect((await client.query(`SELECT nextval('"Odd.Name"'), lastval()`)).rows).toEqual([
    { nextval: '41', lastval: '41' },
  ]);
  expect((await client.query('SELECT * FROM "Odd.Name"')).fields.map(({ name }) => name)).toEqual([
    'last_value',
    'log_cnt',
    'is_called',
  ]);
  await client.end();
});

test('not granted: other sequences, names that are computed, a table’s own', async () => {
  const client = await guard.connect('r', PASSWORD);
  for (const sql of [
    ...Object.values(CALLS).map((text) => text('hidden')),
    `SELECT setval('orders_id_seq', 1)`,
    `SELECT setval(('of_' || 'update')::regclass, 1)`,
    'UPDATE of_update SET last_value = 1',
    'SELECT last_value FROM of_select FOR UPDATE',
  ])
    expect([sql, await codeOf(client, sql)]).toEqual([sql, expect.stringMatching(/^42|0A000/)]);
  expect(await codeOf(client, "SELECT nextval('orders_id_seq')")).toBe('ok');
  const { rows } = await client.query('SELECT sequencename AS name, last_value FROM pg_sequences ORDER BY 1');
  expect(rows).toEqual(['Odd.Name', 'of_select', 'of_update', 'of_usage'].map((name) => ({ name, last_value: null })));
  await client.end();
});

test('where people are counted, no number is drawn or set by rows that are not sent', async () => {
  const client = await guard.connect('counted', PASSWORD);
  for (const sql of [
    "SELECT count(nextval('of_usage')) FROM pupils WHERE grade > 50",
    "SELECT setval('of_update', grade) FROM pupils WHERE id = 1",
    "SELECT setval('of_update', (SELECT max(grade) FROM pupils))",
    "SELECT id FROM pupils WHERE setval('of_update', 7) = 0",
    "SELECT setval('of_update', 5) FROM pupils WHERE grade = 7 LIMIT 0",
  ])
    expect([sql, await codeOf(client, sql)]).toEqual([sql, expect.stringMatching(/^(42501|0A000)$/)]);
  expect(await codeOf(client, "SELECT setval('of_update', 7)")).toBe('ok');
  await client.end();
});
