/** Whom a row can be about: how many people each statement can pack into one, and which columns name them. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { PeopleOfRow } from '../../src/guard/decision.ts';
import { eachSince } from '../support/since.ts';
import { changesOf, type PeopleWorld, PUPILS, peopleWorld, written } from './people-world.ts';

let world: PeopleWorld;
beforeAll(async () => {
  world = await peopleWorld();
});
afterAll(async () => {
  await world.drop();
});

const ten = Array.from({ length: 10 }, (_, i) => `s${i}`);
const hundred = Array.from({ length: 100 }, (_, i) => `(SELECT last_name FROM students WHERE id = ${i})`);

/**
 * `counts`: it also holds a number, a sum or an extreme of many, on which each of them has some bearing; `walks`: it is there because rows
 * before it are, whoever they are about.
 */
type Case = readonly [note: string, sql: string, people: string, also?: 'counts' | 'walks'];

/** What PostgreSQL has since 16. */
const sinceOf = ([note]: readonly [note: string, ...rest: unknown[]]): number =>
  /^any_value|^JSON_/.test(note) ? 16 : 14;

const CASES: readonly Case[] = [
  ['the key beside the rest', 'SELECT id, last_name FROM students', '[0]'],
  ['a star', 'SELECT * FROM students', '[0]'],
  ['TABLE', 'TABLE absences', '[1]'],
  ['no key', 'SELECT last_name FROM students', '[]'],
  ['a computed key', 'SELECT id + 1, last_name FROM students', '[]'],
  ['a masked key', 'SELECT student_id, body FROM letters', '[]'],
  ['nobody', 'SELECT * FROM classes', 'nobody'],
  ['two keys of one table', 'SELECT * FROM pairs', '[1] [2]'],
  ['one of two keys', 'SELECT one_id, note FROM pairs', '[0] []'],
  ['another table beside it', 'SELECT s.id, c.name FROM students AS s JOIN classes AS c ON c.id = s.class_id', '[0]'],
  ['a name on a table of nobody', 'SELECT c.name FROM students AS s JOIN classes AS c ON c.id = s.class_id', '[]'],

  // Ties.
  ['ON', 'SELECT s.id, a.student_id, a.reason FROM students AS s JOIN absences AS a ON a.student_id = s.id', '[0,1]'],
  [
    'ON with other integers',
    'SELECT s.last_name, g.student_id FROM students AS s JOIN grades AS g ON g.student_id = s.id',
    '[1]',
  ],
  [
    'WHERE',
    'SELECT s.id, a.reason FROM students AS s, absences AS a WHERE a.student_id = s.id AND a.minutes > 5',
    '[0]',
  ],
  ['USING', 'SELECT * FROM absences AS a JOIN grades AS g USING (student_id)', '[0]'],
  [
    'NATURAL',
    'SELECT * FROM (SELECT student_id, reason FROM absences) AS a NATURAL JOIN (SELECT student_id, mark FROM grades) AS g',
    '[0]',
  ],
  [
    'LEFT JOIN',
    'SELECT s.id, a.student_id, a.reason FROM students AS s LEFT JOIN absences AS a ON a.student_id = s.id',
    '[0,1]',
  ],
  ['FULL JOIN', 'SELECT s.id, a.student_id FROM students AS s FULL JOIN absences AS a ON a.student_id = s.id', '[0,1]'],
  [
    'over three',
    'SELECT s.id, a.reason, g.mark FROM students AS s JOIN absences AS a ON a.student_id = s.id JOIN grades AS g ON g.student_id = a.student_id',
    '[0]',
  ],
  [
    'OR ties nobody',
    'SELECT s.id, a.reason FROM students AS s JOIN absences AS a ON a.student_id = s.id OR a.minutes > 5',
    '[0] []',
  ],
  [
    'nor does another operator',
    'SELECT s.id, a.reason FROM students AS s JOIN absences AS a ON a.student_id === s.id',
    '[0] []',
  ],
  [
    'nor a computed key',
    'SELECT s.id, a.reason FROM students AS s JOIN absences AS a ON a.student_id = s.id + 1',
    '[0] []',
  ],
  ['nor a mask', 'SELECT s.id, l.body FROM students AS s JOIN letters AS l ON l.student_id = s.id', '[0] []'],
  [
    'nor ON of an outer join between those of its one side',
    'SELECT a.id, b.id, g.mark FROM students AS a CROSS JOIN students AS b LEFT JOIN grades AS g ON a.id = b.id',
    '[0] [1] []',
  ],
  [
    'two that equal what may be missing',
    'SELECT a.id, b.id, g.mark FROM students AS a CROSS JOIN students AS b LEFT JOIN grades AS g ON g.student_id = a.id AND g.student_id = b.id',
    '[0] [1]',
  ],
  ['one of the pair', 'SELECT p.other_id, s.last_name FROM pairs AS p JOIN students AS s ON s.id = p.one_id', '[] [0]'],

  // Subqueries in FROM.
  ['a derived table', 'SELECT x.no, x.last_name FROM (SELECT id AS no, last_name FROM students) AS x', '[0]'],
  [
    'tied through it',
    'SELECT x.no, a.reason FROM (SELECT id AS no FROM students) AS x JOIN absences AS a ON a.student_id = x.no',
    '[0]',
  ],
  [
    'a WITH, at each use',
    'WITH w AS (SELECT id, last_name FROM students) SELECT a.id, b.last_name FROM w AS a, w AS b',
    '[0] []',
  ],
  [
    'LATERAL, tied',
    'SELECT s.id, x.reason FROM students AS s CROSS JOIN LATERAL (SELECT reason FROM absences AS a WHERE a.student_id = s.id) AS x',
    '[0]',
  ],
  [
    'LATERAL that passes the key on',
    'SELECT x.no, x.reason FROM students AS s CROSS JOIN LATERAL (SELECT s.id AS no, reason FROM absences AS a WHERE a.student_id = s.id) AS x',
    '[0]',
  ],
  [
    'LATERAL, free',
    'SELECT s.id, x.reason FROM students AS s CROSS JOIN LATERAL (SELECT reason FROM absences AS a WHERE a.id = s.age) AS x',
    '[0] []',
  ],
  [
    'UNION ALL of the same columns',
    'SELECT id, last_name FROM students UNION ALL SELECT student_id, reason FROM absences',
    '[0]',
  ],
  [
    'UNION that hides the key in one',
    'SELECT id, last_name FROM students UNION ALL SELECT id, reason FROM absences',
    '[]',
  ],
  [
    'UNION of two and one',
    'SELECT a.id, b.last_name FROM students AS a, students AS b UNION ALL SELECT id, last_name FROM students',
    '[0] []',
  ],
  ['INTERSECT with a series', 'SELECT i FROM generate_series(1, 5000) AS i INTERSECT SELECT id FROM students', '[0]'],
  ['EXCEPT', 'SELECT id FROM students EXCEPT SELECT student_id FROM absences WHERE minutes > 50', '[0]'],
  ['a view', 'SELECT last_name FROM roll', '[]'],
  ['a view of nobody', 'SELECT * FROM rooms', 'nobody'],

  // Packing.
  [
    'ten aliases',
    `SELECT concat(${ten.map((s) => `${s}.last_name`).join()}) FROM ${ten.map((s) => `students AS ${s}`).join()} WHERE ${ten.map((s, i) => `${s}.id = ${i + 1}`).join(' AND ')}`,
    ten.map(() => '[]').join(' '),
  ],
  ['a hundred subqueries', `SELECT ${hundred.join()}`, '+100'],
  ['in an array', `SELECT ARRAY[${hundred.slice(0, 20).join()}]`, '+20'],
  ['in a document', `SELECT json_build_object('a', ${hundred[1]}, 'b', ${hundred[2]})`, '+2'],
  ['in VALUES', `VALUES (${hundred.slice(0, 3).join()}), (${hundred[3]}, '', '')`, '+3'],
  ['in a function of FROM', `SELECT x FROM unnest(ARRAY[${hundred.slice(1, 5).join()}]) AS x`, '+4'],
  ['a whole row of each', 'SELECT a, b FROM students AS a, students AS b WHERE b.id = a.id + 1', '[] []'],
  [
    'row_to_json',
    'SELECT row_to_json(a), row_to_json(b) FROM students AS a, students AS b WHERE b.id = a.id + 1',
    '[] []',
  ],
  ['ROW', 'SELECT ROW(a.last_name, b.last_name) FROM students AS a JOIN students AS b ON b.id = a.id + 1', '[] []'],
  [
    'the tied subquery',
    'SELECT s.id, (SELECT max(minutes) FROM absences AS a WHERE a.student_id = s.id) FROM students AS s',
    '[0]',
  ],
  [
    'a subquery of ten',
    `SELECT (SELECT concat(${ten.map((s) => `${s}.last_name`).join()}) FROM ${ten.map((s) => `students AS ${s}`).join()} WHERE ${ten.map((s, i) => `${s}.id = ${i + 1}`).join(' AND ')})`,
    '+10',
  ],
  ['VALUES of subqueries in FROM', `SELECT v.a FROM (VALUES (${hundred[1]}), (${hundred[2]})) AS v(a)`, '+1'],
  [
    'DISTINCT ON',
    'SELECT DISTINCT ON (class_id) class_id, last_name FROM students ORDER BY class_id, id',
    '[]',
    'counts',
  ],
  [
    'a shift register',
    `WITH RECURSIVE t(n, a, b, c) AS (SELECT 1, last_name, ''::text, ''::text FROM students WHERE id = 1 UNION ALL SELECT t.n + 1, s.last_name, t.a, t.b FROM t JOIN students AS s ON s.id = t.n + 1) SELECT * FROM t`,
    '+3',
    'walks',
  ],
  [
    'the same by a series',
    'WITH RECURSIVE t(n, a, b) AS (SELECT 1, id, 0 FROM students WHERE id = 1 UNION ALL SELECT t.n + 1, s.id, g FROM t JOIN students AS s ON s.id = t.n + 1, generate_series(1, 20) AS g WHERE g = t.a) SELECT a, b FROM t',
    '+2',
    'walks',
  ],
  [
    'a walk',
    'WITH RECURSIVE t AS (SELECT id, last_name, 1 AS n FROM students WHERE id = 1 UNION ALL SELECT s.id, s.last_name, n + 1 FROM students AS s JOIN t ON s.id = t.id + 1) SELECT * FROM t',
    '[0]',
    'walks',
  ],

  // What a series would tell.
  [
    'a series that a subquery picks from',
    'SELECT i FROM generate_series(1, 5000) AS i WHERE i IN (SELECT id FROM students)',
    '+1',
  ],
  [
    'letter by letter',
    `SELECT i, c FROM generate_series(1, 12) AS i CROSS JOIN LATERAL (SELECT chr(n) AS c FROM generate_series(90, 122) AS n WHERE EXISTS (SELECT FROM students AS s WHERE s.id = i AND ascii(s.last_name) = n)) AS x`,
    '+1',
  ],
  [
    'as many rows as a value says',
    'SELECT count(*) FROM (SELECT FROM generate_series(1, 5000) LIMIT (SELECT age FROM students WHERE id = 3)) AS x',
    '+1',
  ],
  [
    'EXISTS about the one in the row',
    'SELECT id FROM students AS s WHERE EXISTS (SELECT FROM absences AS a WHERE a.student_id = s.id AND a.minutes > 50)',
    '[0]',
  ],
  [
    'IN about the one in the row',
    'SELECT id FROM students WHERE id IN (SELECT student_id FROM absences WHERE minutes > 50)',
    '[0]',
  ],
  ['NOT IN', 'SELECT id FROM students WHERE id NOT IN (SELECT student_id FROM absences WHERE minutes > 50)', '[0]'],
  [
    'IN about others',
    'SELECT name FROM teachers WHERE class_id IN (SELECT class_id FROM students WHERE age > 20)',
    '+1',
    'counts',
  ],

  // Groups.
  ['a count', 'SELECT count(*) FROM students', '[]', 'counts'],
  [
    'groups by the key',
    'SELECT student_id, count(*), max(minutes), min(reason) FROM absences GROUP BY student_id',
    '[0]',
  ],
  ['groups of many', 'SELECT class_id, count(*), avg(age) FROM students GROUP BY class_id', '[]', 'counts'],
  [
    'each extreme is one more',
    'SELECT class_id, min(last_name), max(last_name) FROM students GROUP BY class_id',
    '[] +2',
  ],
  [
    'an extreme of two',
    'SELECT max(a.last_name || b.last_name), min(a.age) FROM students AS a, students AS b',
    '[] [] +4',
    'counts',
  ],
  ['an extreme of a row', 'SELECT max(ROW(last_name, age)::text) FROM students', '[] +1', 'counts'],
  [
    'sums that choose',
    'SELECT sum(age) FILTER (WHERE id = 1), sum(age) FILTER (WHERE id = 2), sum(CASE id WHEN 3 THEN age END) FROM students',
    '[] +3',
  ],
  [
    'through a derived table',
    'SELECT sum(a), sum(b) FROM (SELECT CASE id WHEN 1 THEN age END AS a, CASE id WHEN 2 THEN age END AS b FROM students) AS x',
    '[] +2',
  ],
  ['a sum of codes', 'SELECT sum(ascii(last_name) * 256 ^ id) FROM students', '[] +2', 'counts'],
  [
    'counts that choose',
    `SELECT ${Array.from({ length: 8 }, (_, i) => `count(*) FILTER (WHERE id = ${i} AND age > 12)`).join()} FROM students`,
    '[] +1',
    'counts',
  ],
  ['GROUPING SETS', 'SELECT student_id, count(*) FROM absences GROUP BY ROLLUP (student_id)', '[]', 'counts'],
  ['HAVING', 'SELECT class_id FROM students GROUP BY class_id HAVING max(age) > 3', '[]', 'counts'],
  ['any_value', 'SELECT any_value(last_name) FROM students', '[] +1', 'counts'],
  [
    'subqueries in an aggregate',
    `SELECT max((SELECT last_name FROM students WHERE id = i)), min((SELECT last_name FROM students WHERE id = i)) FROM generate_series(1, 9) AS i`,
    '+6',
    'counts',
  ],

  // Windows.
  ['a window', 'SELECT id, max(last_name) OVER () FROM students', '[0] +1', 'counts'],
  [
    'a sum of one row before',
    'SELECT id, sum(age) OVER (ORDER BY id ROWS BETWEEN 1 PRECEDING AND 1 PRECEDING) FROM students',
    '[0] +1',
  ],
  ['within one person', 'SELECT student_id, max(minutes) OVER (PARTITION BY student_id) FROM absences', '[0]'],
  [
    'by the name of the window',
    'SELECT student_id, max(minutes) OVER w FROM absences WINDOW w AS (PARTITION BY student_id)',
    '[0]',
  ],
  ['a number', 'SELECT id, row_number() OVER (ORDER BY id), count(*) OVER () FROM students', '[0]', 'counts'],

  // Writes.
  ['RETURNING', `UPDATE students SET last_name = 'x' WHERE id = 3 RETURNING id, age`, '[0]'],
  ['RETURNING without the key', 'DELETE FROM absences WHERE id = 3 RETURNING minutes', '[]'],
  [
    'UPDATE FROM, tied',
    `UPDATE absences AS a SET reason = 'x' FROM students AS s WHERE s.id = a.student_id RETURNING a.student_id, s.last_name`,
    '[0]',
  ],
  ['INSERT', `INSERT INTO absences VALUES (99, 3, 'x', 1) RETURNING id, student_id`, 'nobody', 'counts'],
  ['INSERT of what was read', 'INSERT INTO notes SELECT id, last_name FROM students RETURNING body', '[]'],
  ['the same unseen', 'INSERT INTO notes SELECT id, last_name FROM students', '+1'],
  [
    'UPDATE of what was read',
    `UPDATE notes SET body = (SELECT last_name FROM students WHERE students.id = notes.id)`,
    '+1',
  ],
  ['into a table with its key', 'INSERT INTO absences SELECT id + 100, id, last_name FROM students', 'nobody'],
  ['under another key', 'INSERT INTO absences SELECT id + 100, 1, last_name FROM students', '+1'],
  ['under a computed key', 'INSERT INTO absences SELECT id, id + 1, last_name FROM students', '+1'],
  [
    'one under the own key, and another beside',
    'INSERT INTO absences (student_id, id, reason) SELECT a.id, b.id, b.last_name FROM students AS a, students AS b',
    '+1',
  ],
  [
    'in VALUES under a key',
    `INSERT INTO absences VALUES (9, 1, (SELECT last_name FROM students WHERE id = 2), 1)`,
    '+1',
  ],
  [
    'an upsert of what was read',
    'INSERT INTO absences SELECT id, id, last_name FROM students ON CONFLICT (id) DO UPDATE SET reason = excluded.reason',
    '+1',
  ],
  ['of the row itself', `UPDATE absences SET reason = reason || '!', minutes = minutes + 1`, 'nobody'],
  [
    'of who is in the row',
    'UPDATE absences AS a SET reason = s.last_name FROM students AS s WHERE s.id = a.student_id',
    'nobody',
  ],
  [
    'of somebody else',
    'UPDATE absences AS a SET reason = s.last_name FROM students AS s WHERE s.id = a.student_id + 1',
    '+1',
  ],
  ['a record put under another key', 'UPDATE absences SET student_id = 1', '+1', 'counts'],
  ['the same with RETURNING', 'UPDATE absences SET student_id = 1 RETURNING student_id, reason', '[]', 'counts'],

  // Functions.
  ['a function that reads', 'SELECT name_of(1), name_of(2)', '+2'],
  ['one in FROM', 'SELECT last_name FROM pupils()', '+1'],
  ['one that does not', 'SELECT twice(3)', 'nobody'],

  // Other ways to a row.
  ['COPY', 'COPY absences (reason, student_id) TO STDOUT', '[1]'],
  ['COPY without the key', 'COPY absences (reason) TO STDOUT', '[]'],
  ['COPY of a query', 'COPY (SELECT last_name, id FROM students) TO STDOUT', '[1]'],
  ['PREPARE', 'PREPARE p AS SELECT last_name, id FROM students', '[1]'],
  ['DECLARE', 'DECLARE c CURSOR FOR SELECT last_name, id FROM students', '[1]'],
  ['EXPLAIN', 'EXPLAIN SELECT id FROM students', 'nobody'],
];

