/** Tests what reaches a client beside its answers: rows that a tag does not count, notices of a COMMIT, and values that Bind alone reads. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Backend } from '../../src/protocol/message-types.ts';
import { ISSUER, keySet, makeKey } from '../identity/issuer.ts';
import { type RawClient, rawLogin } from '../proxy/raw-client.ts';
import { B, E, P, Q, S } from '../session/messages.ts';
import { guardInFrontOf, type TestGuard } from '../support/guard.ts';
import { PASSWORD, VERIFIER } from '../support/password.ts';
import type { FreshDatabase } from '../support/postgres.ts';
import { failure, pupilsDatabase } from './world.ts';

const OBJECTS = `
  ALTER TABLE pupils ADD weight integer NOT NULL DEFAULT 40;
  CREATE TABLE kept (id integer, n integer);
  CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN INSERT INTO kept VALUES (NEW.id, NEW.n); RETURN NULL; END $$;
  CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
  CREATE TABLE ruled (id integer PRIMARY KEY, n integer);
  INSERT INTO ruled SELECT n, 0 FROM generate_series(1, 500) n;
  CREATE RULE added AS ON UPDATE TO ruled DO INSTEAD INSERT INTO kept VALUES (NEW.id, NEW.n);
  CREATE RULE gone AS ON DELETE TO ruled DO INSTEAD UPDATE kept SET n = 0 WHERE id = OLD.id;
  CREATE VIEW over_ruled AS SELECT id, n FROM ruled;
  CREATE TABLE plain (id integer, n integer);
  CREATE VIEW written AS SELECT id, n FROM plain;
  CREATE TRIGGER keep INSTEAD OF INSERT ON written FOR EACH ROW EXECUTE FUNCTION keep();
  CREATE TABLE parent (id integer, n integer);
  CREATE TABLE child () INHERITS (parent);
  CREATE TRIGGER keep BEFORE INSERT ON parent FOR EACH ROW EXECUTE FUNCTION keep();
  CREATE TABLE touched (id integer, n integer);
  CREATE TRIGGER touch BEFORE INSERT OR UPDATE ON touched FOR EACH ROW EXECUTE FUNCTION touch();
  CREATE FUNCTION heavy(pupil integer) RETURNS boolean LANGUAGE sql STABLE AS
    $$ SELECT EXISTS (SELECT FROM pupils WHERE id = pupil AND weight > 50) $$;
  CREATE DOMAIN heavyweight AS integer CHECK (heavy(VALUE));
  CREATE PROCEDURE noted(n integer) LANGUAGE plpgsql AS $$ BEGIN END $$;
  CREATE TABLE weighed (id integer, who heavyweight);
  CREATE TABLE numbered (id serial, n integer)`;

const TABLES = `scope: { pupil: all }
tables:
  pupils: { select: { columns: [id, name, weight] } }
${['kept', 'ruled', 'over_ruled', 'plain', 'written', 'parent', 'touched', 'weighed', 'numbered']
  .map(
    (name) => `  ${name}: { select: { columns: "*" }, insert: { columns: "*" }, update: { columns: "*" }, delete: {} }`,
  )
  .join('\n')}
statements: [copy_from, explain, call]
functions: [noted(integer)]
`;
const ROLES = {
  people: 'limits: { subjects: { pupil: 100000 per day } }',
  domain: 'limits: { subjects: { pupil: 20 per day } }',
  unread: 'limits: { subjects: { pupil: 20 per day } }',
  few: 'limits: { subjects: { pupil: 20 per day } }',
  numbers: 'limits: { subjects: { pupil: 20 per day } }',
  cut: 'limits: { rows_per_statement: 5, subjects: { pupil: 20 per day } }',
  declared: 'limits: { subjects: { pupil: 20 per day } }',
  bound: 'limits: { subjects: { pupil: 20 per day } }',
  estimated: 'limits: { estimated_rows: 500, subjects: { pupil: 20 per day } }',
  drawn: 'limits: { rows_per_statement: 5, subjects: { pupil: 20 per day } }',
  behind: 'limits: { rows_per_statement: 5, subjects: { pupil: 20 per day } }',
  ending: 'limits: { rows_per_statement: 5, subjects: { pupil: 20 per day } }',
  changes: 'limits: { changed: 100000 per day }',
  each: 'limits: none\nlimits_per_user: { subjects: { pupil: 20 per day } }',
};
const UNRESTRICTED = 'access: unrestricted\nlimits: none\nlimits_per_user: { subjects: { pupil: 20 per day } }';
const TOKEN = `{ issuer: "${ISSUER}", keys: jwks.json, user: sub, max_age: 1 hour }`;

let database: FreshDatabase;
let folder: string;
let guard: TestGuard;
beforeAll(async () => {
  database = await pupilsDatabase();
  await database.query(OBJECTS);
  folder = await mkdtemp(join(tmpdir(), 'rowgate-test-beside-'));
  await mkdir(join(folder, 'roles'));
  await writeFile(join(folder, 'subjects.yaml'), 'subjects:\n  pupil: { keys: [pupils.id, visits.pupil_id] }\n');
  for (const [name, limits] of Object.entries(ROLES))
    await writeFile(join(folder, 'roles', `${name}.yaml`), `role: ${name}\n${TABLES}${limits}\n`);
  await writeFile(join(folder, 'roles', 'unrestricted.yaml'), `role: unrestricted\n${UNRESTRICTED}\n`);
  await writeFile(join(folder, 'jwks.json'), keySet(makeKey('EdDSA')));
  const principals = [...Object.keys(ROLES), 'unrestricted'].map((name) => {
    const token = name === 'each' || name === 'unrestricted' ? `, token: ${TOKEN}` : '';
    return `  ${name}: { role: ${name}, password: "${VERIFIER}"${token} }\n`;
  });
  await writeFile(join(folder, 'principals.yaml'), `principals:\n${principals.join('')}`);
  guard = await guardInFrontOf(database, { policies: folder });
});
afterAll(async () => {
  await guard?.stop();
  await database?.drop();
  if (folder) await rm(folder, { recursive: true, force: true });
});

const stored = async (): Promise<number> => Number((await database.query('SELECT count(*) AS n FROM kept'))[0]!.n);

/** Their tags say 0, and what they store is in `kept`. */
const UNCOUNTED: readonly (readonly [note: string, sql: string])[] = [
  ['a rule in place of an UPDATE', 'UPDATE ruled SET n = p.weight FROM pupils p WHERE p.id = ruled.id'],
  ['the same of a part', 'UPDATE ruled SET n = (SELECT weight FROM pupils p WHERE p.id = ruled.id)'],
  ['through a view', 'UPDATE over_ruled SET n = (SELECT weight FROM pupils p WHERE p.id = over_ruled.id)'],
  ['chosen by others', 'DELETE FROM ruled WHERE id IN (SELECT id + 1 FROM pupils WHERE weight = 40)'],
  ['a trigger in place of an INSERT', 'INSERT INTO written SELECT id, weight FROM pupils'],
  ['a trigger that spreads rows', 'INSERT INTO parent SELECT id, weight FROM pupils'],
];

