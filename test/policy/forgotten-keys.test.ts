/** Tests a granted table with a subject's data and no key of it: what check says, what the guard withholds, and what settles it. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type LoadedPolicy, loadPolicy } from '../../src/policy/compile/load.ts';
import { grantsOfTables } from '../../src/policy/model/policy.ts';
import { formatDiagnostic } from '../../src/policy/source/diagnostic.ts';
import type { Catalog } from '../../src/sql/catalog/catalog.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { catalogOf, environment } from './environment.ts';

const SCHEMA = `
CREATE TABLE schools (id int PRIMARY KEY, name text);
CREATE TABLE students (id int PRIMARY KEY, ine text UNIQUE, school_id int REFERENCES schools, name text);
CREATE TABLE classes (id int PRIMARY KEY, school_id int REFERENCES schools, spokesperson int REFERENCES students);
CREATE TABLE medical (id int PRIMARY KEY, student_id int REFERENCES students, note text);
CREATE TABLE invoices (id int PRIMARY KEY, student_id int REFERENCES students, total int);
CREATE TABLE invoice_lines (invoice_id int REFERENCES invoices, "Text" text, amount int);
CREATE TABLE reminders (id int PRIMARY KEY, invoice_id int REFERENCES invoices, level int);
CREATE TABLE reminder_letters (reminder_id int REFERENCES reminders, body text);
CREATE TABLE pairs (a int REFERENCES students, b int REFERENCES students);
CREATE TABLE exams (ine text REFERENCES students (ine), mark int);
CREATE TABLE visits (student_id bigint, day date);
CREATE TABLE other (student_id uuid, day date);
CREATE TABLE days (student int REFERENCES students, day date) PARTITION BY RANGE (day);
CREATE TABLE days_2026 PARTITION OF days FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE TABLE parted (id int, part int, PRIMARY KEY (id, part), FOREIGN KEY (id) REFERENCES students) PARTITION BY LIST (part);
CREATE TABLE old_notes (student int REFERENCES students, note text);
CREATE TABLE new_notes (author text) INHERITS (old_notes);
CREATE TABLE rooms (id int, beds int);
CREATE TABLE rented_rooms (tenant int REFERENCES students) INHERITS (rooms);
CREATE VIEW invoice_view AS SELECT i.id, i.student_id, i.total FROM invoices AS i;
CREATE VIEW totals AS SELECT sum(total) AS total FROM invoice_view;
CREATE MATERIALIZED VIEW school_sizes AS SELECT school_id, count(*) AS students FROM students GROUP BY school_id;
CREATE VIEW school_names AS SELECT name FROM schools;
CREATE FUNCTION all_medical() RETURNS SETOF medical LANGUAGE sql STABLE AS 'SELECT * FROM medical';
CREATE FUNCTION listed() RETURNS TABLE (student_id int, note text) LANGUAGE sql STABLE AS 'SELECT student_id, note FROM medical';
CREATE FUNCTION schools_of() RETURNS SETOF schools LANGUAGE sql STABLE AS 'SELECT * FROM schools';
`;

const TABLES = [
  'schools',
  'students',
  'classes',
  'medical',
  'invoices',
  'invoice_lines',
  'reminder_letters',
  'pairs',
  'exams',
  'visits',
  'other',
  'days_2026',
  'parted',
  'new_notes',
  'invoice_view',
  'totals',
  'school_sizes',
  'school_names',
];

let database: FreshDatabase;
let catalog: Catalog;

beforeAll(async () => {
  database = await freshDatabase();
  await database.query(SCHEMA);
  catalog = await catalogOf(database.url);
});
afterAll(() => database?.drop());

interface World {
  readonly tables?: readonly string[];
  readonly keys?: string;
  readonly about?: string;
  readonly scope?: string;
  /** By table: in place of `select: { columns: [FIRST] }`. */
  readonly grants?: Readonly<Record<string, string>>;
  readonly functions?: string;
}

