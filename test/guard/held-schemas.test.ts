/** Under which paths code of users runs by a role: those to schemas of which it holds all. Each case leaves one thing out. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { holdsSchemas } from '../../src/guard/held-schemas.ts';
import { loadPolicy } from '../../src/policy/compile/load.ts';
import type { Catalog } from '../../src/sql/catalog/catalog.ts';
import { catalogOf } from '../decisions/policies.ts';
import { environment } from '../policy/environment.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';

let database: FreshDatabase;
let catalog: Catalog;

beforeAll(async () => {
  database = await freshDatabase();
  await database.query(`
    SET check_function_bodies = off;
    CREATE TABLE people (id int PRIMARY KEY, name text);
    CREATE SCHEMA own;
    CREATE TABLE own.notes (id int, note text);
    CREATE TABLE own.parts (id int) PARTITION BY LIST (id);
    CREATE VIEW own.seen AS SELECT id, note FROM own.notes;
    CREATE MATERIALIZED VIEW own.kept AS SELECT 1 AS one;
    CREATE SEQUENCE own.numbers;
    CREATE FUNCTION own.count() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM notes';
    CREATE FUNCTION own.late() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';
    CREATE PROCEDURE own.tidy() LANGUAGE sql AS 'DELETE FROM notes';
    CREATE SCHEMA bare`);
  catalog = await catalogOf(database);
});

afterAll(() => database.drop());

const whole = (columns = '"*"') =>
  `{ select: { columns: "*" }, insert: { columns: ${columns} }, update: { columns: ${columns} }, delete: {} }`;
const GRANTS: Readonly<Record<string, string>> = {
  'own.notes': whole('[id, note]'),
  'own.parts': whole('[id]'),
  'own.seen': whole('[id, note]'),
  'own.kept': '{ select: { columns: "*" } }',
};
const REST = {
  sequences: 'sequences: { own.numbers: [update] }',
  functions: 'functions: [own.count, own.tidy]',
  collect: 'collect: allow',
  limits: 'limits: none',
};

function holds({
  tables = {},
  rest = {},
  more = '',
  schemas = ['own'],
  subjects = '',
}: {
  tables?: Readonly<Record<string, string>>;
  rest?: Partial<typeof REST>;
  more?: string;
  schemas?: readonly string[];
  subjects?: string;
}): boolean {
  const all = Object.entries({ ...GRANTS, ...tables }).filter(([, grant]) => grant !== '');
  const text = `role: a\ntables:\n${all.map(([name, grant]) => `  ${name}: ${grant}\n`).join('')}${Object.values({ ...REST, ...rest }).join('\n')}\n${more}\n`;
  const files = [{ path: 'roles/a.yaml', text }, ...(subjects ? [{ path: 'subjects.yaml', text: subjects }] : [])];
  const { policy, diagnostics } = loadPolicy(files, environment(catalog));
  expect(diagnostics.filter(({ severity }) => severity === 'error').map(({ message }) => message)).toEqual([]);
  return holdsSchemas(policy.roles.get('a')!, catalog, schemas);
}

test('all of a schema, and what is empty or the server’s', () => {
  expect(holds({})).toBe(true);
  expect(holds({ schemas: ['own', 'bare'] })).toBe(true);
  expect(holds({ schemas: [] })).toBe(true);
  expect(holds({ tables: { 'own.seen': '' } })).toBe(false);
});

const PERSON = 'subjects: { person: { keys: [own.notes.id] } }\nabout: { own.seen: nobody }\n';
const NOT_ALL: readonly (readonly [what: string, given: Parameters<typeof holds>[0]])[] = [
  ['a schema beside it', { schemas: ['own', 'public'] }],
  ['another schema first', { schemas: ['public', 'own'] }],
  ['a table', { tables: { 'own.notes': '' } }],
  ['a partitioned table', { tables: { 'own.parts': '' } }],
  ['a view', { tables: { 'own.seen': '' } }],
  ['a materialized view', { tables: { 'own.kept': '' } }],
  ['a sequence', { rest: { sequences: '' } }],
  ['a sequence to move', { rest: { sequences: 'sequences: { own.numbers: [usage, select] }' } }],
  ['a function', { rest: { functions: 'functions: [own.tidy]' } }],
  ['a procedure', { rest: { functions: 'functions: [own.count]' } }],
  [
    'reading',
    { tables: { 'own.notes': '{ insert: { columns: [id, note] }, update: { columns: [id, note] }, delete: {} }' } },
  ],
  ['a column', { tables: { 'own.notes': whole('[id, note]').replace('"*"', '[id]') } }],
  ['rows', { tables: { 'own.notes': whole('[id, note]').replace('{ select', '{ rows: id < 5, select') } }],
  ['rows of a view', { tables: { 'own.seen': whole('[id, note]').replace('{ select', '{ rows: id < 5, select') } }],
  ['rows of a materialized view', { tables: { 'own.kept': '{ rows: one < 5, select: { columns: "*" } }' } }],
  [
    'what a mask hides',
    {
      tables: {
        'own.notes': whole('[id, note]').replace('columns: "*"', 'columns: [id], masks: { note: "left(note, 1)" }'),
      },
    },
  ],
  ['inserting', { tables: { 'own.notes': whole('[id, note]').replace(/ insert: \{[^}]*\},/, '') } }],
  [
    'inserting a column',
    {
      tables: {
        'own.notes': whole('[id, note]').replace('insert: { columns: [id, note] }', 'insert: { columns: [id] }'),
      },
    },
  ],
  ['updating', { tables: { 'own.notes': whole('[id, note]').replace(/ update: \{[^}]*\},/, '') } }],
  [
    'updating all rows',
    { tables: { 'own.notes': whole('[id, note]').replace('update: {', 'update: { rows: id < 5,') } },
  ],
  ['deleting', { tables: { 'own.notes': whole('[id, note]').replace(', delete: {}', '') } }],
  [
    'deleting all rows',
    { tables: { 'own.notes': whole('[id, note]').replace('delete: {}', 'delete: { rows: id < 5 }') } },
  ],
  ['writing a view', { tables: { 'own.seen': '{ select: { columns: "*" } }' } }],
  ['collecting', { rest: { collect: '' } }],
  ['single rows', { more: 'min_group: 5' }],
  ['tables of its own', { more: 'temporary: { work: { id: integer } }' }],
];

test.each(NOT_ALL)('INVARIANT 199: not with a role that lacks, or has besides: %s', (_, given) => {
  expect(holds(given)).toBe(false);
});

test('INVARIANT 199: not where people are known by it', () => {
  // Such a table is never granted by "*".
  const explicit = whole('[id, note]').replace('columns: "*"', 'columns: [id, note]');
  const tables = { 'own.notes': explicit };
  expect(holds({ tables, more: 'scope: { person: all }', subjects: PERSON })).toBe(false);
});
