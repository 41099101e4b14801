/** Tests `collect: deny`: values of many rows cannot be put into one, not by a detour either. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { teacherWorld, type World } from './world.ts';

let world: World;
beforeAll(async () => {
  world = await teacherWorld();
});
afterAll(async () => {
  await world.drop();
});

const oneName = '(SELECT last_name FROM students WHERE id = i)';
const step = 'SELECT r.n + 3 AS n, r.acc || s.last_name AS acc FROM r, students AS s WHERE s.id = r.n + 3';
const recursive = (term: string): string =>
  `WITH RECURSIVE r(n, acc) AS (SELECT 0, ''::text UNION ALL ${term}) SELECT acc FROM r ORDER BY n DESC LIMIT 1`;

const REFUSED: readonly (readonly [note: string, sql: string])[] = [
  ['one subquery for each number of a series', `SELECT string_agg(${oneName}, ',') FROM generate_series(1, 90) AS i`],
  ['ARRAY over a series', `SELECT ARRAY(SELECT ${oneName} FROM generate_series(1, 90) AS i)`],
  ['over VALUES', `SELECT string_agg(x, ',') FROM (SELECT ${oneName} AS x FROM (VALUES (3), (6)) AS v(i)) AS q`],
  ['a window function over a series', `SELECT lag(${oneName}) OVER () FROM generate_series(1, 90) AS i`],
  ['a recursive term with a WITH of its own', recursive(`(WITH z AS (${step}) SELECT z.n, z.acc FROM z)`)],
  ['a recursive term behind a star', recursive(`SELECT j.* FROM (${step}) AS j`)],
  [
    'a recursive term behind a join',
    recursive(
      `SELECT n, made FROM r CROSS JOIN LATERAL (SELECT r.acc || last_name AS made FROM students AS s WHERE s.id = r.n + 3) AS q`,
    ),
  ],
];

test.each(REFUSED)('%s', (_note, sql) => {
  expect(world.guard.judge(sql).refusal?.reason).toBe('collects');
});

const ALLOWED: readonly (readonly [note: string, sql: string])[] = [
  [
    'one row’s own values',
    `SELECT (SELECT string_agg(x, ',') FROM unnest(ARRAY[s.last_name]) AS x) FROM students AS s`,
  ],
  ['catalogs', 'SELECT array_agg(attname) FROM pg_attribute'],
  [
    'a recursive walk',
    'WITH RECURSIVE t AS (SELECT id, last_name FROM students WHERE id = 3 UNION ALL SELECT s.id, s.last_name FROM students AS s JOIN t ON s.id = t.id + 3) SELECT * FROM t',
  ],
];

test.each(ALLOWED)('%s is no collecting', (_note, sql) => {
  expect(world.guard.judge(sql).effect).not.toBe('refuse');
});