test.each(UNCOUNTED)('others’ data are not stored where the tag does not count them: %s', async (_, sql) => {
  const client = await guard.connect('people', PASSWORD);
  const before = await stored();
  await client.query('BEGIN');
  expect(await failure(client, sql)).toMatchObject({
    code: '42501',
    message: /rows written from people who are not their own/,
  });
  await client.query('COMMIT');
  expect(await stored()).toBe(before);
});

/** INVARIANT 210: the sequence tells which row failed. */
test('an error among many rows that are written costs one more than that of one row', async () => {
  const client = await guard.connect('numbers', PASSWORD);
  const failed = { code: '22012' };
  const one = 'INSERT INTO numbered (n) VALUES ((SELECT 1 / (weight - 40) FROM pupils WHERE id + 0 = 1))';
  const many = 'INSERT INTO numbered (n) SELECT 1 / (weight - 40) FROM pupils';
  const spread =
    'INSERT INTO numbered (n) VALUES (1 / (generate_series(38, 50) - (SELECT weight FROM pupils WHERE id + 0 = 1)))';
  await client.query('INSERT INTO numbered (n) SELECT 1 FROM pupils WHERE id + 0 < 0');
  for (let i = 0; i < 8; i += 1) expect(await failure(client, many)).toMatchObject(failed);
  expect(await failure(client, spread)).toMatchObject(failed);
  expect(await failure(client, many)).toMatchObject({
    code: '53400',
    message:
      /^statement costs an answer about people of subject "pupil", and principal "numbers" has 1 of 20 per day left$/,
    detail: /It needs two: one more for what an error leaves behind/,
  });
  expect(await failure(client, one)).toMatchObject(failed);
  expect(await failure(client, one)).toMatchObject({ code: '53400' });
});

const MANY = 'INSERT INTO numbered (n) SELECT CASE WHEN id < 9 THEN 1 ELSE 1 / (weight - 40) END FROM pupils';

/** So many questions are left. */
async function left(client: pg.Client): Promise<number> {
  const one = 'SELECT 1 / (weight - 40) FROM pupils WHERE id + 0 = 1';
  for (let count = 0; ; count += 1) {
    const { code } = await failure(client, one);
    if (code === '53400') return count;
    expect(code).toBe('22012');
  }
}

