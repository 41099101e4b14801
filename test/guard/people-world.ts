/** Pupils, what is written about them, and two roles: one that may not collect, and one that may while its people are counted. */
import type pg from 'pg';
import { readCatalog } from '../../src/catalog/read.ts';
import type { PeopleOfRow } from '../../src/guard/decision.ts';
import { Guard } from '../../src/guard/guard.ts';
import { compileCondition, compileMask } from '../../src/policy/condition.ts';
import { formatDiagnostic } from '../../src/policy/diagnostic.ts';
import { loadPolicy } from '../../src/policy/load.ts';
import { Catalog } from '../../src/sql/catalog.ts';
import { renderTemplate } from '../../src/sql/edits.ts';
import { loadParser } from '../../src/sql/parse.ts';
import { freshDatabase } from '../support/postgres.ts';

/** Pupils 1 to this one. */
export const PUPILS = 8;

const SCHEMA = `
CREATE TABLE classes (id integer PRIMARY KEY, name text);
CREATE TABLE students (id integer PRIMARY KEY, class_id integer, last_name text, age integer, points numeric, fee numeric(8, 2), bits bit(8));
CREATE TABLE absences (id integer PRIMARY KEY, student_id integer, reason text, minutes integer);
CREATE TABLE grades (id integer PRIMARY KEY, student_id bigint, mark integer);
CREATE TABLE pairs (id integer PRIMARY KEY, one_id integer, other_id integer, note text);
CREATE TABLE letters (id integer PRIMARY KEY, student_id integer, body text);
CREATE TABLE notes (id integer PRIMARY KEY, body text);
CREATE TABLE teachers (id integer PRIMARY KEY, name text, class_id integer);
CREATE VIEW roll AS SELECT s.id, s.last_name, c.name FROM students AS s JOIN classes AS c ON c.id = s.class_id;
CREATE VIEW rooms AS SELECT id, name FROM classes;
CREATE FUNCTION name_of(n integer) RETURNS text LANGUAGE sql STABLE AS $$ SELECT last_name FROM students WHERE id = n $$;
CREATE FUNCTION pupils() RETURNS SETOF students LANGUAGE sql STABLE AS $$ SELECT * FROM students $$;
CREATE FUNCTION twice(n integer) RETURNS integer LANGUAGE sql IMMUTABLE AS $$ SELECT 2 * n $$;
CREATE OPERATOR === (FUNCTION = int4eq, LEFTARG = integer, RIGHTARG = integer);
INSERT INTO classes SELECT i, 'class' || i FROM generate_series(1, 4) AS i;
INSERT INTO teachers SELECT i, 'teacher' || i, i FROM generate_series(1, 4) AS i;
INSERT INTO students SELECT i, 1 + i % 4, 'name' || i, 10 + i, i * 1.5, i, i::bit(8) FROM generate_series(1, ${PUPILS}) AS i;
INSERT INTO absences SELECT i, 1 + i % ${PUPILS}, 'reason' || i, 10 * i FROM generate_series(1, 18) AS i;
INSERT INTO grades SELECT i, 1 + i % ${PUPILS}, i % 20 FROM generate_series(1, 18) AS i;
INSERT INTO pairs SELECT i, i, i + 1, 'pair' || i FROM generate_series(1, ${PUPILS - 1}) AS i;
INSERT INTO letters SELECT i, i, 'letter' || i FROM generate_series(1, ${PUPILS}) AS i;
ANALYZE`;

const TABLES = `
scope: { student: id < 1000000 }
tables:
  classes: { select: { columns: "*" } }
  teachers: { select: { columns: "*" } }
  students: { select: { columns: [id, class_id, last_name, age, points, fee, bits] }, update: { columns: [last_name] } }
  absences: { select: { columns: [id, student_id, reason, minutes] }, insert: { columns: [id, student_id, reason, minutes] }, update: { columns: [student_id, reason, minutes] }, delete: {} }
  grades: { select: { columns: [id, student_id, mark] } }
  pairs: { select: { columns: [id, one_id, other_id, note] } }
  letters: { select: { columns: [id, body], masks: { student_id: 'student_id % 10' } } }
  notes: { select: { columns: "*" }, insert: { columns: "*" }, update: { columns: "*" } }
  roll: { select: { columns: "*" } }
  rooms: { select: { columns: "*" } }
functions: [public.name_of(integer), public.pupils(), public.twice(integer), int4eq]
statements: [copy_to, explain, explain_analyze]
temporary: { picked: { what: text } }
`;

