/** Tests that a scope, written once, holds on every table with a key of the subject; each case names the rows that are left. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadPolicy } from '../../src/policy/compile/load.ts';
import type { Condition, RelationGrant } from '../../src/policy/model/policy.ts';
import { formatDiagnostic } from '../../src/policy/source/diagnostic.ts';
import type { Catalog } from '../../src/sql/catalog/catalog.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { catalogOf, environment } from './environment.ts';
import { render } from './render.ts';

const SCHEMA = `
CREATE TABLE people (id bigint PRIMARY KEY, school integer, twin bigint);
INSERT INTO people VALUES (1, 1, NULL), (2, 1, 1), (3, 2, NULL), (4, NULL, NULL), (5, 1, 3);
CREATE TABLE marks (id integer, person bigint, school integer);
INSERT INTO marks VALUES (1, 1, 2), (2, 3, 1), (3, 4, 1), (4, NULL, 1), (5, 99, 1), (6, 2, NULL);
CREATE TABLE meetings (id integer, host bigint, guest bigint);
INSERT INTO meetings VALUES (1, 1, 2), (2, 1, 3), (3, 1, NULL), (4, NULL, 2), (5, NULL, NULL), (6, 3, NULL), (7, 4, 1);
CREATE TABLE days (id integer, person bigint, day date) PARTITION BY RANGE (day);
CREATE TABLE days_2026 PARTITION OF days FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
INSERT INTO days VALUES (1, 1, '2026-05-05'), (2, 3, '2026-05-05');
CREATE TABLE "Odd ""one""" (id integer, "the person" bigint);
INSERT INTO "Odd ""one""" VALUES (1, 1), (2, 3);
CREATE TABLE rooms (id integer);
INSERT INTO rooms VALUES (1), (2);
`;

const SUBJECTS = `
subjects:
  person:
    keys: [people.id, people.twin, marks.person, meetings.host, meetings.guest, days.person, '"Odd ""one""".the person']
`;

const ROLE = `
role: teacher
scope:
  person: |
    school = 1 -- a comment
tables:
  people: { select: { columns: [id] }, delete: { scope: none } }
  marks: { rows: school = 1, select: { columns: [id], rows: id > 1 }, update: { columns: [school] }, delete: { scope: none, rows: id < 3 } }
  meetings: { select: { columns: [id] } }
  days: { select: { columns: [id] } }
  days_2026: { select: { columns: [id] } }
  '"Odd ""one"""': { select: { columns: [id] } }
  rooms: { select: { columns: "*" } }
limits: none
`;

let database: FreshDatabase;
let catalog: Catalog;
let grants: Map<string, RelationGrant>;

function load(role: string): { grants: Map<string, RelationGrant>; errors: string[] } {
  const files = [
    { path: 'subjects.yaml', text: SUBJECTS },
    { path: 'roles/teacher.yaml', text: role },
  ];
  const { policy, diagnostics } = loadPolicy(files, environment(catalog));
  const relations = [...(policy.roles.get('teacher')?.relations.values() ?? [])];
  return {
    grants: new Map(relations.filter((grant) => !grant.system).map((grant) => [grant.relation.name, grant])),
    errors: diagnostics.map(formatDiagnostic),
  };
}

beforeAll(async () => {
  database = await freshDatabase();
  await database.query(SCHEMA);
  catalog = await catalogOf(database.url);
  const loaded = load(ROLE);
  expect(loaded.errors).toEqual([]);
  grants = loaded.grants;
});
afterAll(() => database.drop());

const and = (conditions: readonly Condition[], form: 'filter' | 'ok'): string =>
  conditions.map((condition) => render(condition[form])).join(' AND ') || 'true';

async function ids(table: string, conditions: readonly Condition[] | undefined): Promise<number[]> {
  const rows = await database.query(
    `SELECT id, (${and(conditions ?? [], 'filter')}) IS TRUE AS shown, (${and(conditions ?? [], 'ok')}) IS TRUE AS ok
     FROM "${table.replaceAll('"', '""')}" AS r ORDER BY id`,
  );
  expect(
    rows.filter((row) => row.shown !== row.ok),
    'the condition and the question asked of one row agree',
  ).toEqual([]);
  return rows.filter((row) => row.shown === true).map((row) => Number(row.id));
}

describe('rows in scope', () => {
  it.each([
    ['people', 'the first key’s table as it stands, and its other key through it', [1, 2]],
    [
      'marks',
      'a key in scope, whatever the row’s own columns are called; ANDed with both kinds of rows',
      [] as number[],
    ],
    ['meetings', 'several keys: at least one, and each that is there', [1, 3, 4]],
    ['days', 'a partitioned table', [1]],
    ['days_2026', 'a partition with the key in its parent', [1]],
    ['Odd "one"', 'names that need quotes', [1]],
    ['rooms', 'a table without a key', [1, 2]],
  ])('%s: %s', async (table, _note, expected) => {
    expect(await ids(table, grants.get(table)?.select?.conditions)).toEqual(expected);
  });

  it('holds for writes as well, with the rows of the table', async () => {
    expect(await ids('marks', grants.get('marks')?.update?.conditions)).toEqual([]);
    const loose = load(ROLE.replace('rows: school = 1, select', 'select')).grants.get('marks');
    expect(await ids('marks', loose?.update?.conditions)).toEqual([1, 6]);
    expect(await ids('marks', loose?.select?.conditions)).toEqual([6]);
  });

  it('is left out where one command says `scope: none`, and only there', async () => {
    expect(await ids('people', grants.get('people')?.delete?.conditions)).toEqual([1, 2, 3, 4, 5]);
    expect(await ids('marks', grants.get('marks')?.delete?.conditions)).toEqual([2]);
  });

  it('names the line of the scope, and of the rows, as rules', () => {
    const rules = grants.get('marks')?.select?.conditions.map((condition) => condition.rule);
    expect(rules).toEqual(['roles/teacher.yaml:4', 'roles/teacher.yaml:8', 'roles/teacher.yaml:8']);
  });
});

describe('tables held whole', () => {
  it('is a relation with every column, no mask and no condition', () => {
    expect(grants.get('rooms')?.select?.whole).toBe(true);
    expect(grants.get('people')?.select?.whole).toBe(false);
    expect(grants.get('people')?.delete?.whole).toBe(true);
    expect(grants.get('marks')?.delete?.whole).toBe(false);
    const everything = load(
      ROLE.replace('rooms: { select: { columns: "*" }', 'rooms: { select: { masks: { id: id } }'),
    );
    expect(everything.grants.get('rooms')?.select?.whole).toBe(false);
  });

  it('columns are in the table’s own order, system columns last', () => {
    const { grants: changed } = load(
      ROLE.replace('people: { select: { columns: [id] }', 'people: { select: { columns: [ctid, twin, id] }'),
    );
    expect([...(changed.get('people')?.select?.columns.keys() ?? [])]).toEqual(['id', 'twin', 'ctid']);
  });
});

it('an error in SQL is reported at its place', () => {
  const errors = (condition: string): string[] => load(ROLE.replace('school = 1 -- a comment', condition)).errors;
  expect(errors('school = :schol')).toEqual([expect.stringMatching(/^roles\/teacher.yaml:5:14: error: .*schol/)]);
  expect(errors('é = 1')).toEqual([expect.stringMatching(/^roles\/teacher.yaml:5:5: error: .*é/)]);
  expect(errors('school =')).toEqual([expect.stringMatching(/^roles\/teacher.yaml:\d+:\d+: error: syntax error/)]);
  expect(errors('true) OR (true')).toHaveLength(1);
  expect(errors('true /*')).toHaveLength(1);
  expect(errors('school = 1; DROP TABLE people')).toHaveLength(1);
  expect(errors(`date_trunc('year', now()) > '2026-01-01'`)[0]).toContain('not immutable');
});

it('a child of the table with the key, or a parent of it, needs the scope too', async () => {
  const loose = ROLE.replace(/scope:\n {2}person:[\s\S]*?tables:/, 'tables:');
  expect(load(loose).errors.filter((error) => error.includes('days_2026'))).toHaveLength(1);
});