describe('what is counted', () => {
  eachSince(sinceOf, CASES)('%s', (_note, sql, people) => {
    const { statements, refusal } = world.guards.counting!.judge(sql);
    expect(refusal?.message).toBeUndefined();
    expect(written(statements[0]?.people)).toBe(people);
  });
});

/** In which rows the statement's result would be another if one pupil were: never more pupils to a row than were counted. */
describe('on the server', () => {
  const ROWS = /^(SELECT|WITH|VALUES|TABLE|UPDATE|DELETE|INSERT .* RETURNING)/;
  for (const [note, sql, , also] of CASES) {
    if (!ROWS.test(sql) || also === 'counts') continue;
    test(note, async () => {
      const people = world.guards.counting!.judge(sql).statements[0]?.people ?? [];
      const before = await world.run(sql);
      const bearing = new Map<string, number>();
      for (let pupil = 1; pupil <= PUPILS; pupil++) {
        const changes = also === 'walks' ? changesOf(pupil).slice(0, 1) : changesOf(pupil);
        for (const row of await changedBy(changes, sql, before)) bearing.set(row, (bearing.get(row) ?? 0) + 1);
      }
      for (const row of before) {
        const found = bearing.get(JSON.stringify(row)) ?? 0;
        expect(found, JSON.stringify(row)).toBeLessThanOrEqual(countedIn(row, people));
      }
    });
  }
});

