/** Tests both notations of calls and fields (`row.f`, `f(row)`, `column(row)`): each gives what a database with only the granted rows gives. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { guardInFrontOf, type TestGuard } from '../support/guard.ts';
import { PASSWORD, VERIFIER } from '../support/password.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';

/** Of the pupils those of school 1 show; of the staff all but the salary. */
const SCHEMA = `
CREATE TYPE place AS (street text, city text);
CREATE TABLE people (id integer PRIMARY KEY, first text, last text, home place);
INSERT INTO people VALUES (1, 'Ada', 'Byron', ('a', 'b')), (2, 'Alan', NULL, NULL);
CREATE TABLE pupils (id integer PRIMARY KEY, school integer, name text, points integer);
INSERT INTO pupils VALUES (1, 1, 'x', 2), (2, 1, 'y', 5);
CREATE TABLE staff (id integer PRIMARY KEY, name text);
INSERT INTO staff VALUES (1, 's');
CREATE TABLE trap (first text, people integer, staff integer);
INSERT INTO trap VALUES ('t', 1, 1);
CREATE SCHEMA other;
CREATE FUNCTION longname(people) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT concat_ws('' '', $1.first, $1.last)';
CREATE FUNCTION kin(people) RETURNS SETOF people LANGUAGE sql AS 'SELECT * FROM people p WHERE p.id <> $1.id';
CREATE FUNCTION share(pupils) RETURNS integer LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN 10 / $1.points; END';
CREATE FUNCTION label(pupils, sep text DEFAULT '-') RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT $1.name || sep || $1.points';
CREATE FUNCTION address(place) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT $1.street || $1.city';
CREATE FUNCTION whole_staff(staff) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT $1.name'`;

const HIDDEN = `
INSERT INTO pupils VALUES (3, 2, 'hidden', 0), (4, 2, 'hidden', NULL);
ALTER TABLE staff ADD salary integer;
UPDATE staff SET salary = 77;
CREATE FUNCTION salary_of(staff) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT $1.salary';
CREATE FUNCTION other.longname(people) RETURNS text LANGUAGE sql AS 'SELECT ''other'''`;

let database: FreshDatabase;
let copy: FreshDatabase;
let guard: TestGuard;
let folder: string;

beforeAll(async () => {
  [database, copy] = await Promise.all([freshDatabase(), freshDatabase()]);
  await Promise.all([database.query(SCHEMA), copy.query(SCHEMA)]);
  await database.query(HIDDEN);
  folder = await mkdtemp(join(tmpdir(), 'rowgate-fields-'));
  await mkdir(join(folder, 'roles'));
  await writeFile(
    join(folder, 'roles', 'r.yaml'),
    `role: r
tables:
  people: { select: { columns: "*" } }
  pupils: { rows: school = 1, select: { columns: "*" } }
  staff: { select: { columns: [id, name] } }
  trap: { select: { columns: "*" } }
functions: [longname, kin, share, label, address, whole_staff]
limits: none
`,
  );
  await writeFile(join(folder, 'principals.yaml'), `principals:\n  r: { role: r, password: "${VERIFIER}" }\n`);
  guard = await guardInFrontOf(database, { policies: folder });
});
afterAll(async () => {
  await guard?.stop();
  await Promise.all([database?.drop(), copy?.drop()]);
  await rm(folder, { recursive: true, force: true });
});

async function told(url: string, text: string): Promise<unknown> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    const { fields, rows } = await client.query({ text, rowMode: 'array' });
    return [fields.map(({ name, dataTypeID }) => [name, dataTypeID > 16_383 ? 'own' : dataTypeID]), rows];
  } catch (error) {
    return [(error as pg.DatabaseError).code, (error as Error).message];
  } finally {
    await client.end();
  }
}

