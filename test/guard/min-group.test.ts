/**
 * Tests `min_group`: only aggregates, over groups that are large enough. Each statement is judged, and what is sent runs on a real server: no result
 * is of a smaller group, or computed from the values of fewer people. Other statements are refused with their reason.
 */
import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readCatalog } from '../../src/catalog/read.ts';
import { Guard } from '../../src/guard/guard.ts';
import { compileCondition, compileMask } from '../../src/policy/compile/condition.ts';
import { loadPolicy } from '../../src/policy/compile/load.ts';
import { formatDiagnostic } from '../../src/policy/source/diagnostic.ts';
import { Catalog } from '../../src/sql/catalog/catalog.ts';
import { loadParser } from '../../src/sql/parse/parse.ts';
import { renderTemplate } from '../../src/sql/text/edits.ts';
import { type FreshDatabase, freshDatabase, serverVersion } from '../support/postgres.ts';

/** School 12 has 6 pupils in class 1, 4 in class 2, 2 in class 3 and 1 in none; three of them have a mark in sport. School 13 is hidden. */
const SCHEMA = `
CREATE TABLE classes (id integer PRIMARY KEY, label text NOT NULL, level integer, school_id integer);
CREATE TABLE subjects (id integer PRIMARY KEY, name text NOT NULL);
CREATE TABLE students (id integer PRIMARY KEY, school_id integer NOT NULL, class_id integer, sex text, name text, bonus integer, city text);
CREATE TABLE marks (student_id integer, subject_id integer, mark numeric(4, 2), PRIMARY KEY (student_id, subject_id));
CREATE TABLE friends (a integer NOT NULL, b integer NOT NULL, since integer, PRIMARY KEY (a, b));
CREATE TABLE rooms (id integer, seats integer, school_id integer);
CREATE TABLE towns (id integer PRIMARY KEY, name text);
CREATE TABLE old_towns () INHERITS (towns);
CREATE TABLE visits (id integer PRIMARY KEY, day date, seen date);
INSERT INTO visits SELECT i, date '2024-03-01' + i, '2024-01-01' FROM generate_series(1, 8) AS i;
CREATE TABLE odd_visits (id integer PRIMARY KEY, day date, seen date);
INSERT INTO odd_visits TABLE visits;
INSERT INTO odd_visits VALUES (99, '300000-01-01', '2024-01-01');
CREATE VIEW names AS SELECT id, name FROM students;
INSERT INTO classes VALUES (1, '6e A', 6, 12), (2, '6e B', 6, 12), (3, '5e C', 5, 12), (9, 'hidden', 5, 13);
INSERT INTO subjects VALUES (1, 'maths'), (2, 'sport');
INSERT INTO students SELECT i, 12, CASE WHEN i <= 6 THEN 1 WHEN i <= 10 THEN 2 WHEN i <= 12 THEN 3 END, CASE i % 2 WHEN 0 THEN 'f' ELSE 'm' END,
  'pupil' || i, CASE WHEN i = 11 THEN 7 END, 'Nîmes' FROM generate_series(1, 13) AS i;
INSERT INTO students SELECT i, 13, 9, 'm', 'hidden' || i, 1, 'hidden' FROM generate_series(100, 140) AS i;
INSERT INTO marks SELECT id, 1, id % 50 FROM students;
INSERT INTO marks SELECT id, 2, 20 FROM students WHERE id IN (1, 2, 11);
INSERT INTO marks SELECT 1, 10 + i, 5 FROM generate_series(1, 20) AS i;
INSERT INTO friends SELECT i, 11, 2020 FROM generate_series(1, 10) AS i;
INSERT INTO rooms SELECT i, 30, CASE WHEN i <= 5 THEN 12 ELSE 13 END FROM generate_series(1, 9) AS i;
ANALYZE`;