/** The rows that are not there, or not as often, once everything about a pupil is another. */
async function changedBy(changes: readonly string[], sql: string, before: readonly unknown[][]): Promise<Set<string>> {
  const found = new Set<string>();
  for (const change of changes) {
    const left = new Map<string, number>();
    for (const row of await world.run(sql, change)) {
      const text = JSON.stringify(row);
      left.set(text, (left.get(text) ?? 0) + 1);
    }
    for (const row of before) {
      const text = JSON.stringify(row);
      const rest = (left.get(text) ?? 0) - 1;
      left.set(text, rest);
      if (rest < 0) found.add(text);
    }
  }
  return found;
}

/** As the session counts a row: the keys that show, and one for each whose key does not. */
function countedIn(row: readonly unknown[], people: readonly PeopleOfRow[]): number {
  let count = 0;
  for (const { ways, unnamed } of people) {
    const keys = new Set<string>();
    for (const way of ways) {
      if (way.keys.length === 0) count += 1;
      const shown = way.keys.map((key) => row[key]).find((value) => value !== null && value !== undefined);
      if (shown !== undefined) keys.add(String(shown));
    }
    count += keys.size + unnamed;
  }
  return count;
}

/** Values of any number of people in one row: refused where a limit counts them, however the role may collect. */
const GATHERED: readonly (readonly [note: string, sql: string])[] = [
  ['string_agg', `SELECT string_agg(last_name, ',') FROM students`],
  ['ARRAY', 'SELECT ARRAY(SELECT last_name FROM students)'],
  ['json_agg of rows', 'SELECT json_agg(s) FROM students AS s'],
  ['json_object_agg', 'SELECT json_object_agg(id, last_name) FROM students'],
  ['xmlagg', 'SELECT xmlagg(xmlelement(name n, last_name)) FROM students'],
  ['JSON_ARRAYAGG', 'SELECT JSON_ARRAYAGG(last_name) FROM students'],
  ['JSON_OBJECTAGG', 'SELECT JSON_OBJECTAGG(id : last_name) FROM students'],
  ['JSON_ARRAY of a query', 'SELECT JSON_ARRAY(SELECT last_name FROM students)'],
  ['range_agg', 'SELECT range_agg(int4range(id, id + 1)) FROM students'],
  [
    'percentile_disc of an array',
    `SELECT percentile_disc(ARRAY[0.1, 0.2]) WITHIN GROUP (ORDER BY last_name) FROM students`,
  ],
  ['mode', 'SELECT mode() WITHIN GROUP (ORDER BY last_name) FROM students'],
  ['lag', 'SELECT lag(last_name) OVER (ORDER BY id) FROM students'],
  ['lead', 'SELECT lead(last_name, 2) OVER (ORDER BY id) FROM students'],
  ['nth_value', 'SELECT nth_value(last_name, 3) OVER (ORDER BY id) FROM students'],
  ['first_value', 'SELECT first_value(last_name) OVER (ORDER BY id) FROM students'],
  ['array_agg in a frame', 'SELECT array_agg(last_name) OVER (ORDER BY id ROWS 3 PRECEDING) FROM students'],
  [
    'over a join with a series',
    `SELECT i, string_agg(s.last_name, ',') FROM generate_series(1, 3) AS i JOIN students AS s ON s.id % 3 = i GROUP BY i`,
  ],
  [
    'a recursive term that builds',
    `WITH RECURSIVE t(n, acc) AS (SELECT 0, ''::text UNION ALL SELECT t.n + 1, t.acc || s.last_name FROM t JOIN students AS s ON s.id = t.n + 1) SELECT acc FROM t`,
  ],
  ['bits for all', 'SELECT bit_or(bits) FROM students'],
  ['a sum of places', 'SELECT sum(id * 10::numeric ^ id) FROM students'],
  ['a sum of text', `SELECT sum((id || repeat('0', 7 * id))::numeric) FROM students`],
  ['a sum of floats as numerics', 'SELECT sum((id * 10 ^ (7 * id))::numeric) FROM students'],
  ['a sum in a window', 'SELECT sum(points * power(10::numeric, id)) OVER () FROM students'],
  ['an average of places', 'SELECT avg(x) FROM (SELECT id * 10::numeric ^ id AS x FROM students) AS q'],
];