const SAME = [
  'SELECT people.longname, last(people), first (people) FROM people ORDER BY id',
  'SELECT p.longname AS who, "last"(p) FROM public.people p ORDER BY (p).id',
  'SELECT public.people.longname FROM people ORDER BY people.longname',
  'SELECT (p).longname, ((p).longname), (p.longname) FROM people p ORDER BY 1',
  'SELECT upper(p.longname), length((p).longname) FROM people p WHERE p.longname LIKE $$A%$$ AND id(p) > 0 ORDER BY 1',
  // A column of that name comes first where a name stands alone.
  'SELECT people.longname FROM people, trap ORDER BY 1',
  'SELECT x.longname FROM (SELECT * FROM people) x ORDER BY 1',
  'SELECT x.longname FROM people AS x (a, b, c, d) ORDER BY 1',
  'SELECT count(*), p.longname FROM people p GROUP BY p.longname ORDER BY 2',
  'SELECT p.longname FROM people p GROUP BY p.id ORDER BY 1',
  'SELECT DISTINCT p.longname FROM people p ORDER BY p.longname DESC',
  'SELECT (SELECT p.longname) FROM people p ORDER BY 1',
  'SELECT p.kin FROM people p ORDER BY 1',
  'SELECT last(p.kin), last(kin(p)), (p.kin).last, name(s) FROM people p, staff s ORDER BY 1',
  'SELECT (p.kin).* FROM people p ORDER BY 1',
  'SELECT (p.home).address FROM people p ORDER BY 1',
  'SELECT (p.home).address, city(p.home), (home(p)).city, city(home(p)) FROM people p ORDER BY 1',
  'SELECT f1(ROW(1, 2)), f2(ROW(1, p.id)) FROM people p ORDER BY 2',
  'SELECT x.abs FROM generate_series(-2, -1) x',
  "SELECT ('abc').upper, (-4).abs",
  'SELECT (p.longname || p.last), p.row_to_json FROM people p ORDER BY p.id',
  // Rows that are withheld.
  'SELECT s.share, s.label, name(s) FROM pupils s ORDER BY id(s)',
  'SELECT id FROM pupils s WHERE s.share > 2 ORDER BY 1',
  'SELECT id FROM pupils s WHERE points(s) / s.points = 1 AND (s).share > 0 ORDER BY 1',
  'SELECT s.share, count(*) FROM pupils s GROUP BY s.share ORDER BY 1',
  'SELECT max(s.share), sum(points(s)) FROM pupils s',
  'SELECT max(s.label) FROM pupils s GROUP BY school(s)',
  'SELECT p.id, s.label FROM people p LEFT JOIN pupils s ON s.id = p.id + 1 ORDER BY 1',
  'SELECT s.label FROM people p RIGHT JOIN pupils s ON s.id = p.id AND s.share > 0 ORDER BY 1',
  'SELECT j.label, points(j) FROM (SELECT s.label, s.points FROM pupils s) j ORDER BY 1',
  'SELECT name(s) FROM staff s, trap t',
  'SELECT s.row_to_json, id(s) FROM staff s',
  'SELECT row_to_json(s) FROM (SELECT t.longname, last(t) FROM people t ORDER BY 1) s',
];

test.each(SAME)('%s', async (text) => {
  const expected = await told(copy.url, text);
  expect(typeof (expected as unknown[])[0], JSON.stringify(expected)).toBe('object');
  expect(await told(guard.url('r', PASSWORD), text)).toEqual(expected);
});

const REFUSED: readonly (readonly [string, string])[] = [
  // What is withheld is no less so by the other notation, and hides a function of its name.
  ['SELECT salary(s) FROM staff s', '42501'],
  ['SELECT salary(staff) FROM staff', '42501'],
  ['SELECT s.salary_of FROM staff s', '42501'],
  ['SELECT (s).salary_of FROM staff s', '42501'],
  // The whole row of a table that is held in part has not its type.
  ['SELECT s.whole_staff FROM staff s', '0A000'],
  ['SELECT xmin(p) FROM people p', '42703'],
  ['SELECT p.nothing FROM people p', '42703'],
  ['SELECT p.name FROM people p', '42703'],
  ['SELECT nothing(p) FROM people p', '42883'],
  ['SELECT DISTINCT last(DISTINCT p) FROM people p', '42883'],
  ['SELECT other.last(p) FROM people p', '42883'],
  ['SELECT * FROM people p, last(p)', '0A000'],
];

test.each(REFUSED)('%s is refused', async (text, code) => {
  expect(await told(guard.url('r', PASSWORD), text)).toEqual([code, expect.any(String)]);
});

test('the function of the client’s path is sent by its schema', async () => {
  const client = await guard.connect('r', PASSWORD);
  const { rows } = await client.query('SELECT p.longname FROM people p WHERE p.id = 1');
  expect(rows).toEqual([{ longname: 'Ada Byron' }]);
  const [record] = (await guard.records()).filter(({ statement }) =>
    String(statement).includes('p.longname FROM people p WHERE'),
  );
  expect(record).toMatchObject({ effect: 'rewrite' });
  await client.end();
});