const ROLE = `
role: statistics
attributes: { school_id: integer }
scope: { student: school_id = :school_id }
min_group: 4
tables:
  classes: { rows: school_id = :school_id, select: { columns: [id, label, level] } }
  subjects: { select: { columns: "*" }, insert: { columns: "*" } }
  students: { select: { columns: [id, class_id, sex, name, bonus], masks: { city: 'left(city, 1)' } }, update: { columns: [bonus] } }
  marks: { select: { columns: [student_id, subject_id, mark] } }
  towns: { select: { columns: "*" } }
  friends: { select: { columns: [a, b, since] } }
  rooms: { rows: school_id = :school_id, select: { columns: [id, seats] } }
  visits: { select: { columns: [id, seen], masks: { day: "date_trunc('year', day::timestamp)::date" } } }
  odd_visits: { select: { columns: [id, seen], masks: { day: "date_trunc('year', day::timestamp)::date" } } }
  names: { rows: id < 100, select: { columns: [id, name] } }
statements: [copy_to, explain, explain_analyze]
collect: allow
limits: { rows_per_statement: 100 }`;

let database: FreshDatabase;
let client: pg.Client;
let guard: Guard;
/** The same role with `round_to: 5`. */
let rounding: Guard;

beforeAll(async () => {
  database = await freshDatabase();
  await database.query(SCHEMA);
  client = await database.connect();
  await loadParser();
  const catalog = new Catalog(
    await readCatalog(async (sql) => (await client.query<Record<string, unknown>>(sql)).rows),
  );
  guard = guardOf(catalog, ROLE);
  rounding = guardOf(catalog, ROLE.replace('min_group: 4', 'min_group: 4\nround_to: 5'));
});

function guardOf(catalog: Catalog, text: string): Guard {
  const { policy, diagnostics } = loadPolicy(
    [
      { path: 'roles/statistics.yaml', text },
      { path: 'principals.yaml', text: 'principals: {}' },
      {
        path: 'subjects.yaml',
        text: 'subjects: { student: { keys: [students.id, marks.student_id, friends.a, friends.b] } }\nabout: { names: nobody }',
      },
    ],
    { catalog, searchPath: ['public'], timeZone: 'UTC', compileCondition, compileMask },
  );
  const role = policy.roles.get('statistics');
  if (!role || role.disabled) throw new Error(diagnostics.map(formatDiagnostic).join('\n'));
  return new Guard({ catalog, role, searchPath: ['public'] });
}

afterAll(() => database.drop());

async function rowsOf(sql: string, judge = guard): Promise<string[]> {
  const judged = judge.judge(sql);
  if (judged.refusal) throw new Error(`${judged.refusal.message}; ${judged.refusal.detail}`);
  const sent = renderTemplate(judged.template, (slot) => (slot.kind === 'limit' ? '100' : `'12'::integer`));
  const { rows } = await client.query({ text: sent, rowMode: 'array' });
  return rows.map((row) => row.join(' ')).sort();
}

test.each(['id = 99', 'id < 5', 'id = 1000'])(
  'a mask that fails on one row fails whatever is chosen: %s',
  async (chosen) => {
    await expect(rowsOf(`SELECT day, count(*) FROM odd_visits WHERE ${chosen} GROUP BY day`)).rejects.toMatchObject({
      code: '22008',
    });
    expect(await rowsOf('SELECT seen::text, count(*) FROM odd_visits GROUP BY seen')).toEqual(['2024-01-01 9']);
  },
);

