/** Tests failures in places where an expression is not expected: the outcome is the same with hidden rows and without. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { teacherWorld, type World } from './world.ts';

let world: World;
beforeAll(async () => {
  world = await teacherWorld();
});
afterAll(async () => {
  await world.drop();
});

/** A condition that asks for a hidden pupil's row, and what is to run for it alone. */
const forHidden = (then: string): string =>
  `SELECT count(*) FROM absences AS a WHERE CASE WHEN a.reason = 'hidden7' THEN ${then} ELSE true END`;

const forHiddenPaper = (then: string): string =>
  `SELECT count(*) FROM papers AS p WHERE CASE WHEN p.title = 'hidden7' THEN ${then} ELSE true END`;

const STATEMENTS: readonly (readonly [note: string, sql: string])[] = [
  ['a mask that fails, in a condition', `SELECT count(*) FROM absences WHERE mark = '6'`],
  [
    'a mask that fails, behind a join',
    `SELECT s.id, a.mark FROM students AS s LEFT JOIN absences AS a ON a.student_id = s.id AND a.mark = '6'`,
  ],
  ["a domain's CHECK on a literal", forHidden(`'-1'::information_schema.cardinal_number IS NULL`)],
  ['NULLIF of rows compares records', forHidden('NULLIF((a.id, 1), (a.id::bigint, 1)) IS NULL')],
  ['CASE of a row compares records', forHidden('CASE (a.id, 1) WHEN (a.id::bigint, 1) THEN true END')],
  [
    'LIMIT of a column that may be negative',
    'SELECT count(*) FROM absences AS a WHERE EXISTS (SELECT 1 LIMIT a.minutes)',
  ],
  ['OFFSET in a lateral subquery', 'SELECT count(*) FROM absences AS a, LATERAL (SELECT 1 OFFSET a.minutes - 5) AS l'],
  ['a negative OFFSET', forHidden('EXISTS (SELECT 1 OFFSET -1)')],
  [
    'a sum that overflows',
    forHidden(`EXISTS (SELECT 1 FROM (VALUES (1e308::float8), (1e308)) AS v(x) HAVING sum(x) > 0)`),
  ],
  ['a window function that takes no zero', forHidden('EXISTS (SELECT ntile(0) OVER () FROM rooms OFFSET 0)')],
  ['the same behind IN', forHidden('1 IN (SELECT ntile(0) OVER () FROM rooms)')],
  [
    'a frame that begins before it begins',
    forHidden('EXISTS (SELECT sum(capacity) OVER (ROWS BETWEEN -1 PRECEDING AND CURRENT ROW) FROM rooms OFFSET 0)'),
  ],
  ['a sample of less than nothing', forHidden('EXISTS (SELECT 1 FROM rooms TABLESAMPLE bernoulli (-5))')],
  [
    'rows of two shapes, compared by DISTINCT',
    forHidden(`EXISTS (SELECT DISTINCT r FROM (VALUES (ROW(1)), (ROW('a'::text))) AS v(r) OFFSET 0)`),
  ],
  ['and by UNION', forHidden(`EXISTS (SELECT ROW(1) UNION SELECT ROW('a'::text) OFFSET 0)`)],
  ['collations of two columns that meet', forHidden('a.code = a.place')],
  ['and meet in a call', forHidden('starts_with(a.code, a.place)')],
  [
    'and meet behind derived tables',
    forHidden('(SELECT d.x = d.y FROM (SELECT a.code AS x, a.place AS y OFFSET 0) AS d)'),
  ],
  ['and in an IN list', forHidden('a.code IN (a.place, a.code)')],
  ["a row's field has a collation of its own", forHiddenPaper('(p.home).street < p.place')],
  ['and of a whole row', forHiddenPaper('(p).home.street < p.place')],
  ['which is not deterministic', forHiddenPaper(`(p.home).town ILIKE 'a%'`)],
  [
    'and behind (…).* of ROW',
    forHiddenPaper('EXISTS (SELECT 1 FROM (SELECT (ROW(p.folded, p.place)).*) AS h WHERE h.f1 < h.f2)'),
  ],
  ['and behind (…).*', forHiddenPaper('EXISTS (SELECT 1 FROM (SELECT (p.home).*) AS h WHERE h.street < h.town)')],
  [
    'and of a function in FROM',
    forHiddenPaper(`EXISTS (SELECT 1 FROM jsonb_populate_record(p.home, '{}') AS h WHERE h.town ~ 'a')`),
  ],
  [
    'elements of an array in FROM have its collation',
    forHiddenPaper(`EXISTS (SELECT 1 FROM unnest(p.tags) AS u(x) WHERE u.x ILIKE 'a%')`),
  ],
  ["a domain's collation", forHiddenPaper(`'a'::tag < p.place`)],
  ['a name has one', forHiddenPaper('current_user < p.place')],
  [
    'and keeps it as a text',
    forHiddenPaper('EXISTS (SELECT 1 FROM (SELECT current_user::text AS x) AS u WHERE u.x < p.place)'),
  ],
  ['what the server calls leakproof fails on some collations', forHiddenPaper(`starts_with(p.folded, 'x')`)],
  ['and its operator', forHiddenPaper(`p.folded ^@ 'x'`)],
  ["a domain's CHECK on a list of literals", forHiddenPaper(`(ARRAY['a', 'b']::short_list) IS NULL`)],
  ["and on each element's", forHiddenPaper(`(ARRAY['hidden']::loud[]) IS NULL`)],
  ['rows of constants are compared for each row', forHiddenPaper(`(1, ARRAY[ROW(1)]) < (1, ARRAY[ROW('x'::text)])`)],
  [
    'a phrase of many words takes more stack where it is looked for',
    forHiddenPaper(`p.words @@ 'hidden & (${'a <-> '.repeat(19_000)}b)'`),
  ],
  ['and one that a function makes', forHiddenPaper(`p.words @@ phraseto_tsquery('simple', repeat('hidden ', 19000))`)],
  [
    'a series that leaves the range of time',
    forHiddenPaper(`EXISTS (SELECT 1 FROM generate_series('2020-01-01'::timestamp, '2020-02-01', '999 millennium'))`),
  ],
  [
    'several columns set from one subquery',
    `UPDATE rooms AS r SET (number, capacity) = (SELECT lower(reason), minutes / 5 FROM absences AS a WHERE a.id = r.id) RETURNING *`,
  ],
];