function load({ tables = TABLES, keys = '', about = '', scope = 'school_id = 7', grants = {}, functions = '' }: World) {
  const granted = tables.map((name) => {
    const [column] = catalog.relation('public', name)?.columns ?? [];
    return `  ${name}: ${grants[name] ?? `{ select: { columns: [${column?.name}] } }`}\n`;
  });
  const role = `role: office\nscope: { student: ${scope} }\ntables:\n${granted.join('')}functions: [${functions}]\nlimits: none\n`;
  const loaded = loadPolicy(
    [
      { path: 'subjects.yaml', text: `subjects: { student: { keys: [students.id, ${keys}] } }\n${about}` },
      { path: 'roles/office.yaml', text: role },
    ],
    environment(catalog),
  );
  const found = loaded.diagnostics.map((diagnostic) => {
    const [, text] = /^[^ ]+ (.*)$/.exec(formatDiagnostic(diagnostic))!;
    return text;
  });
  return { loaded, found, seen: seen(loaded) };
}

function seen({ policy }: LoadedPolicy): string[] {
  const role = policy.roles.get('office')!;
  expect(role.disabled).toBeUndefined();
  return grantsOfTables(role).map(({ relation }) => relation.name);
}

const ABOUT = (table: string) => `write "about: { ${table}: nobody }" in subjects.yaml`;
const COLUMN = (of: string, table: string, key = 'students.id') =>
  `error: "${table}.${of}" references ${key}, a key of subject "student", and is not among its keys: add it, or ${ABOUT(table)}`;

describe('a column that references a key and is not one', () => {
  test.each([
    ['medical', 'student_id'],
    ['classes', 'spokesperson'],
    ['days_2026', 'student'],
    ['parted', 'id'],
    ['new_notes', 'student'],
  ])('%s.%s: an error with the key to add; the table is withheld, and nothing else', (table, column) => {
    const world = { tables: ['schools', 'students', table] };
    const { found, seen } = load(world);
    expect(found).toEqual([COLUMN(column, table)]);
    expect(seen).toEqual(['schools', 'students']);
    const declared = load({ ...world, keys: `${table}.${column}` });
    expect(declared.found).toEqual([]);
    expect(declared.seen).toContain(table);
    const excluded = load({ ...world, about: `about: { ${table}: nobody }` });
    expect(excluded.found).toEqual([]);
    expect(excluded.seen).toContain(table);
  });

  test('the scope does not matter, nor that another column of the table is a key, nor which columns are granted', () => {
    expect(load({ tables: ['medical'], scope: 'all' }).found).toEqual([COLUMN('student_id', 'medical')]);
    expect(load({ tables: ['pairs'], keys: 'pairs.a' }).found).toEqual([COLUMN('b', 'pairs')]);
    const grants = { medical: '{ insert: { columns: [note], scope: none } }' };
    expect(load({ tables: ['medical'], grants }).found).toEqual([COLUMN('student_id', 'medical')]);
  });

  test('a key declared of the parent is one of its partitions', () => {
    expect(load({ tables: ['days_2026'], keys: 'days.student' }).found).toEqual([]);
  });
});