/** INVARIANT 233, 242: the sequence tells how many rows there were. */
test.each([
  ['cut', 'INSERT INTO numbered (n) SELECT 1 FROM pupils WHERE id + 0 < 9 RETURNING 7'],
  ['drawn', "SELECT nextval('numbered_id_seq') FROM pupils WHERE id + 0 < 9"],
])(
  'what is cut off and drew numbers keeps what was set aside, beside what its rows cost: %s',
  async (principal, sql) => {
    const client = await guard.connect(principal, PASSWORD);
    expect(await failure(client, sql)).toMatchObject({ code: '53400', message: /more than 5 rows/ });
    expect(await left(client)).toBe(20 - 5 - 2);
  },
);

/** INVARIANT 243: where a name in the statistics begins so, the pattern fails. */
test.each([
  ['declared', (sql: string) => [Q('BEGIN'), Q(`DECLARE c CURSOR FOR ${sql}`), Q('ROLLBACK')]],
  ['bound', (sql: string) => [Buffer.concat([P(sql), B(), S()])]],
  ['estimated', (sql: string) => [Q(sql)]],
])('what planning tells of people is paid: %s', async (principal, messagesOf) => {
  await database.query('ANALYZE pupils');
  const { socket, reader } = await rawLogin(guard.port, principal, PASSWORD, database.name);
  const planned = async (start: string): Promise<string | undefined> => {
    let code: string | undefined;
    for (const message of messagesOf(`SELECT id FROM pupils WHERE name LIKE '${start}%\\'`)) {
      socket.write(message);
      for (let type = 0; type !== Backend.ReadyForQuery; ) {
        const frame = await reader.readMessage();
        ({ type } = frame);
        if (type === Backend.ErrorResponse) code = /\0C(\w{5})/.exec(frame.bytes.toString('latin1'))?.[1];
      }
    }
    return code;
  };
  await planned('none');
  for (let i = 0; i < 19; i += 1) expect(await planned(`pupil ${1 + (i % 9)}`)).toBe('22025');
  for (let i = 0; i < 2 && (await planned('pupil 7')) === '22025'; i += 1);
  for (const start of ['pupil 7', 'other']) expect(await planned(start)).toBe('53400');
  socket.destroy();
});

/** INVARIANT 232 */
test.each([
  ['behind', MANY, 'what fails'],
  ['ending', 'INSERT INTO numbered (n) SELECT 1 FROM pupils WHERE id + 0 < 9', 'what ends'],
])('what the server runs behind a statement that is cut off is paid: %s', async (principal, sql) => {
  const client = await guard.connect(principal, PASSWORD);
  const next = async () =>
    (await client.query('INSERT INTO numbered (n) VALUES (1) RETURNING id')).rows[0].id as number;
  const before = await next();
  expect(await failure(client, `SELECT * FROM ruled; ${sql}`)).toMatchObject({ code: '53400', message: /than 5 rows/ });
  // Undone, but not the numbers.
  expect((await next()) - before).toBeGreaterThan(8);
  expect(await left(client)).toBe(18);
});

test.each([
  ['given rows', 'INSERT INTO touched VALUES (1, 1)'],
  ['rows of no one', 'INSERT INTO written SELECT g, g FROM generate_series(1, 3) g'],
])('what stores nothing of others runs: %s', async (_, sql) => {
  await (await guard.connect('people', PASSWORD)).query(sql);
});

test.each([
  ['a rule', 'UPDATE ruled SET n = 1'],
  ['a rule for another command', 'DELETE FROM ruled'],
  ['through a view', 'DELETE FROM over_ruled'],
  ['a trigger of a view', 'INSERT INTO written SELECT g, g FROM generate_series(1, 500) g'],
  ['a trigger that spreads rows', 'INSERT INTO parent SELECT g, g FROM generate_series(1, 500) g'],
  ['COPY', 'COPY parent FROM STDIN'],
])('where changed rows are limited, a write whose tag does not count them does not run: %s', async (_, sql) => {
  const client = await guard.connect('changes', PASSWORD);
  expect(await failure(client, sql)).toMatchObject({ code: '0A000', message: /where changed rows are limited$/ });
  await client.query('INSERT INTO touched VALUES (1, 1)');
});

/** One notice for each of them who weighs less than 50. */
const held = (name: string): string =>
  `DECLARE ${name} CURSOR WITH HOLD FOR SELECT to_tsquery('english', CASE WHEN weight < 50 THEN 'the' ELSE 'x' END) FROM pupils`;