test.each(STATEMENTS)('%s', async (_note, sql) => {
  expect(await world.run(sql, true)).toEqual(await world.run(sql, false));
});

/** Each fails wherever it runs and depends on no row, so that a parallel plan runs it before all rows. */
const DEPENDS_ON_NO_ROW: readonly string[] = [
  'EXISTS (SELECT 1 FROM rooms LIMIT -1)',
  'EXISTS (SELECT 1 FROM rooms OFFSET -1)',
  'EXISTS (SELECT 1 FROM rooms WHERE s.id IS NULL OR true LIMIT -1)',
  'EXISTS (SELECT 1 FROM rooms WHERE EXISTS (SELECT 1 LIMIT -1))',
  'EXISTS (WITH c AS (SELECT 1 FROM rooms LIMIT -1) SELECT 1 FROM c)',
  'EXISTS (SELECT ntile(0) OVER () FROM rooms OFFSET 0)',
  '1 IN (SELECT ntile(0) OVER () FROM rooms)',
  'EXISTS (SELECT sum(capacity) OVER (ROWS BETWEEN -1 PRECEDING AND CURRENT ROW) FROM rooms OFFSET 0)',
  'EXISTS (SELECT 1 FROM rooms TABLESAMPLE bernoulli (-5))',
  'EXISTS (SELECT 1 FROM (VALUES (1e308::float8), (1e308)) AS v(x) HAVING sum(x) > 0)',
  'EXISTS (SELECT generate_series(1, 2, 0) FROM rooms OFFSET 0)',
  'EXISTS (SELECT 1 FROM rooms, generate_series(1, 2, 0))',
  'EXISTS (SELECT 1 / (capacity - capacity) FROM rooms OFFSET 0)',
  '(SELECT 1 / (count(*) - 5) > 0 FROM rooms)',
];

describe('where the server plans for several processes', () => {
  const trap = (then: string) => `CASE WHEN s.last_name = 'hidden7' THEN ${then} ELSE true END`;
  test.each(
    DEPENDS_ON_NO_ROW.flatMap((then) => [
      `SELECT (CASE WHEN ${trap(then)} THEN '1' ELSE 'x' END)::integer FROM students AS s`,
      `SELECT ${trap(then)} FROM students AS s`,
      `SELECT count(*) FROM students AS s WHERE (CASE WHEN ${trap(then)} THEN '1' ELSE 'x' END)::integer = 1`,
      `SELECT q.x FROM (SELECT (CASE WHEN ${trap(then)} THEN '1' ELSE 'x' END)::integer AS x FROM students AS s) AS q`,
      `SELECT (CASE WHEN ${trap(then)} THEN '1' ELSE 'x' END)::integer FROM absences AS a JOIN students AS s ON s.id = a.student_id`,
      `SELECT max((CASE WHEN ${trap(then)} THEN '1' ELSE 'x' END)::integer) FROM students AS s`,
      `SELECT ${trap(then)} FROM absences AS a JOIN students AS s ON s.id = a.student_id`,
    ]),
  )('%s', async (sql) => {
    const outcome = await world.runParallel(sql);
    expect(outcome).toEqual(await world.run(sql, false));
    expect(outcome.rows).toBeDefined();
  });

  test('plans are parallel', async () => {
    const { rows = [] } = await world.runParallel('EXPLAIN SELECT number FROM rooms');
    expect(rows.join()).toContain('Gather');
  });
});

test.each(['UTC-12', 'GMT+5', '<Z>-12', '<UTC>-12'])('%s gives UTC, GMT or Z another meaning', async (zone) => {
  expect(world.guard.judge(`SET timezone = '${zone}'`).effect).toBe('allow');
  for (const name of ['UTC', 'GMT', 'Z', 'Etc/UTC']) {
    const sql = `SELECT p.id FROM papers AS p WHERE p.stamp AT TIME ZONE '${name}' > '2020-01-01'`;
    const sent = JSON.stringify(world.guard.judge(sql).template);
    if (name === 'Etc/UTC') expect(sent).not.toContain('CASE');
    else expect(sent).toContain('CASE');
  }
});

test('declared types of parameters count in a list that is judged in part', () => {
  const list = Array.from({ length: 60 }, (_, i) => `$${i + 1}`).join(', ');
  const sql = `SELECT count(*) FROM papers WHERE score IN (${list})${' '.repeat(4_000)}`;
  const sent = (types: readonly number[]): string => JSON.stringify(world.guard.judge(sql, types).template);
  const [numeric, float8] = [1700, 701];
  expect(sent(Array(60).fill(numeric))).not.toContain('CASE');
  expect(sent(Array.from({ length: 60 }, (_, i) => (i === 40 ? float8 : numeric)))).toContain('CASE');
});

test('USING cannot be guarded at its place, and says so', () => {
  const sql = 'SELECT count(*) FROM absences AS a JOIN (SELECT place AS code FROM absences) AS b USING (code)';
  expect(world.guard.judge(sql).refusal?.message).toContain('USING or NATURAL on "code"');
});
