/** Tests what a change of the database takes from a role while its policy stays: never a condition, and only what depends on the change. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type LoadedPolicy, loadPolicy } from '../../src/policy/compile/load.ts';
import { grantsOfTables, type RolePolicy } from '../../src/policy/model/policy.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { catalogOf, environment } from './environment.ts';

const SCHEMA = `
CREATE TABLE pupils (id int PRIMARY KEY, school int, name text, ssn text);
CREATE TABLE marks (id int, pupil int, mark int, note text);
CREATE TABLE days (id int, pupil int, day date) PARTITION BY RANGE (day);
CREATE TABLE days_2026 PARTITION OF days FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE VIEW noted AS SELECT id, note FROM marks;
CREATE TABLE shops (id int, owner int, name text, secret text);
CREATE TABLE owners (id int, open boolean);
CREATE TABLE report (id int, total int);
CREATE FUNCTION twice(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 2 * $1';
CREATE FUNCTION thrice(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 3 * $1';
`;

const SUBJECTS = 'subjects: { pupil: { keys: [pupils.id, marks.pupil, days.pupil] } }\nabout: { noted: nobody }';

const TABLES = `
tables:
  pupils: { select: { columns: [id, name], masks: { ssn: "left(ssn, 2)" } } }
  marks: { select: { columns: [id, pupil, mark] } }
  days: { select: { columns: [id, day] } }
  days_2026: { select: { columns: [id, day] } }
  noted: { select: { columns: [id, note] } }
  shops: { rows: "owner IN (SELECT id FROM owners WHERE open)", select: { columns: "*", masks: { secret: "'x'" } } }
  owners: { select: { columns: [id] }, update: { columns: [open] } }
  report: { select: { columns: "*" } }
functions: [twice, thrice]
limits: none
`;

const OF_SCHOOL = `role: school\nscope: { pupil: school = 1 }${TABLES}`;
const OF_ALL = `role: all\nscope: { pupil: all }${TABLES}`;

/** All of it: the number is that of row conditions. */
const WHOLE = {
  pupils: 'id,name,ssn* 1',
  marks: 'id,pupil,mark 1',
  days: 'id,day 1',
  days_2026: 'id,day 1',
  noted: 'id,note 0',
  shops: 'id,owner,name,secret* 1',
  owners: 'id 0',
  report: 'id,total 0',
  functions: 'twice,thrice',
};

const FILES = [
  { path: 'subjects.yaml', text: SUBJECTS },
  { path: 'roles/school.yaml', text: OF_SCHOOL },
  { path: 'roles/all.yaml', text: OF_ALL },
];

let database: FreshDatabase;
let before: LoadedPolicy;
beforeAll(async () => {
  database = await freshDatabase();
  await database.query(SCHEMA);
  before = loadPolicy(FILES, environment(await catalogOf(database.url)));
  expect(before.diagnostics).toEqual([]);
});
afterAll(() => database?.drop());

interface Found {
  readonly school: Record<string, string>;
  readonly all: Record<string, string>;
  readonly errors: readonly string[];
}

/** The state after a change: of a guard that has read the policy before it, and of one that starts after it. */
async function behind(change: string): Promise<{ readonly running: Found; readonly start: Found }> {
  await database.query(
    `DROP SCHEMA public CASCADE; DROP SCHEMA IF EXISTS away CASCADE; CREATE SCHEMA public; ${SCHEMA}`,
  );
  await database.query(change);
  const catalog = await catalogOf(database.url);
  const read = (families?: LoadedPolicy['families']): Found => {
    const { policy, diagnostics } = loadPolicy(FILES, { ...environment(catalog), families });
    const of = (name: string) => shown(policy.roles.get(name), (oid) => catalog.functionsByOid.get(oid)?.name ?? '?');
    return { school: of('school'), all: of('all'), errors: diagnostics.map(({ message }) => message) };
  };
  return { running: read(before.families), start: read() };
}

function shown(role: RolePolicy | undefined, fnName: (oid: number) => string): Record<string, string> {
  if (role?.disabled !== undefined) return { closed: role.disabled };
  const tables = grantsOfTables(role!).map(({ relation, select }) => {
    const columns = [...select!.columns.values()].map(({ column, mask }) => `${column.name}${mask ? '*' : ''}`);
    return [relation.name, `${columns.join(',')} ${select!.conditions.length}`];
  });
  return { ...Object.fromEntries(tables), functions: [...role!.functions].map(fnName).sort().reverse().join(',') };
}

/** A role with `scope: all` has no condition but that of shops. */
const unscoped = (tables: Record<string, string>) =>
  Object.fromEntries(Object.entries(tables).map(([name, of]) => [name, name === 'shops' ? of : of.replace(/1$/, '0')]));