async function answers({ socket, reader }: RawClient, ...messages: readonly Uint8Array[]): Promise<string> {
  socket.write(Buffer.concat(messages));
  for (let types = ''; ; ) {
    const { type, bytes } = await reader.readMessage();
    types += String.fromCharCode(type);
    if (type === Backend.ErrorResponse) types += `<${/C([0-9A-Z]{5})\0/.exec(bytes.toString('latin1'))?.[1]}>`;
    if (type === Backend.ReadyForQuery) return types;
  }
}

test('no notice of a cursor that is read at COMMIT is passed on, however it commits', async () => {
  const client: pg.Client = await guard.connect('people', PASSWORD);
  const notices: string[] = [];
  client.on('notice', ({ message }) => void notices.push(message ?? ''));
  await client.query(held('a'));
  await client.query(`SELECT name FROM pupils WHERE id = 1; ${held('b')}`);
  await client.query('BEGIN');
  await client.query(held('c'));
  await client.query('COMMIT');
  expect(notices).toEqual([]);
  const raw = await rawLogin(guard.port, 'people', PASSWORD, database.name);
  expect(await answers(raw, P(held('d')), B(), E(), S())).not.toContain('N');
  expect(await answers(raw, P(held('e')), B(), E(), Q('SHOW timezone'))).not.toContain('N');
});

test('a value of a domain that checks by data is counted where Bind reads it', async () => {
  const raw = await rawLogin(guard.port, 'domain', PASSWORD, database.name);
  const refused = expect.stringContaining('<42501>');
  expect(await answers(raw, P('EXPLAIN SELECT $1::heavyweight'), B(['7']), S())).toEqual(refused);
  expect(await answers(raw, P('DECLARE c CURSOR WITH HOLD FOR SELECT $1::heavyweight'), B(['7']), S())).toEqual(
    refused,
  );
  expect(await answers(raw, P('CALL noted($1::heavyweight)'), B(['7']), S())).toEqual(refused);
  for (let value = 1; value <= 20; value += 1)
    expect(await answers(raw, P('SELECT $1::heavyweight'), B([String(value)]), S())).toContain('<23514>');
  expect(await answers(raw, P('SELECT $1::heavyweight'), B(['21']), S())).toContain('<53400>');
  await expect
    .poll(async () => {
      const ended = (await guard.records()).filter(
        ({ kind, principal }) => kind === 'outcome' && principal === 'domain',
      );
      return ended.filter(({ subjects }) => (subjects as { pupil?: object } | undefined)?.pupil).length;
    })
    .toBe(20);
});

test('whether a cursor can be read at COMMIT costs, also where it gives the keys of its people', async () => {
  const client = await guard.connect('few', PASSWORD);
  const cursor = (id: number) =>
    `DECLARE k${id} CURSOR WITH HOLD FOR SELECT 1 / (weight - 41) FROM pupils WHERE id = ${id}`;
  for (let id = 1; id <= 20; id += 1) await client.query(cursor(id));
  expect(await failure(client, cursor(21))).toMatchObject({ code: '53400' });
});

test('a cursor over people of whom each end user may know some is not opened without one', async () => {
  const client = await guard.connect('each', PASSWORD);
  const cursor = (hold: string) => `DECLARE c CURSOR ${hold} FOR SELECT 1 / (weight - 40) FROM pupils WHERE id = 77`;
  expect(await failure(client, cursor('WITH HOLD'))).toMatchObject({ code: '28000' });
  await client.query('BEGIN');
  expect(await failure(client, cursor(''))).toMatchObject({ code: '28000' });
});

/** INVARIANT 60 */
test.each([
  'SELECT id, name FROM pupils',
  'SELECT count(*) FROM pupils',
  'WITH p AS (SELECT name FROM pupils) SELECT * FROM p',
  'DECLARE c CURSOR WITH HOLD FOR SELECT name FROM pupils',
  'UPDATE pupils SET name = name RETURNING name',
])('an unrestricted role, of which nothing is judged, shows nobody without an end user: %s', async (sql) => {
  const client = await guard.connect('unrestricted', PASSWORD);
  expect(await failure(client, sql)).toMatchObject({ code: '28000', message: 'no token says for whom this is' });
});

test('an error behind a row of somebody new costs one more, where the keys cannot be read as they come', async () => {
  await database.query('UPDATE pupils SET weight = 41 WHERE id = 500');
  const raw = await rawLogin(guard.port, 'unread', PASSWORD, database.name);
  const text = 'SELECT id, 100 / (weight - 41) FROM pupils WHERE id = ANY ($1)';
  expect(await answers(raw, P(text), B(['{"\\1","500"}']), E(), S())).toBe('12DE<22012>Z');
  const told = async () =>
    (await guard.records()).filter(({ kind, subjects }) => kind === 'outcome' && subjects).at(-1);
  await expect.poll(told).toMatchObject({ principal: 'unread', subjects: { pupil: { people: 1, questions: 1 } } });
});
