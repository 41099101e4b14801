/** Tests what is counted of a plan, with a real server's statistics: the rows of its result, and those that it reads from tables about people. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Asked, estimatesInFront, type TestEstimates } from './support.ts';

/** 2,000 pupils, 5,924 absences, 200 classes, 10 schools; a tenth of them in the teacher's school. */
let under: TestEstimates;

beforeAll(async () => {
  under = await estimatesInFront();
});

afterAll(() => under?.stop());

interface Case {
  readonly sql: string;
  readonly why: string;
  readonly result: number;
  readonly read: number;
  readonly asked?: Asked;
}

const ALL: readonly Case[] = [
  { sql: 'SELECT * FROM students', why: 'each row is shown', result: 2000, read: 2000 },
  { sql: 'SELECT id FROM students WHERE id = 5', why: 'one is looked up', result: 1, read: 1 },
  { sql: 'SELECT id FROM students WHERE id < 100', why: 'as many as the condition leaves', result: 99, read: 99 },
  { sql: 'SELECT count(*) FROM students', why: 'one row made of all', result: 1, read: 2000 },
  { sql: "SELECT string_agg(last_name, ',') FROM students", why: 'one row that holds all', result: 1, read: 2000 },
  { sql: 'SELECT school_id, count(*) FROM students GROUP BY 1', why: 'groups of all', result: 10, read: 2000 },
  { sql: 'SELECT count(*) FROM absences', why: 'a key to people makes a table one about them', result: 1, read: 5924 },
  { sql: 'SELECT id FROM students LIMIT 20', why: 'the scan stops', result: 20, read: 20 },
  { sql: 'SELECT id FROM students ORDER BY id LIMIT 20', why: 'an index gives the order', result: 20, read: 20 },
  {
    sql: 'SELECT id FROM students ORDER BY id LIMIT 20 OFFSET 1000',
    why: 'what is skipped is read',
    result: 20,
    read: 1020,
  },
  {
    sql: 'SELECT id FROM students ORDER BY -id LIMIT 20',
    why: 'a sort reads all',
    result: 20,
    read: 2000,
  },
  { sql: 'SELECT DISTINCT school_id FROM students', why: 'ten rows made of all', result: 10, read: 2000 },
  {
    sql: 'SELECT s.id, a.day FROM students s JOIN absences a ON a.student_id = s.id',
    why: 'both sides are read',
    result: 5924,
    read: 7924,
  },
  { sql: 'SELECT s.id FROM students s CROSS JOIN classes c', why: 'rows of rows', result: 400_000, read: 2000 },
  {
    sql: 'SELECT id, (SELECT count(*) FROM absences a WHERE a.student_id = s.id) FROM students s WHERE class_id = 3',
    why: 'three for each of ten',
    result: 10,
    read: 40,
  },
  {
    sql: 'SELECT id FROM students WHERE id NOT IN (SELECT student_id FROM absences)',
    why: 'a hashed subquery runs once',
    result: 1000,
    read: 6924,
  },
  {
    sql: "SELECT id FROM students WHERE id NOT IN (SELECT student_id FROM absences) AND last_name <> 'hashed SubPlan 1'",
    why: 'and a literal is no subquery',
    result: 1000,
    read: 6924,
  },
  {
    sql: "SELECT id, (SELECT count(*) FROM absences a WHERE a.student_id = s.id AND a.day > date '1970-01-01' + s.class_id), 'hashed SubPlan 1' FROM students s WHERE class_id = 3",
    why: 'nor makes it one of another',
    result: 10,
    read: 20,
  },
  {
    sql: 'WITH x AS MATERIALIZED (SELECT id FROM students) SELECT count(*) FROM x, x AS y WHERE x.id = y.id',
    why: 'a CTE is read once',
    result: 1,
    read: 2000,
  },
  { sql: 'SELECT count(*) OVER () FROM students LIMIT 5', why: 'a window over all', result: 5, read: 2000 },
  {
    sql: 'SELECT id FROM students UNION ALL SELECT id FROM absences',
    why: 'one behind the other',
    result: 7924,
    read: 7924,
  },
  { sql: 'SELECT * FROM classes', why: 'no person is in it', result: 200, read: 0 },
  { sql: 'SELECT 1', why: 'nothing is read', result: 1, read: 0 },
  { sql: 'SELECT g FROM generate_series(1, 100) g', why: 'rows all the same', result: 100, read: 0 },
  { sql: 'COPY (SELECT id FROM students) TO STDOUT', why: 'COPY of a query', result: 2000, read: 2000 },
  { sql: 'COPY classes TO STDOUT', why: 'COPY of a table', result: 200, read: 0 },
  { sql: 'COPY students (id, last_name) TO STDOUT', why: 'COPY of columns', result: 2000, read: 2000 },
  { sql: 'DECLARE c CURSOR FOR SELECT id FROM students', why: 'all that a cursor can give', result: 2000, read: 2000 },
  { sql: '; /* x */ ; SELECT id FROM students;', why: 'empty statements hide nothing', result: 2000, read: 2000 },
  { sql: '(SELECT id FROM students)', why: 'nor do parentheses', result: 2000, read: 2000 },
  {
    sql: 'EXECUTE p(1000)',
    why: 'by its argument',
    result: 999,
    read: 999,
    asked: { prepared: 'PREPARE p AS SELECT id FROM students WHERE id < $1' },
  },
  {
    sql: 'EXECUTE p(10)',
    why: 'by its argument',
    result: 9,
    read: 9,
    asked: { prepared: ';PREPARE p (int) AS SELECT id FROM students WHERE id < $1' },
  },
  {
    sql: 'SELECT id FROM students WHERE id < $1',
    why: 'by what is bound',
    result: 999,
    read: 999,
    asked: { values: ['1000'], parameterTypes: [20] },
  },
  {
    sql: 'SELECT id FROM students LIMIT $1',
    why: 'LIMIT too',
    result: 30,
    read: 30,
    asked: { values: ['30'], parameterTypes: [20] },
  },
  {
    sql: 'SELECT id FROM students WHERE id < $1',
    why: 'in binary as well',
    result: 499,
    read: 499,
    asked: {
      bound: { formats: [1], valueCount: 1, values: Buffer.from([0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 1, 244]) },
      parameterTypes: [20],
    },
  },
];