const ROLES: Readonly<Record<string, string>> = {
  counting: `role: counting\ncollect: deny${TABLES}limits: { subjects: { student: 300 per day } }`,
  collecting: `role: collecting\ncollect: allow${TABLES}limits: { subjects: { student: 300 per day } }`,
  uncounted: `role: uncounted\ncollect: allow${TABLES}limits: none`,
  watched: `role: watched\nmode: observe${TABLES}limits: none`,
};

export interface PeopleWorld {
  /** By role. */
  readonly guards: Readonly<Record<string, Guard>>;
  /** What a statement gives, after a change that is undone again. */
  run(sql: string, change?: string): Promise<unknown[][]>;
  drop(): Promise<void>;
}

export async function peopleWorld(): Promise<PeopleWorld> {
  await loadParser();
  const database = await freshDatabase();
  await database.query(SCHEMA);
  const client = await database.connect();
  await client.query('SET search_path = public');
  const catalog = new Catalog(
    await readCatalog(async (sql) => (await client.query<Record<string, unknown>>(sql)).rows),
  );
  const guards = guardsOn(catalog);
  return { guards, run: (sql, change) => run(client, guards.counting!, sql, change), drop: () => database.drop() };
}

function guardsOn(catalog: Catalog): Record<string, Guard> {
  const keys =
    '[students.id, absences.student_id, grades.student_id, pairs.one_id, pairs.other_id, letters.student_id]';
  const files = [
    ...Object.entries(ROLES).map(([name, text]) => ({ path: `roles/${name}.yaml`, text })),
    { path: 'principals.yaml', text: 'principals: {}' },
    { path: 'subjects.yaml', text: `subjects: { student: { keys: ${keys} } }` },
  ];
  const reading = { catalog, searchPath: ['public'], timeZone: 'UTC', compileCondition, compileMask };
  const { policy, diagnostics } = loadPolicy(files, reading);
  return Object.fromEntries(
    Object.keys(ROLES).map((name) => {
      const role = policy.roles.get(name);
      if (!role || role.disabled) throw new Error(diagnostics.map(formatDiagnostic).join('\n'));
      return [name, new Guard({ catalog, role, searchPath: ['public'] })];
    }),
  );
}

async function run(client: pg.Client, guard: Guard, sql: string, change?: string): Promise<unknown[][]> {
  const judged = guard.judge(sql);
  if (judged.effect === 'refuse') throw new Error(`refused: ${judged.refusal?.message}`);
  const sent = renderTemplate(judged.template, (slot) => (slot.kind === 'limit' ? '1000' : 'NULL'));
  const text = `BEGIN; ${change ?? 'SELECT'}; ${sent}; ROLLBACK`;
  const results = await client.query<unknown[]>({ text, rowMode: 'array' });
  return (results as unknown as { rows: unknown[][] }[]).at(-2)!.rows;
}

/** Everything that is written about a pupil becomes something else; or the pupil gets another number. */
export function changesOf(pupil: number): readonly string[] {
  const set = (table: string, assignments: string, key = 'student_id'): string =>
    `UPDATE ${table} SET ${assignments} WHERE ${key} = ${pupil}`;
  const values = [
    set('students', `last_name = 'other' || id, age = age + 70, points = points + 1000, fee = fee + 100`, 'id'),
    set('absences', `reason = 'other' || id, minutes = minutes + 10000`),
    set('grades', 'mark = mark + 100'),
    set('pairs', `note = 'other' || id`, 'one_id'),
    set('letters', `body = 'other' || id`),
  ];
  const number = [
    set('students', 'id = id + 500', 'id'),
    ...['absences', 'grades', 'letters'].map((table) => set(table, 'student_id = student_id + 500')),
    set('pairs', 'one_id = one_id + 500', 'one_id'),
    set('pairs', 'other_id = other_id + 500', 'other_id'),
  ];
  return [values.join('; '), number.join('; ')];
}

/** `[0] [] +2`: one who is named by the first column, one whose key does not show, and two more. */
export function written(people: readonly PeopleOfRow[] | undefined): string {
  if (!people || people.length === 0) return 'nobody';
  return people
    .map(({ ways, unnamed }) => {
      const each = ways.map(({ keys }) => `[${keys.join()}]`);
      return [...each, ...(unnamed > 0 ? [`+${unnamed}`] : [])].join(' ');
    })
    .join(' | ');
}