describe('any number in one row', () => {
  eachSince(sinceOf, GATHERED)('%s', (_note, sql) => {
    expect(world.guards.counting!.judge(sql).refusal?.reason, 'collect: deny').toBe('collects');
    expect(world.guards.collecting!.judge(sql).refusal?.reason, 'counted').toBe('collects');
    expect(world.guards.uncounted!.judge(sql).refusal, 'not counted').toBeUndefined();
  });
});

/** Values of one person: no number of people. */
const OF_ONE: readonly (readonly [note: string, sql: string, people: string])[] = [
  ['in groups by the key', 'SELECT student_id, json_agg(reason) FROM absences GROUP BY student_id', '[0]'],
  [
    'beside the one in the row',
    'SELECT s.id, ARRAY(SELECT reason FROM absences AS a WHERE a.student_id = s.id) FROM students AS s',
    '[0]',
  ],
  ['of a key that is given', 'SELECT array_agg(reason) FROM absences WHERE student_id = $1', '[]'],
  [
    'joined and grouped',
    'SELECT s.id, s.last_name, json_agg(g.mark) FROM students AS s LEFT JOIN grades AS g ON g.student_id = s.id GROUP BY s.id',
    '[0]',
  ],
  [
    'in a window of one',
    'SELECT student_id, lag(minutes) OVER (PARTITION BY student_id ORDER BY id) FROM absences',
    '[0]',
  ],
  ['of nobody', 'SELECT array_agg(name) FROM classes', 'nobody'],
];

