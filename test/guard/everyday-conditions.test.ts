/** Tests which conditions are sent unchanged beside a row filter and which are guarded; a constant in the statement may decide that. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { teacherWorld, type World } from './world.ts';

let world: World;
beforeAll(async () => {
  world = await teacherWorld();
});
afterAll(async () => {
  await world.drop();
});

const OPEN = [
  `last_name ILIKE '%a%'`,
  `last_name LIKE 'a\\\\'`,
  `UPPER(last_name::text) LIKE UPPER('a%')`,
  `last_name::information_schema.sql_identifier LIKE 'a%'`,
  `last_name LIKE 'a!%' ESCAPE '!'`,
  `last_name LIKE ANY (ARRAY['a%', 'b%'])`,
  `last_name ILIKE '%' || $1 || '%'`,
  `last_name ~* '^a[0-9]+$'`,
  `left(last_name, -2) = 'ab'`,
  `substring(last_name FROM 2 FOR 3) = 'ab'`,
  `replace(last_name, ' ', '') = 'ab'`,
  `split_part(last_name, ' ', 2) = 'ab'`,
  `id::text LIKE '1%'`,
  `id % 2 = 1`,
  `class_id / 2 > 1`,
  `class_id::numeric > 1.5`,
  `greatest(class_id, 1.5) > 1`,
  `extract(isodow FROM DATE '2026-01-01') = class_id`,
  `CURRENT_DATE - 7 > DATE '2026-01-01'`,
  `now() - interval '7 days' > TIMESTAMPTZ '2026-01-01'`,
] as const;

const GUARDED = [
  `last_name LIKE 'a\\'`,
  `UPPER(last_name) LIKE UPPER('a\\')`,
  `last_name LIKE 'a!' ESCAPE '!'`,
  `last_name LIKE '${'%a'.repeat(1001)}'`,
  `last_name LIKE ANY (ARRAY['a%', 'b\\'])`,
  `last_name LIKE class_id::text`,
  `last_name LIKE $1 || '\\'`,
  `last_name COLLATE "C" LIKE 'a%'`,
  `last_name ~ '('`,
  `last_name ~ '(?=a)b'`,
  `last_name ~ '(a)\\1'`,
  `last_name ~ $1`,
  `last_name || 'x' = 'y'`,
  `last_name = $1 || $2`,
  `repeat(last_name, 2) = ''`,
  `replace(last_name, 'a', 'bb') = ''`,
  `lpad(last_name, 1001) = ''`,
  `substring(last_name FROM 1 FOR -1) = ''`,
  `substring(last_name FROM 1 FOR class_id) = ''`,
  `split_part(last_name, ' ', 0) = ''`,
  `id + 1 > 2`,
  `-id > 0`,
  `id / 0 = 1`,
  `id / -1 = 1`,
  `10 % class_id = 1`,
  `last_name::integer = 1`,
  `extract(hour FROM DATE '2026-01-01' + class_id) = 1`,
  `now() - id * interval '1 day' > now()`,
  `(now() AT TIME ZONE last_name) IS NULL`,
] as const;

const sent = (condition: string): string => {
  const judged = world.guard.judge(`SELECT id FROM students WHERE ${condition}`);
  if (judged.effect === 'refuse') throw new Error(judged.refusal?.message);
  return judged.template.map((piece) => (typeof piece === 'string' ? piece : '?')).join('');
};

describe('as it came', () => {
  test.each(OPEN)('%s', (condition) => {
    expect(sent(condition)).not.toContain('CASE WHEN');
  });
});

describe('guarded', () => {
  test.each(GUARDED)('%s', (condition) => {
    expect(sent(condition)).toContain('CASE WHEN');
  });
});

describe('patterns that get their values later', () => {
  const patterns = (sql: string) => world.guard.judge(sql).statements[0];

  test('are named, where rows may be hidden beside them', () => {
    const sql =
      'SELECT id FROM students WHERE last_name ILIKE $2 AND lower(last_name) LIKE lower($1::varchar) AND id = $3';
    expect(patterns(sql)?.patterns).toEqual([1, 2]);
    expect(patterns('SELECT id FROM rooms WHERE number LIKE $1')?.patterns).toBeUndefined();
  });

  test('are those of the statement inside PREPARE', () => {
    const found = patterns('PREPARE p (text) AS SELECT id FROM students WHERE last_name LIKE $1');
    expect(found?.patterns).toBeUndefined();
    expect(found?.kind.kind === 'prepare' && found.kind.inner.patterns).toEqual([1]);
  });
});

/** A query of pgjdbc for the types of columns. */
test('schemas of the search path are joined by their names', () => {
  const path =
    'SELECT s.r, (current_schemas(false))[s.r] AS nspname FROM generate_series(1, array_upper(current_schemas(false), 1)) AS s(r)';
  const { effect, refusal } = world.guard.judge(
    `SELECT n.oid FROM pg_namespace n JOIN (${path}) AS r USING (nspname)`,
    [],
  );
  expect([effect, refusal]).toEqual(['rewrite', undefined]);
});
