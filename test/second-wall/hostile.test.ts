/** Tests hostile names, values and conditions: they stay data in the printed SQL, at the server and in psql, which reads the file. */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { oneStatement } from '../../src/native/one-statement.ts';
import { identifier, sqlComment, sqlLiteral } from '../../src/native/sql-text.ts';
import { loadParser } from '../../src/sql/parse/parse.ts';
import { type FreshDatabase, freshDatabase, uniqueName } from '../support/postgres.ts';
import { testWith, tool } from '../support/tools.ts';
import { type WallsInTest, wallsOf } from './walls.ts';

const AWKWARD = [
  'plain',
  'Ünïcode',
  'q"uote',
  "ap'ostrophe",
  'back\\slash',
  '\\! echo hacked',
  'line\nbreak',
  'a\n; DROP TABLE victims; --',
  '$rowgate$',
  '-- comment',
  '/* open',
  ':variable',
  '\u202eright to left',
  '\u2028line separator',
  'nul-ish \u0001',
  'U&"x"',
  '%I %s',
];

let database: FreshDatabase;

beforeAll(async () => {
  await loadParser();
  database = await freshDatabase();
});
afterAll(() => database.drop());

describe.each(['on', 'off'])('with standard_conforming_strings %s', (setting) => {
  test.each(AWKWARD)('%j comes back as a value and as a name', async (text) => {
    const client = await database.connect();
    await client.query(`SET standard_conforming_strings = ${setting}; SET escape_string_warning = off`);
    const { rows } = await client.query(`SELECT ${sqlLiteral(text)} AS v`);
    expect(rows).toEqual([{ v: text }]);
    if (setting === 'off') return; // U& is for `on` alone, which the wall sets first
    const { fields } = await client.query(`SELECT 1 AS ${identifier(text)}`);
    expect(fields[0]?.name).toBe(text);
  });
});

test.each(AWKWARD)('a remark of %j is nothing but remarks', (text) => {
  for (const line of sqlComment(`a ${text} b`).split(/[\n\r\u0085\u2028\u2029]/u)) expect(line).toMatch(/^--( |$)/);
});

test.each([
  ['two statements', 'GRANT SELECT ON a TO b; DROP TABLE c'],
  ['a statement of another kind', 'DROP ROLE b'],
  ['none', '-- nothing'],
  ['what does not parse', 'GRANT SELECT ON a TO'],
])('%s is not printed', (_, sql) => {
  if (sql.startsWith('DROP ROLE')) expect(() => oneStatement(sql)).toThrow(/not the one statement/);
  else expect(() => oneStatement(sql)).toThrow(/wall/);
});

test('psql finds no variable in a condition', () => {
  const sql = "CREATE POLICY p ON t USING (tags[1:n] IS NOT NULL AND a::text = ':x')";
  expect(oneStatement(sql)).toBe("CREATE POLICY p ON t USING (tags[1: n] IS NOT NULL AND a::text = ':x')");
});

describe('a policy full of awkward names', () => {
  let folder: string;
  let walls: WallsInTest;
  const accounts: string[] = [];
  const tag = uniqueName('w');

  beforeAll(async () => {
    const quoted = (name: string) => `"${name.replaceAll('"', '""')}"`;
    await database.query('CREATE TABLE victims (a int); INSERT INTO victims VALUES (1)');
    folder = await mkdtemp(join(tmpdir(), 'rowgate-hostile-'));
    await mkdir(join(folder, 'roles'));
    const principals: Record<string, unknown> = {};
    const logins: Record<string, { user: string; password: string }> = {};
    for (const [at, name] of AWKWARD.entries()) {
      const table = `t ${name}`;
      await database.query(`CREATE TABLE ${quoted(table)} (${quoted(name)} int, who text, "hidden" text)`);
      await database.query(`INSERT INTO ${quoted(table)} VALUES (1, $1, 'hidden'), (2, 'other', 'hidden')`, [name]);
      const role = `r${at}`;
      const file = {
        role,
        attributes: { who: 'text' },
        tables: { [quoted(table)]: { rows: 'who = :who', select: { columns: [name, 'who'] } } },
        functions: [],
        limits: 'none',
      };
      await writeFile(join(folder, 'roles', `${role}.yaml`), JSON.stringify(file));
      principals[`p${at}`] = { role, attributes: { who: name }, password: VERIFIER };
      const user = `${tag} ${name}`;
      accounts.push(user);
      logins[role] = { user, password: 'x' };
    }
    await writeFile(join(folder, 'principals.yaml'), JSON.stringify({ principals }));
    walls = await wallsOf(database, { policies: folder, logins });
  });

  afterAll(async () => {
    for (const account of accounts) {
      const name = pg.escapeIdentifier(account);
      await database.query(`DROP OWNED BY ${name}`).catch(() => {});
      await database.query(`DROP ROLE IF EXISTS ${name}`);
    }
    await walls.end();
    await rm(folder, { recursive: true });
  });

  test('is put up, holds, and is found as it should be', async () => {
    await walls.apply();
    expect(await walls.compile({ verify: true })).toMatchObject({ exitCode: 0, differences: [], problems: [] });
    await seesItsOwnAlone();
  });

  const psql = tool('psql');
  testWith(psql)('by psql from a file as well, with hostile variables set', async () => {
    const { sql } = await walls.compile();
    const file = join(folder, 'wall.sql');
    await writeFile(file, sql!);
    const args = [
      '-X',
      '-q',
      '-1',
      '-v',
      'ON_ERROR_STOP=1',
      '-v',
      'variable=x; DROP TABLE victims',
      '-f',
      file,
      database.url,
    ];
    const { stdout, stderr } = await promisify(execFile)(psql.path!, args);
    expect([stdout, stderr]).toEqual(['', '']);
    expect(await walls.compile({ verify: true })).toMatchObject({ differences: [] });
    await seesItsOwnAlone();
  });

  async function seesItsOwnAlone(): Promise<void> {
    expect(await database.query('SELECT a FROM victims')).toEqual([{ a: 1 }]);
    for (const [at, name] of AWKWARD.entries()) {
      const client = await database.connect();
      await client.query(`SET ROLE ${pg.escapeIdentifier(accounts[at]!)}`);
      const table = pg.escapeIdentifier(`t ${name}`);
      const { rows } = await client.query(`SELECT ${pg.escapeIdentifier(name)} AS n, who FROM ${table}`);
      expect(rows).toEqual([{ n: 1, who: name }]);
      await expect(client.query(`SELECT hidden FROM ${table}`)).rejects.toMatchObject({ code: '42501' });
    }
  }
});

const VERIFIER =
  'SCRAM-SHA-256$4096:AAAAAAAAAAAAAAAAAAAAAA==$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=';