describe('a table that leads to the subject only through others', () => {
  const LINES =
    'invoice_id IN (SELECT id FROM invoices WHERE student_id IN (SELECT id FROM students WHERE school_id = 7))';
  const keys = 'invoices.student_id';

  test('the rows to write are those of the role’s scope, along the foreign keys, and settle it', () => {
    const tables = ['invoices', 'invoice_lines'];
    const { found, seen } = load({ tables, keys });
    expect(found).toEqual([
      `error: "invoice_lines" leads to subject "student" through invoices and has no key of it: write "rows: ${LINES}", or ${ABOUT('invoice_lines')}`,
    ]);
    expect(seen).toEqual(['invoices']);
    const grants = { invoice_lines: `{ rows: "${LINES}", select: { columns: [amount] } }` };
    const settled = load({ tables, keys, grants });
    expect(settled.found).toEqual([]);
    expect(settled.seen).toEqual(tables);
  });

  test('through several tables, granted or not', () => {
    const [found] = load({ tables: ['reminder_letters'], keys }).found;
    expect(found).toContain('through reminders → invoices and has no key of it');
    const [, rows] = /"rows: (.*)", or write/.exec(found!)!;
    const grants = { reminder_letters: `{ rows: "${rows}", select: { columns: [body] } }` };
    expect(load({ tables: ['reminder_letters'], keys, grants }).found).toEqual([]);
  });

  test('a foreign key on another column than the key leads there too', () => {
    const [found] = load({ tables: ['exams'] }).found;
    expect(found).toContain('write "rows: ine IN (SELECT ine FROM students WHERE school_id = 7)"');
  });

  test('rows that ask no one’s table and no value of the principal settle nothing; each command is held to them', () => {
    for (const grant of [
      '{ rows: amount > 0, select: { columns: [amount] } }',
      `{ select: { columns: [amount], rows: "${LINES}" }, delete: {} }`,
    ]) {
      const { found } = load({ tables: ['invoice_lines'], keys, grants: { invoice_lines: grant } });
      expect(found).toEqual([expect.stringContaining('error: "invoice_lines" leads to subject')]);
    }
  });

  test('where the role may see everyone it is a warning: nothing would be filtered, and nothing is counted', () => {
    const { found, seen } = load({ tables: ['invoice_lines'], keys, scope: 'all' });
    expect(found).toEqual([
      `warning: "invoice_lines" leads to subject "student" through invoices and has no key of it: its rows are counted as values; where they are about no person, ${ABOUT('invoice_lines')}`,
    ]);
    expect(seen).toEqual(['invoice_lines']);
  });

  test('a table shows the rows of those that inherit from it', () => {
    for (const keys of ['', 'rented_rooms.tenant']) {
      const { found, seen } = load({ tables: ['rooms'], keys });
      expect(found).toEqual([
        expect.stringContaining('error: "rooms" leads to subject "student" through rented_rooms'),
      ]);
      expect(seen).toEqual([]);
    }
    expect(load({ tables: ['rooms'], about: 'about: { rented_rooms: nobody }' }).found).toEqual([]);
  });

  test('a table that is about nobody leads nowhere', () => {
    expect(load({ tables: ['reminder_letters'], keys, about: 'about: { reminders: nobody }' }).found).toEqual([]);
  });
});

describe('views and functions, as far as the catalog tells', () => {
  const keys = 'invoices.student_id, medical.student_id';

  test('a view that shows a key under its name, a view that reads a view, a materialized view', () => {
    const { found, seen } = load({ tables: ['invoice_view', 'totals', 'school_sizes', 'school_names'], keys });
    expect(found).toEqual([
      `error: "invoice_view.student_id" shows invoices.student_id, a key of subject "student", and is not among its keys: add it, or ${ABOUT('invoice_view')}`,
      expect.stringMatching(/^error: "totals" reads subject "student" through invoice_view → invoices/),
      expect.stringMatching(/^error: "school_sizes" reads subject "student" through students/),
    ]);
    expect(seen).toEqual(['school_names']);
  });

  test('a function that returns the rows of such a table is withheld, one that returns a column of a key’s name is warned of', () => {
    const { found, loaded } = load({ tables: ['schools'], keys, functions: 'all_medical, listed, schools_of' });
    expect(found).toEqual([
      expect.stringMatching(/^error: function "public.all_medical" returns rows of "medical", of subject "student"/),
      expect.stringMatching(/^warning: function "public.listed" returns "student_id", named and typed as a key/),
    ]);
    const granted = [...loaded.policy.roles.get('office')!.functions].map(
      (oid) => catalog.functionsByOid.get(oid)!.name,
    );
    expect(granted).toEqual(['listed', 'schools_of']);
    const about = 'about: { public.all_medical: nobody, listed: nobody }';
    expect(load({ tables: ['schools'], keys, functions: 'all_medical, listed', about }).found).toEqual([]);
  });
});

test('a column named and typed as a key, without a foreign key, is a warning, and the table stays', () => {
  const { found, seen } = load({ tables: ['visits', 'other'] });
  expect(found).toEqual([
    `warning: "visits.student_id" is named and typed as a key of subject "student" (students.id), and is not among its keys: add it, or ${ABOUT('visits')}`,
  ]);
  expect(seen).toEqual(['visits', 'other']);
});

describe('about', () => {
  test.each([
    ['about: { nowhere: nobody }', 'error: relation "nowhere" does not exist'],
    ['about: { medical: studend }', 'error: subject "studend" does not exist, did you mean "student"?'],
    [
      'about: { students: nobody }',
      'error: "students" has a key of subject "student", id: subjects.yaml:1 has its keys',
    ],
  ])('%s excludes nothing, and says why', (about, message) => {
    const { found } = load({ tables: ['medical'], about });
    expect(found).toHaveLength(2);
    expect(found).toEqual(expect.arrayContaining([message, COLUMN('student_id', 'medical')]));
  });
});