const without = (...names: string[]) =>
  Object.fromEntries(Object.entries(WHOLE).filter(([name]) => !names.includes(name)));

test('nothing where nothing changes', async () => {
  const whole = { school: WHOLE, all: unscoped(WHOLE), errors: [] };
  expect(await behind('SELECT 1')).toEqual({ running: whole, start: whole });
});

describe('withheld is', () => {
  test.each([
    ['a table that is gone, alone', 'DROP TABLE report', without('report')],
    ['a table with the name of a type now', 'DROP TABLE report; CREATE TYPE report AS (id int)', without('report')],
    [
      'a table that lies in another schema',
      'CREATE SCHEMA away; ALTER TABLE report SET SCHEMA away',
      without('report'),
    ],
    ['a column that is gone, alone', 'ALTER TABLE pupils DROP COLUMN name', { ...WHOLE, pupils: 'id,ssn* 1' }],
    ['a masked column that is gone, alone', 'ALTER TABLE pupils DROP COLUMN ssn', { ...WHOLE, pupils: 'id,name 1' }],
    [
      'a masked column of a type that its mask does not take',
      'ALTER TABLE pupils DROP COLUMN ssn; ALTER TABLE pupils ADD COLUMN ssn int',
      { ...WHOLE, pupils: 'id,name 1' },
    ],
    [
      'a table granted by "*" with a renamed masked column: its values would show',
      'ALTER TABLE shops RENAME COLUMN secret TO hidden',
      without('shops'),
    ],
    ['a table with a filter that reads a dropped table', 'DROP TABLE owners', without('shops', 'owners')],
    [
      'a table with a filter that reads a table of another form under the same name',
      'DROP TABLE owners; CREATE TABLE owners (id text, open boolean)',
      without('shops'),
    ],
    [
      'a table with a filter that reads a dropped column',
      'ALTER TABLE owners DROP COLUMN open',
      {
        ...without('shops'),
      },
    ],
    ['a function that is gone', 'DROP FUNCTION twice(int)', { ...WHOLE, functions: 'thrice' }],
    [
      'a function with a name of two meanings',
      'CREATE FUNCTION twice(text) RETURNS text LANGUAGE sql AS $$SELECT $1$$',
      { ...WHOLE, functions: 'thrice' },
    ],
    ['a table with data of people that is gone', 'DROP TABLE marks CASCADE', without('marks', 'noted')],
    [
      'a table with a renamed key of people: neither scope nor count would hold',
      'ALTER TABLE marks RENAME COLUMN pupil TO child',
      without('marks'),
    ],
    [
      'partitions with a renamed key of people',
      'ALTER TABLE days RENAME COLUMN pupil TO child',
      without('days', 'days_2026'),
    ],
    [
      'a table with a key of people that cannot be compared with the first one',
      'ALTER TABLE marks ALTER COLUMN pupil TYPE text',
      { school: without('marks'), all: WHOLE },
    ],
  ])('%s', async (_what, change, expected) => {
    const { school, all } = 'school' in expected ? expected : { school: expected, all: expected };
    const { running, start } = await behind(change);
    expect(running.school).toEqual(school);
    expect(running.all).toEqual(unscoped(all as Record<string, string>));
    expect(running.errors.length).toBeGreaterThan(0);
    expect(start, 'at start alike').toEqual(running);
  });

  test.each([
    ['the table of its first key is gone', 'DROP TABLE pupils', without('pupils')],
    ['its first key is gone', 'ALTER TABLE pupils DROP COLUMN id', without('pupils')],
    ['what its condition reads is gone', 'ALTER TABLE pupils DROP COLUMN school', WHOLE],
  ])('a role without its scope, because %s; one with "all" goes on', async (_what, change, all) => {
    const { running, start } = await behind(change);
    expect(running.school).toEqual({ closed: expect.stringMatching(/^roles\/school\.yaml:2: /) });
    expect(running.all).toEqual(unscoped(all));
    expect(start, 'at start alike').toEqual(running);
  });
});

describe('a partition that is granted by its own name, and is apart from its parent now, stays withheld', () => {
  test.each([
    ['detached', 'ALTER TABLE days DETACH PARTITION days_2026', without('days_2026')],
    ['its parent gone', 'ALTER TABLE days DETACH PARTITION days_2026; DROP TABLE days', without('days', 'days_2026')],
    [
      'another one of its name',
      'DROP TABLE days_2026; CREATE TABLE days_2026 (id int, pupil int, day date)',
      without('days_2026'),
    ],
  ])('%s', async (_what, change, expected) => {
    const { running } = await behind(change);
    expect(running.school).toEqual(expected);
    expect(running.all).toEqual(unscoped(expected));
  });
});
