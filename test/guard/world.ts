/** A small database and one role on it, with rows that the role may not see and columns that are withheld. */
import type pg from 'pg';
import { readCatalog } from '../../src/catalog/read.ts';
import { Guard, type GuardOptions } from '../../src/guard/guard.ts';
import { compileCondition, compileMask } from '../../src/policy/compile/condition.ts';
import { loadPolicy } from '../../src/policy/compile/load.ts';
import { formatDiagnostic } from '../../src/policy/source/diagnostic.ts';
import { Catalog } from '../../src/sql/catalog/catalog.ts';
import { loadParser } from '../../src/sql/parse/parse.ts';
import { renderTemplate } from '../../src/sql/text/edits.ts';
import { freshDatabase } from '../support/postgres.ts';

const SEARCH_PATH = ['public'];

const SCHEMA = `
CREATE TABLE students (id integer PRIMARY KEY, school_id integer NOT NULL, class_id integer, last_name text);
CREATE TABLE absences (id integer PRIMARY KEY, student_id integer NOT NULL, reason text, minutes integer,
  code text COLLATE "C" DEFAULT 'x', place text COLLATE "POSIX" DEFAULT 'x',
  mark text);
CREATE TABLE rooms (id integer PRIMARY KEY, number text, capacity integer);
CREATE TABLE notes (id serial PRIMARY KEY, body text, secret text DEFAULT 'hidden', hint text DEFAULT 'hidden');
CREATE DOMAIN loud AS text CHECK (VALUE <> 'hidden');
CREATE FUNCTION of_row(r record, n integer DEFAULT 0) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RETURN 'hidden'; END $$;
CREATE COLLATION folded (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE TYPE address AS (street text COLLATE "C", town text COLLATE folded);
CREATE DOMAIN tag AS text COLLATE "C";
CREATE DOMAIN short_list AS text[] CHECK (cardinality(VALUE) < 2);
CREATE TABLE papers (id integer PRIMARY KEY, student_id integer NOT NULL, title text, home address, tags text[] COLLATE folded, folded text COLLATE folded,
  place text COLLATE "POSIX", label tag, parts short_list, sounds loud, stamp timestamptz, score numeric, words tsvector);
CREATE FUNCTION wide(n bigint) RETURNS text LANGUAGE sql AS $$ SELECT 'wide' $$;
CREATE FUNCTION wide(n integer) RETURNS text LANGUAGE sql AS $$ SELECT 'hidden' $$;
CREATE FUNCTION wide(n numeric) RETURNS text LANGUAGE sql AS $$ SELECT 'hidden' $$;
INSERT INTO students SELECT i, 12 + (i % 3)::integer, i % 5, CASE i % 3 WHEN 0 THEN 'L' || i ELSE 'hidden' || i END FROM generate_series(1, 90) AS i;
INSERT INTO absences (id, student_id, reason, minutes, mark) SELECT id, id, CASE school_id WHEN 12 THEN 'flu' ELSE 'hidden' || id END, CASE school_id WHEN 12 THEN 5 ELSE -5 END, CASE school_id WHEN 12 THEN '5' ELSE 'hidden' END FROM students;
INSERT INTO papers SELECT id, id, CASE school_id WHEN 12 THEN 'essay' ELSE 'hidden' || id END, '(a,b)', '{a,b}', 'a', 'b', 'c', '{a}', 'd', CASE school_id WHEN 12 THEN now() ELSE '294276-12-31 23:00+00' END,
  CASE school_id WHEN 12 THEN 1 ELSE 1e400 END, CASE school_id WHEN 12 THEN 'essay' ELSE 'hidden' END::tsvector FROM students;
INSERT INTO rooms SELECT i, 'r' || i, i FROM generate_series(1, 5) AS i;
ANALYZE`;