describe('what is shown', () => {
  test.each<[string, string, string[]]>([
    ['one group, of all', 'SELECT count(*) FROM students', ['13']],
    [
      'groups of enough, and not those of fewer',
      'SELECT class_id, count(*) FROM students GROUP BY class_id',
      ['1 6', '2 4'],
    ],
    ['no group of one', 'SELECT count(*) FROM students WHERE id = 11', []],
    [
      'nor of one that a parameter of its own would name',
      "SELECT max_of FROM (SELECT sum(bonus) AS max_of FROM students WHERE name = 'pupil11') x",
      [],
    ],
    ['no group of none', 'SELECT count(*) FROM students WHERE id = 999', []],
    [
      'pupils of other schools count for nothing',
      "SELECT sex, count(*) FROM students WHERE sex = 'm' GROUP BY sex",
      ['m 7'],
    ],
    [
      'an alias',
      'SELECT s.class_id AS c, count(*) AS n FROM public.students AS s GROUP BY s.class_id ORDER BY n DESC, c',
      ['1 6', '2 4'],
    ],
    [
      'GROUP BY a number, ORDER BY and LIMIT',
      'SELECT class_id, count(*) FROM students GROUP BY 1 ORDER BY 2 DESC LIMIT 1',
      ['1 6'],
    ],
    [
      'WHERE chooses the rows of the groups',
      'SELECT class_id, count(*) FROM students WHERE id > 1 GROUP BY class_id',
      ['1 5', '2 4'],
    ],
    [
      'a group by a key that is NULL, too small',
      'SELECT class_id, count(id) FROM students WHERE class_id IS NULL GROUP BY class_id',
      [],
    ],
    [
      'a key behind a mask that can fail',
      'SELECT extract(year FROM day) AS y, count(*) FROM visits WHERE id > 1 GROUP BY day',
      ['2024 7'],
    ],
    ['keys alone', 'SELECT class_id FROM students GROUP BY class_id', ['1', '2']],
    ['a key that is an expression', 'SELECT id > 6, count(*) FROM students GROUP BY id > 6', ['false 6', 'true 7']],
    ['a constant key is the one group', 'SELECT count(*) FROM students GROUP BY 1 = 1', ['13']],
    [
      'sums over values of enough',
      'SELECT subject_id, sum(mark), avg(mark)::int FROM marks GROUP BY subject_id',
      ['1 91.00 7'],
    ],
    [
      'a sum over the values of one is NULL',
      'SELECT count(*), sum(bonus), avg(bonus), count(bonus), count(DISTINCT bonus) FROM students',
      ['13    '],
    ],
    [
      'and an expression of it',
      'SELECT class_id, coalesce(sum(bonus), -1) AS s FROM students GROUP BY class_id',
      ['1 -1', '2 -1'],
    ],
    [
      'and where it only orders',
      'SELECT class_id FROM students GROUP BY class_id ORDER BY sum(bonus) NULLS FIRST, class_id',
      ['1', '2'],
    ],
    ['count(DISTINCT) over enough', 'SELECT count(DISTINCT class_id) FROM students', ['3']],
    ['a masked column in its form', 'SELECT city, count(*) FROM students GROUP BY city', ['N 13']],
    [
      'computing over groups',
      'SELECT class_id, round(100.0 * count(*) / 13) FROM students GROUP BY class_id',
      ['1 46', '2 31'],
    ],
    [
      'a join by the primary key',
      'SELECT c.label, count(*) FROM students s JOIN classes c ON c.id = s.class_id GROUP BY c.label',
      ['6e A 6', '6e B 4'],
    ],
    [
      'written with commas',
      'SELECT c.label, count(*) FROM classes c, students s WHERE c.id = s.class_id GROUP BY c.label',
      ['6e A 6', '6e B 4'],
    ],
    [
      'a left join',
      'SELECT c.level, count(*) FROM students s LEFT JOIN classes c ON s.class_id = c.id GROUP BY c.level',
      ['6 10'],
    ],
    [
      'three tables',
      'SELECT c.label, avg(m.mark)::int FROM marks m JOIN students s ON s.id = m.student_id JOIN classes c ON c.id = s.class_id WHERE m.subject_id = 1 GROUP BY c.label',
      ['6e A 4', '6e B 9'],
    ],
    [
      'two tables with one row each for the other',
      'SELECT count(*), sum(m.mark) FROM students s, marks m WHERE m.student_id = s.id AND m.subject_id = 1',
      ['13 91.00'],
    ],
    [
      'many rows of one pupil are one pupil',
      'SELECT subject_id > 9, count(*) FROM marks WHERE student_id < 5 GROUP BY 1',
      ['false 6'],
    ],
    ['rows of a table that is about no person', 'SELECT count(*), sum(seats) FROM rooms', ['5 150']],
    ['and fewer of them', 'SELECT count(*) FROM rooms WHERE id > 2', []],
    ['every key of a table with two counts', 'SELECT since, count(*) FROM friends GROUP BY since', []],
    [
      'a table that is about no person, granted whole',
      'SELECT id, name FROM subjects ORDER BY id',
      ['1 maths', '2 sport'],
    ],
    ['no table', 'SELECT 1 + 1', ['2']],
    [
      'computing over what is shown, in a query around',
      'SELECT sum(n), max(n) FROM (SELECT class_id, count(*) AS n FROM students GROUP BY class_id) x',
      ['10 6'],
    ],
    [
      'in a CTE, joined',
      'WITH x AS (SELECT class_id, count(*) AS n FROM students GROUP BY class_id) SELECT a.n - b.n FROM x a JOIN x b ON a.class_id = 1 AND b.class_id = 2',
      ['2'],
    ],
    [
      'UNION of groups',
      'SELECT sex, count(*) FROM students GROUP BY sex UNION ALL SELECT name, 0 FROM subjects',
      ['f 6', 'm 7', 'maths 0', 'sport 0'],
    ],
    [
      'a window over what is shown',
      'SELECT class_id, rank() OVER (ORDER BY n DESC) FROM (SELECT class_id, count(*) AS n FROM students GROUP BY class_id) x',
      ['1 1', '2 2'],
    ],
    [
      'a scalar subquery',
      'SELECT (SELECT count(*) FROM students WHERE id = 11), (SELECT count(*) FROM students)',
      [' 13'],
    ],
    [
      'stddev and variance',
      'SELECT round(stddev(mark), 1), round(var_pop(mark)) FROM marks WHERE subject_id = 1',
      ['3.9 14'],
    ],
    ['USING a primary key', 'SELECT count(*) FROM students s JOIN classes c USING (id) WHERE id > 0', []],
    ['a comment and a semicolon behind it', 'SELECT count(*) FROM students -- all\n;', ['13']],
    [
      'names like the words of clauses',
      'SELECT count(*) AS "order" FROM students AS "limit" WHERE "limit".id > 0',
      ['13'],
    ],
    ['catalogs', "SELECT relname FROM pg_catalog.pg_class WHERE relname = 'rooms'", ['rooms']],
  ])('%s', async (_, sql, rows) => {
    expect(await rowsOf(sql)).toEqual(rows);
  });

  test('names of columns stay', async () => {
    const judged = guard.judge(
      'SELECT class_id, count(*), sum(bonus), avg(bonus) AS mean FROM students GROUP BY class_id',
    );
    const sent = renderTemplate(judged.template, () => "'12'::integer");
    const { fields } = await client.query(sent);
    expect(fields.map((f) => f.name)).toEqual(['class_id', 'count', 'sum', 'mean']);
  });

  test.each([
    'DECLARE c CURSOR FOR SELECT count(*) FROM students',
    'PREPARE p AS SELECT count(*) FROM students',
    'COPY (SELECT class_id, count(*) FROM students GROUP BY class_id) TO STDOUT',
    'EXPLAIN SELECT count(*) FROM students',
    'SELECT count(*) FROM students WHERE class_id = $1',
  ])('the same in %s', (sql) => {
    expect(guard.judge(sql).effect).toBe('rewrite');
    expect(renderTemplate(guard.judge(sql).template, () => '12')).toContain(
      'HAVING pg_catalog.count(DISTINCT rowgate_unit_1) >= 4',
    );
  });
});