test.each(OF_ONE)('what is collected %s', (_note, sql, people) => {
  const { statements, refusal } = world.guards.collecting!.judge(sql);
  expect(refusal?.message).toBeUndefined();
  expect(written(statements[0]?.people)).toBe(people);
});

/** Sums that stay. */
test.each([
  'SELECT sum(points), avg(fee) FROM students',
  'SELECT sum(fee * age), sum(fee * 1.2), avg(round(points / 3, 2)) FROM students',
  'SELECT sum(CASE WHEN age > 12 THEN fee ELSE 0 END) FROM students',
  `SELECT sum((age || '')::numeric(10, 2)) FROM students`,
  'SELECT avg(x) FROM (SELECT class_id, sum(points) AS x FROM students GROUP BY class_id) AS q',
  `SELECT avg(extract(epoch FROM now() - date '2026-09-01') * age) FROM students`,
  'SELECT bit_or(age) FROM students',
])('%s', (sql) => {
  expect(world.guards.counting!.judge(sql).refusal?.message).toBeUndefined();
});

test('rows that a node of a plan has counted may be a value of somebody', () => {
  const series = 'SELECT FROM generate_series(1, (SELECT age FROM students WHERE id = 1))';
  const refused = world.guards.counting!.judge(`EXPLAIN (ANALYZE) ${series}`).refusal;
  expect(refused?.reason).toBe('statement-not-allowed');
  expect(world.guards.uncounted!.judge(`EXPLAIN (ANALYZE) ${series}`).refusal).toBeUndefined();
  expect(world.guards.counting!.judge('EXPLAIN (ANALYZE) SELECT * FROM classes').refusal).toBeUndefined();
  expect(world.guards.counting!.judge(`EXPLAIN ${series}`).refusal).toBeUndefined();
});

test('what a WITH writes of people is not counted: it is refused', () => {
  const sql = 'WITH w AS (INSERT INTO notes SELECT id, last_name FROM students) SELECT 1';
  expect(world.guards.counting!.judge(sql).refusal?.reason).toBe('collects');
});