const OF_ONE_SCHOOL: readonly Case[] = [
  { sql: 'SELECT id FROM students', why: 'those in scope', result: 200, read: 200 },
  { sql: 'SELECT count(*) FROM absences', why: 'what the scope leaves of a join', result: 1, read: 592 },
  {
    sql: 'SELECT s.id, a.day FROM students s JOIN absences a ON a.student_id = s.id',
    why: 'of both tables, in scope',
    result: 592,
    read: 700,
  },
  { sql: 'SELECT id FROM absences WHERE id = 3', why: 'one, with a look at its pupil', result: 1, read: 1 },
  { sql: 'UPDATE students SET class_id = 3', why: 'what is changed is read', result: 0, read: 200 },
  { sql: 'UPDATE students SET class_id = 3 RETURNING id', why: 'and what is shown of it', result: 200, read: 200 },
  { sql: 'DELETE FROM absences', why: 'what is deleted too', result: 0, read: 592 },
  {
    sql: "INSERT INTO absences (student_id, day) VALUES (1, '2026-10-10')",
    why: 'nothing is read',
    result: 1,
    read: 0,
  },
  {
    sql: "INSERT INTO absences (student_id, day) SELECT id, '2026-10-10' FROM students",
    why: 'pupils are',
    result: 200,
    read: 200,
  },
];

const close = (seen: number, expected: number): boolean => Math.abs(seen - expected) <= Math.max(1, expected * 0.2);

for (const [role, cases] of [
  ['counter', ALL],
  ['teacher', OF_ONE_SCHOOL],
] as const) {
  test.for(cases.map((one) => [one.sql, one] as const))(`${role}: %s`, async ([, { sql, result, read, asked }]) => {
    const answer = await under.of(role, sql, asked);
    expect(answer.kind).toBe('rows');
    if (answer.kind !== 'rows') return;
    const { rows } = answer;
    expect(close(rows.result, result) && close(rows.read, read), `${rows.result}/${rows.read}`).toBe(true);
  });
}

test('the policy of a role that is not rewritten hides nothing behind an alias', async () => {
  expect(await under.short('dba', 'SELECT count(*) FROM students AS rowgate_p1')).toBe('1/2000');
});

test('nothing is left behind at the server', async () => {
  const [left] = await under.database.query<{ rows: string }>(
    "SELECT (SELECT count(*) FROM absences WHERE day = '2026-10-10') AS rows",
  );
  const [open] = await under.database.query<{ n: number }>(
    "SELECT count(*)::int AS n FROM pg_stat_activity WHERE application_name = 'rowgate estimates' AND datname = current_database()",
  );
  expect(open?.n).toBeLessThanOrEqual(2);
  const [again] = await under.database.query<{ rows: string }>(
    "SELECT (SELECT count(*) FROM absences WHERE day = '2026-10-10') AS rows",
  );
  expect(again).toEqual(left);
  expect(under.failures).toEqual([]);
});