const ROLE = `
role: teacher
attributes: { school_id: integer }
scope: { student: school_id = :school_id }
tables:
  students: { select: { columns: [id, school_id, class_id, last_name] } }
  absences: { select: { columns: [id, student_id, reason, minutes, code, place], masks: { mark: '(mark::integer + 1)::text' } } }
  papers: { select: { columns: [id, student_id, title, home, tags, folded, place, label, parts, sounds, stamp, score, words] } }
  rooms: { select: { columns: "*" }, insert: { columns: "*" }, update: { columns: "*" } }
  notes: { select: { columns: [id, body], masks: { hint: 'left(hint, 1)' } }, insert: { columns: [id, body, secret, hint] } }
functions: [public.wide(bigint)]
limits: none`;

/** The result of a statement: its rows, sorted, or its SQLSTATE. */
export interface Outcome {
  readonly sqlstate?: string;
  readonly rows?: readonly string[];
}

export interface World {
  readonly guard: Guard;
  /** A guard that has judged nothing yet. */
  newGuard(): Guard;
  /** Runs what the guard sends, with the hidden rows or without them, and undoes it. */
  run(sql: string, hidden: boolean): Promise<Outcome>;
  /** As `run` with the hidden rows, where the server plans for several processes if it can. */
  runParallel(sql: string): Promise<Outcome>;
  drop(): Promise<void>;
}

export async function teacherWorld(options: Pick<GuardOptions, 'deadline'> = {}): Promise<World> {
  const database = await freshDatabase();
  await database.query(SCHEMA);
  const client = await database.connect();
  await client.query('SET search_path = public');
  const newGuard = await guardOn(client, options);
  const guard = newGuard();
  return {
    guard,
    newGuard,
    run: (sql, hidden) => run(client, guard, sql, hidden),
    runParallel: (sql) => run(client, guard, sql, true, PARALLEL),
    drop: () => database.drop(),
  };
}

async function guardOn(client: pg.Client, options: Pick<GuardOptions, 'deadline'>): Promise<() => Guard> {
  await loadParser();
  const catalog = new Catalog(
    await readCatalog(async (sql) => (await client.query<Record<string, unknown>>(sql)).rows),
  );
  const files = [
    { path: 'roles/teacher.yaml', text: ROLE },
    { path: 'principals.yaml', text: 'principals: {}' },
    {
      path: 'subjects.yaml',
      text: 'subjects: { student: { keys: [students.id, absences.student_id, papers.student_id] } }',
    },
  ];
  const reading = { catalog, searchPath: SEARCH_PATH, timeZone: 'UTC', compileCondition, compileMask };
  const { policy, diagnostics } = loadPolicy(files, reading);
  const role = policy.roles.get('teacher');
  if (!role || role.disabled) throw new Error(diagnostics.map(formatDiagnostic).join('\n'));
  return () => new Guard({ catalog, role, searchPath: SEARCH_PATH, ...options });
}

const PARALLEL = [
  'min_parallel_table_scan_size = 0',
  'min_parallel_index_scan_size = 0',
  'parallel_setup_cost = 0',
  'parallel_tuple_cost = 0',
];

async function run(
  client: pg.Client,
  guard: Guard,
  sql: string,
  hidden: boolean,
  settings: readonly string[] = [],
): Promise<Outcome> {
  const judged = guard.judge(sql);
  if (judged.effect === 'refuse') throw new Error(`refused: ${judged.refusal?.message}`);
  const sent = renderTemplate(judged.template, (slot) => (slot.kind === 'limit' ? '100' : `'12'::integer`));
  await client.query('BEGIN');
  try {
    for (const setting of settings) await client.query(`SET LOCAL ${setting}`);
    if (!hidden) {
      await client.query('DELETE FROM absences WHERE minutes < 0');
      await client.query('DELETE FROM papers WHERE title LIKE $1', ['hidden%']);
      await client.query('DELETE FROM students WHERE school_id <> 12');
    }
    const { rows } = await client.query({ text: sent, rowMode: 'array' });
    return { rows: rows.map((row) => JSON.stringify(row)).sort() };
  } catch (error) {
    return { sqlstate: (error as { code?: string }).code ?? String(error) };
  } finally {
    await client.query('ROLLBACK');
  }
}