const RAW = 'Rows as they are cannot be read.';
const MULTIPLIES = /^Each row must stand once/;
const PLACES = /^Only tables may be joined to it/;
const SUBQUERY = 'A subquery beside the rows could ask about one of them.';
const TELLS = /^An expression that can fail/;

describe('attacks', () => {
  test.each<[string, string, string | RegExp]>([
    ['raw rows', 'SELECT name FROM students', RAW],
    ['all columns', 'SELECT * FROM students', RAW],
    ['TABLE', 'TABLE students', RAW],
    ['distinct rows', 'SELECT DISTINCT name FROM students', RAW],
    ['a page of raw rows', 'SELECT name FROM students ORDER BY id LIMIT 1 OFFSET 10', RAW],
    ['rows behind a derived table', 'SELECT count(*) FROM (SELECT name FROM students) x', RAW],
    ['rows behind a CTE', 'WITH x AS (SELECT * FROM students) SELECT sum(bonus) FROM x WHERE id = 11', RAW],
    [
      'UNION ALL of the same rows, to make one pupil a group',
      `SELECT count(*) FROM (${Array.from({ length: 10 }, () => 'SELECT id FROM students WHERE id = 11').join(' UNION ALL ')}) x`,
      RAW,
    ],
    ['the same under EXCEPT', 'SELECT name FROM students EXCEPT SELECT name FROM students WHERE id <> 11', RAW],
    ['a cross join with a series', 'SELECT count(*) FROM students, generate_series(1, 10) WHERE id = 11', PLACES],
    [
      'weights by a join with VALUES',
      'SELECT avg(mark) FROM marks JOIN (VALUES (11, 1), (11, 2)) v(a, b) ON student_id = a OR b = 1',
      PLACES,
    ],
    [
      'weights by a self-join',
      'SELECT avg(a.mark) FROM marks a JOIN marks b ON a.student_id = 11 OR b.student_id = 1',
      MULTIPLIES,
    ],
    [
      'a self-join that is not by the whole key',
      'SELECT avg(a.mark) FROM marks a JOIN marks b ON a.student_id = b.student_id',
      MULTIPLIES,
    ],
    [
      'a table with child tables that may repeat its key',
      'SELECT count(*) FROM students s JOIN classes c ON c.id + 0 = s.class_id',
      MULTIPLIES,
    ],
    ['a whole table on the many side', 'SELECT count(*) FROM students s JOIN subjects x ON x.id > s.id', MULTIPLIES],
    ['a key that is not unique', 'SELECT sum(s.bonus) FROM students s JOIN rooms r ON r.id = s.class_id', MULTIPLIES],
    ['NATURAL JOIN', 'SELECT count(*) FROM students NATURAL JOIN classes', MULTIPLIES],
    ['FULL JOIN', 'SELECT count(*) FROM students s FULL JOIN classes c ON c.id = s.class_id', MULTIPLIES],
    ['RIGHT JOIN', 'SELECT count(*) FROM students s RIGHT JOIN classes c ON c.id = s.class_id', MULTIPLIES],
    [
      'a LEFT JOIN without the key in its condition',
      'SELECT count(*) FROM students s LEFT JOIN classes c ON true WHERE c.id = s.class_id',
      MULTIPLIES,
    ],
    [
      'a column that repeats with the rows joined to it',
      'SELECT sum(s.bonus) FROM marks m JOIN students s ON s.id = m.student_id',
      /repeats with the rows/,
    ],
    ['max of a name', 'SELECT max(name) FROM students', 'max shows single values.'],
    ['max with FILTER', 'SELECT max(name) FILTER (WHERE id = 11) FROM students', 'max shows single values.'],
    ['min', 'SELECT min(bonus) FROM students', 'min shows single values.'],
    ['any_value', 'SELECT any_value(name) FROM students', 'any_value shows single values.'],
    ['bool_or', 'SELECT bool_or(id = 11) FROM students', 'bool_or shows single values.'],
    [
      'percentile',
      'SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY bonus) FROM students',
      'percentile_disc shows single values.',
    ],
    ['collecting, though it is granted', 'SELECT array_agg(name) FROM students', 'array_agg shows single values.'],
    ['FILTER', 'SELECT sum(bonus) FILTER (WHERE id = 11) FROM students', /^FILTER would choose/],
    ['CASE as a selector', 'SELECT sum(CASE WHEN id = 11 THEN bonus END) FROM students', /takes a column as it stands/],
    [
      'a product as a selector',
      'SELECT sum(bonus * (1 - sign(abs(id - 11)))) FROM students',
      /takes a column as it stands/,
    ],
    ['NULLIF as a selector', 'SELECT count(nullif(id, 11)) FROM students', /takes a column as it stands/],
    ['count of rows', 'SELECT count(students) FROM students', /takes a column as it stands/],
    ['sum of DISTINCT', 'SELECT sum(DISTINCT bonus) FROM students', 'sum of DISTINCT values is not shown.'],
    ['HAVING probes', 'SELECT class_id FROM students GROUP BY class_id HAVING count(*) = 11', /^HAVING/],
    ['HAVING on values', 'SELECT count(*) FROM students HAVING sum(bonus) > 6', /^HAVING/],
    [
      'ROLLUP with small leaves',
      'SELECT class_id, count(*) FROM students GROUP BY ROLLUP (class_id)',
      /^GROUPING SETS/,
    ],
    ['CUBE', 'SELECT class_id, count(*) FROM students GROUP BY CUBE (class_id)', /^GROUPING SETS/],
    ['windows', 'SELECT name, count(*) OVER () FROM students', RAW],
    [
      'windows after grouping',
      'SELECT class_id, sum(count(*)) OVER () FROM students GROUP BY class_id',
      /^Only aggregates/,
    ],
    ['a named window', 'SELECT class_id, count(*) FROM students GROUP BY class_id WINDOW w AS ()', /^Windows/],
    ['DISTINCT of groups', 'SELECT DISTINCT count(*) FROM students GROUP BY class_id', /^DISTINCT/],
    [
      'LATERAL, a group for each row',
      'SELECT x.n FROM generate_series(1, 20) g, LATERAL (SELECT count(*) AS n FROM students WHERE id = g) x',
      /^Its rows may not be chosen/,
    ],
    [
      'a correlated subquery',
      'SELECT (SELECT count(*) FROM students WHERE id >= g) FROM generate_series(1, 20) g',
      /^Its rows may not be chosen/,
    ],
    [
      'a table that is about no person beside it',
      'SELECT (SELECT avg(mark) FROM marks WHERE subject_id = x.id) FROM subjects x',
      /^Its rows may not be chosen/,
    ],
    [
      'EXISTS as a bit about one',
      'SELECT count(*) FROM students WHERE EXISTS (SELECT 1 FROM students WHERE id = 11 AND bonus > 6)',
      SUBQUERY,
    ],
    [
      'IN of one',
      'SELECT count(*) FROM students WHERE class_id IN (SELECT class_id FROM students WHERE id = 11)',
      SUBQUERY,
    ],
    [
      'a scalar subquery of one',
      'SELECT count(*) + (SELECT bonus FROM students WHERE id = 11) FROM students',
      SUBQUERY,
    ],
    ['EXISTS over raw rows, by itself', 'SELECT EXISTS (SELECT 1 FROM students WHERE id = 11 AND bonus > 6)', RAW],
    ['IN over raw rows, by itself', 'SELECT 7 IN (SELECT bonus FROM students WHERE id = 11)', RAW],
    ['a subquery in LIMIT', 'SELECT count(*) FROM students LIMIT (SELECT bonus FROM students WHERE id = 11)', RAW],
    ['an error as a bit about one', 'SELECT count(*) FROM students WHERE 1 / (id - 11) IS NOT NULL', TELLS],
    ['a cast that fails', 'SELECT count(*) FROM students WHERE name::integer = 1', TELLS],
    ['a key that fails', 'SELECT 1 / (id - 11), count(*) FROM students GROUP BY 1', TELLS],
    ['chance', 'SELECT count(*) FROM students WHERE random() < 0.5', TELLS],
    ['a view without a known data subject', 'SELECT count(*) FROM names', /^Of the view/],
    ['FOR UPDATE', 'SELECT name FROM students FOR UPDATE', RAW],
    [
      'a recursive query',
      'WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT id FROM students, r WHERE id = n + 1) SELECT * FROM r',
      RAW,
    ],
    ['a cursor', 'DECLARE c CURSOR FOR SELECT name FROM students', RAW],
    ['PREPARE', 'PREPARE p AS SELECT name FROM students', RAW],
    ['COPY of a query', 'COPY (SELECT name FROM students) TO STDOUT', RAW],
    ['an aggregate of an outer query', 'SELECT (SELECT count(s.id)) FROM students s', /./],
  ])('%s', (name, sql, why) => {
    const { refusal, effect } = guard.judge(sql);
    expect(effect).toBe('refuse');
    if (name === 'any_value' && serverVersion() < 16) return expect(refusal?.reason).toBe('function-unknown');
    if (refusal?.reason !== 'min-group') {
      // Refused for every restricted role.
      expect(['an aggregate of an outer query', 'a recursive query', 'FOR UPDATE']).toContain(name);
      expect(['unsupported', 'relation-not-granted', 'collects', 'column-unknown']).toContain(refusal?.reason);
      return;
    }
    expect(refusal).toMatchObject({ sqlstate: '42501' });
    expect(refusal?.rule).toMatch(/^roles\/statistics\.yaml:\d+$/);
    if (why instanceof RegExp) expect(refusal?.detail).toMatch(why);
    else expect(refusal?.detail).toBe(why);
  });

  test.each([
    ['COPY of a table', 'COPY students TO STDOUT'],
    ['UPDATE with RETURNING', 'UPDATE students SET bonus = 1 WHERE id = 11 RETURNING bonus'],
    ['UPDATE', 'UPDATE students SET bonus = 1 / bonus WHERE id = 11'],
    ['INSERT of rows', 'INSERT INTO subjects SELECT id, name FROM students'],
    ['a write in a CTE', 'WITH x AS (UPDATE students SET bonus = 1 RETURNING *) SELECT count(*) FROM x'],
    [
      'EXPLAIN ANALYZE, which tells how many rows there were',
      'EXPLAIN ANALYZE SELECT count(*) FROM students WHERE id = 11',
    ],
  ])('%s', (_, sql) => {
    expect(guard.judge(sql).refusal).toMatchObject({ reason: 'min-group', sqlstate: '42501' });
  });
});

