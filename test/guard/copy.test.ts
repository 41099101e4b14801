/** Tests COPY as a restricted role, with psql through a whole guard: it gives what SELECT gives, and writes what was granted. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { PSQL, psqlScript } from '../clients/psql.ts';
import { DATA, DONE } from '../session/copy-data.ts';
import { Q } from '../session/messages.ts';
import { logIn, Received } from '../session/peer.ts';
import { guardInFrontOf, type TestGuard } from '../support/guard.ts';
import { type FreshDatabase, freshDatabase, serverVersion } from '../support/postgres.ts';
import { testSince } from '../support/since.ts';
import { describeWith } from '../support/tools.ts';

const SCHEMA = `
CREATE TABLE pupils (id integer PRIMARY KEY, school integer NOT NULL, name text, born date, secret text DEFAULT 'hidden',
  upper_name text GENERATED ALWAYS AS (upper(name)) STORED);
INSERT INTO pupils SELECT i, 1 + i % 2, CASE i % 2 WHEN 0 THEN E'Zoé "' || i || E'"\\n;' ELSE 'hidden' END, '2012-05-06' FROM generate_series(1, 12) i;
CREATE TABLE parent (id integer, what text);
CREATE TABLE child () INHERITS (parent);
INSERT INTO parent VALUES (1, 'own');
INSERT INTO child VALUES (2, 'of the child');
CREATE TABLE inbox (id integer PRIMARY KEY, body text NOT NULL, came text DEFAULT current_user, twice integer GENERATED ALWAYS AS (id * 2) STORED,
  CONSTRAINT short CHECK (length(body) < 40));
CREATE TABLE log (body text);
CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN IF NEW.body = 'tell' THEN RAISE EXCEPTION 'hidden %', (SELECT min(secret) FROM pupils); END IF; INSERT INTO log VALUES (NEW.body); RETURN NEW; END $$;
CREATE TRIGGER noted BEFORE INSERT ON inbox FOR EACH ROW EXECUTE FUNCTION note();
CREATE VIEW shown AS SELECT id FROM inbox;
CREATE SEQUENCE numbers;
CREATE MATERIALIZED VIEW kept AS SELECT 1 AS one;`;

const POLICIES: Readonly<Record<string, string>> = {
  'roles/copier.yaml': `
role: copier
attributes: { school: integer }
scope: { pupil: school = :school }
tables:
  pupils: { select: { columns: [id, name, upper_name], masks: { born: "date_trunc('year', born::timestamp)::date" } } }
  parent: { select: { columns: "*" } }
  inbox: { select: { columns: "*" }, insert: { columns: [id, body] } }
  shown: { select: { columns: "*" } }
  numbers: { select: { columns: "*" } }
  kept: { select: { columns: "*" } }
statements: [copy_to, copy_from]
limits: { rows_per_statement: 6, changed_per_statement: 3, bytes_per_statement: 1 MB }
`,
  'subjects.yaml': 'subjects: { pupil: { keys: [pupils.id] } }',
  'principals.yaml': `
principals:
  copier:
    role: copier
    attributes: { school: 1 }
    password: SCRAM-SHA-256$4096:t9H+1OnArfz6o/OoZKoEDA==$KKU3gdgCxqHzvpz5qJPOx7iMtq4DZftuWdU9uGFzo7k=:3kQ/a0vGPefdWIFUxEqJ61rGYoiGtu4p4YMlCQGI8P4=
`,
};

let folder: string;
let database: FreshDatabase;
let guard: TestGuard;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'rowgate-copy-'));
  mkdirSync(join(folder, 'policies/roles'), { recursive: true });
  for (const [path, text] of Object.entries(POLICIES)) writeFileSync(join(folder, 'policies', path), text);
  database = await freshDatabase();
  await database.query(SCHEMA);
  guard = await guardInFrontOf(database, { policies: join(folder, 'policies') });
});
afterAll(async () => {
  await guard.stop();
  await database.drop();
  rmSync(folder, { recursive: true, force: true });
});
beforeEach(() => database.query('TRUNCATE inbox, log'));

const psql = (...lines: readonly string[]): Promise<string> => psqlScript(guard.url('copier'), `${lines.join('\n')}\n`);
const fileAt = (name: string): string => join(folder, name);
const inbox = () => database.query('SELECT id, body, came IS NOT NULL AS came, twice FROM inbox ORDER BY id');

describeWith(PSQL)('out', () => {
  test('a table: granted columns in their order, without generated ones, masked and filtered', async () => {
    const shown = await psql('\\copy pupils to stdout');
    expect(shown.trim().split('\n')).toEqual([2, 4, 6, 8, 10, 12].map((id) => `${id}\tZoé "${id}"\\n;\t2012-01-01`));
  });

  test('CSV with names and line breaks, exactly at the limit of rows', async () => {
    const shown = await psql("\\copy pupils (name, id) to stdout with (format csv, header, delimiter ';')");
    expect(shown).toBe(`name;id\n${[2, 4, 6, 8, 10, 12].map((id) => `"Zoé ""${id}""\n;";${id}\n`).join('')}`);
  });

  test('binary gives the bytes that PostgreSQL gives of the same rows', async () => {
    expect(await psql(`\\copy pupils (id, name) to '${fileAt('out')}' binary`)).toBe('COPY 6\n');
    const query = `(SELECT id, name FROM pupils WHERE school = 1) to '${fileAt('expected')}' binary`;
    await psqlScript(database.url, `\\copy ${query}\n`);
    expect(readFileSync(fileAt('out'))).toEqual(readFileSync(fileAt('expected')));
  });

  test('a table alone, without those that inherit from it, as COPY does', async () => {
    expect(await psql('\\copy parent to stdout')).toBe('1\town\n');
    expect(await psql('\\copy (select * from parent order by id) to stdout')).toBe('1\town\n2\tof the child\n');
  });

  test('one row over the limit is an error, not a short result', async () => {
    const shown = await psql('\\copy (select generate_series(1, 7)) to stdout', "select 'still';");
    expect(shown).toContain('ERROR:  statement returns more than 6 rows');
    expect(shown).toContain('still');
  });

  test.each([
    ['pupils (upper_name)', 'column "upper_name" is a generated column'],
    ['pupils (secret)', 'permission denied for column "secret" of relation "pupils"'],
    ['shown', 'cannot copy from view "shown"'],
    ['numbers', 'cannot copy from sequence "numbers"'],
  ])('%s: %s', async (what, message) => {
    expect(await psql(`\\copy ${what} to stdout`)).toContain(`ERROR:  ${message}`);
  });

  test('a materialized view, as the server’s version has it', async () => {
    const refused = 'ERROR:  cannot copy from materialized view "kept"\n';
    expect(await psql('\\copy kept to stdout')).toContain(serverVersion() >= 18 ? '1\n' : refused);
  });

  test('the error of a query shows no hidden values', async () => {
    expect(await psql('\\copy (select 1 / (id - 4) from pupils) to stdout')).toBe('0\nERROR:  division by zero\n');
    expect(await psql('\\copy (select (name)::int from pupils) to stdout')).toMatch(
      /^ERROR: {2}invalid text representation\n/,
    );
  });
});

describeWith(PSQL)('in', () => {
  test('granted columns; defaults, generated columns and triggers do their work', async () => {
    expect(await psql('\\copy inbox (id, body) from stdin', '1\tone', '2\ttwo', '\\.')).toContain('COPY 2\n');
    expect(await inbox()).toEqual([
      { id: 1, body: 'one', came: true, twice: 2 },
      { id: 2, body: 'two', came: true, twice: 4 },
    ]);
    expect(await database.query('SELECT count(*)::int AS n FROM log')).toEqual([{ n: 2 }]);
  });

  testSince(15)('CSV with a header that must MATCH, and binary, there and back', async () => {
    writeFileSync(fileAt('in.csv'), 'body,id\n"a\n\n\nb",1\n"c ""d""",2\n,3\n');
    const options = "(format csv, header match, null 'nothing')";
    expect(await psql(`\\copy inbox (body, id) from '${fileAt('in.csv')}' with ${options}`)).toBe('COPY 3\n');
    const before = await inbox();
    expect(before.map(({ body }) => body)).toEqual(['a\n\n\nb', 'c "d"', '']);
    await psql(`\\copy inbox (id, body) to '${fileAt('in.bin')}' binary`);
    await database.query('TRUNCATE inbox');
    expect(await psql(`\\copy inbox (id, body) from '${fileAt('in.bin')}' binary`)).toBe('COPY 3\n');
    expect(await inbox()).toEqual(before);
  });

  test('as many rows as may change pass; one more, and nothing is kept', async () => {
    writeFileSync(fileAt('three'), '1\ta\n2\tb\n3\tc');
    writeFileSync(fileAt('four'), '4\ta\n5\tb\n6\tc\n7\td');
    expect(await psql(`\\copy inbox (id, body) from '${fileAt('three')}'`)).toBe('COPY 3\n');
    const shown = await psql(`\\copy inbox (id, body) from '${fileAt('four')}'`);
    expect(shown).toContain('ERROR:  statement changes more than 3 rows');
    expect(await inbox()).toHaveLength(3);
    const records = await guard.records();
    expect(records.filter((r) => r.kind === 'outcome').at(-1)).toMatchObject({
      status: 'cut',
      sqlstate: '53400',
      changed: 0,
      limit: { name: 'changed_per_statement', used: 3, of: 3 },
    });
  });

  test.each([
    ['a bad value', 'x\ta', 'invalid text representation'],
    ['too few columns', '1', 'bad copy file format'],
    ['a key that exists', '1\ta\n1\tb', 'duplicate key value violates unique constraint "inbox_pkey"'],
    ['a check', `1\t${'x'.repeat(40)}`, 'new row for relation "inbox" violates check constraint "short"'],
    ['a trigger that would tell', '1\ttell', 'raise exception'],
  ])('%s undoes all of it, and shows no line, value or context', async (_, data, message) => {
    writeFileSync(fileAt('bad'), `7\tgood\n${data}\n`);
    const shown = await psql(`\\copy inbox (id, body) from '${fileAt('bad')}'`, "select 'still';");
    expect(shown).toMatch(new RegExp(`^ERROR: {2}${message}\n`));
    expect(shown).not.toMatch(/hidden|CONTEXT|DETAIL:|line 2/);
    expect(shown).toContain('still');
    expect(await inbox()).toEqual([]);
  });

  test.each([
    ['inbox', 'permission denied for column "came" of relation "inbox"'],
    ['inbox (id, came)', 'permission denied for column "came" of relation "inbox"'],
    ['inbox (id, twice)', 'permission denied for column "twice" of relation "inbox"'],
    ['pupils (id)', 'permission denied for table pupils'],
    ['shown', 'permission denied for view shown'],
  ])('%s: %s', async (what, message) => {
    expect(await psql(`\\copy ${what} from '/dev/null'`)).toContain(`ERROR:  ${message}`);
  });
});

describe('cancelled by the client', () => {
  /** Sends; cancels once the server is at it; sends the rest; gives what came. */
  async function cancelled(sql: string, before: readonly Uint8Array[], behind: readonly Uint8Array[]) {
    const { socket, cancel, close } = await logIn(guard.url('copier'));
    const received = new Received();
    socket.on('data', (chunk) => received.push(chunk));
    socket.on('close', () => received.close());
    socket.write(Buffer.concat([Q(sql), ...before]));
    await untilRunning(sql);
    await cancel();
    socket.write(Buffer.concat([...behind, Q('SELECT 1')]));
    await received.until(() => received.ready >= 2);
    await close();
    return received.words();
  }

  test('while rows flow out', async () => {
    const words = await cancelled('COPY (SELECT count(*) FROM generate_series(1, 1000000000)) TO STDOUT', [], []);
    expect(words.slice(-6, -3)).toEqual(['ErrorResponse:57014', 'ReadyForQuery:I', 'RowDescription']);
  });

  test('while rows come in: nothing is kept', async () => {
    const words = await cancelled('COPY inbox (id, body) FROM STDIN', [DATA('1\ta\n')], [DATA('2\tb\n'), DONE]);
    expect(words.slice(0, 3)).toEqual(['CopyInResponse', 'ErrorResponse:57014', 'ReadyForQuery:I']);
    expect(await inbox()).toEqual([]);
  });
});

/** The server works on it. */
async function untilRunning(sql: string): Promise<void> {
  const word = sql.includes('STDIN') ? 'STDIN' : 'generate_series';
  for (let i = 0; i < 200; i += 1) {
    const [row] = await database.query<{ n: number }>(
      `SELECT count(*)::int AS n FROM pg_stat_activity WHERE query LIKE 'COPY%${word}%' AND state = 'active'`,
    );
    if (row!.n > 0) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error('the COPY never ran');
}