describe('counts that are rounded', () => {
  test.each<[string, string, string[]]>([
    ['to the nearest multiple', 'SELECT count(*) FROM students', ['15']],
    ['of each group', 'SELECT class_id, count(*) FROM students GROUP BY class_id', ['1 5', '2 5']],
    [
      'also of values, and of distinct ones',
      'SELECT count(mark), count(DISTINCT mark) FROM marks WHERE subject_id = 1',
      ['15 15'],
    ],
    ['of a small group they are NULL as before', 'SELECT count(*), count(bonus) FROM students', ['15 ']],
    ['the condition on a group is on the exact count', 'SELECT count(*) FROM students WHERE id <= 3', []],
    ['in an expression', 'SELECT count(*) * 100 / 7 FROM students', ['214']],
    ['in a query around it', 'SELECT sum(n) FROM (SELECT count(*) AS n FROM students GROUP BY class_id) AS g', ['10']],
    [
      'in the order, too',
      'SELECT class_id FROM students GROUP BY class_id ORDER BY count(*) DESC, class_id LIMIT 1',
      ['1'],
    ],
    ['of a table that is about no person and granted whole they stay', 'SELECT count(*) FROM subjects', ['2']],
  ])('%s', async (_, sql, rows) => {
    expect(await rowsOf(sql, rounding)).toEqual(rows);
  });

  test('keep their names and their type', async () => {
    const judged = rounding.judge('SELECT count(*), count(id) FROM students');
    const sent = renderTemplate(judged.template, (slot) => (slot.kind === 'limit' ? '100' : `'12'::integer`));
    const { fields } = await client.query(sent);
    expect(fields.map(({ name, dataTypeID }) => [name, dataTypeID])).toEqual([
      ['count', 20],
      ['count', 20],
    ]);
  });

  test.each(['sum', 'avg', 'stddev', 'var_pop'])('%s beside them would tell them', (name) => {
    const { refusal } = rounding.judge(`SELECT ${name}(mark) FROM marks`);
    expect([refusal?.reason, refusal?.detail]).toEqual([
      'min-group',
      `Counts are rounded for this role: ${name} would tell them exactly.`,
    ]);
  });
});
