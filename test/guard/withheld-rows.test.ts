/** Tests ways to a whole row, a function or a type that no name in the text shows. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { testSince } from '../support/since.ts';
import { teacherWorld, type World } from './world.ts';

let world: World;
beforeAll(async () => {
  world = await teacherWorld();
});
afterAll(async () => {
  await world.drop();
});

const REFUSED: readonly (readonly [note: string, sql: string, message: string])[] = [
  ['RETURNING the new row', `INSERT INTO notes (body) VALUES ('x') RETURNING new`, 'a whole row of "notes"'],
  [
    'RETURNING of a masked column',
    `INSERT INTO notes (body) VALUES ('x') RETURNING upper(hint)`,
    'permission denied for column "hint"',
  ],
  [
    'a function of a row, its other argument left out',
    'SELECT (q.r).of_row FROM (SELECT ROW(1, 2) AS r) AS q',
    'of_row',
  ],
  ["a domain's CHECK at EXECUTE", `EXECUTE p('x'::loud)`, 'EXECUTE takes constants only'],
];

test.each(REFUSED)('%s', (_note, sql, message) => {
  const judged = world.guard.judge(sql);
  expect(judged.effect).toBe('refuse');
  expect(judged.refusal?.message).toContain(message);
});

test('a star and a whole row in RETURNING are the columns that are granted', async () => {
  const star = await world.run(`INSERT INTO notes (id, body) VALUES (1, 'x') RETURNING *`, true);
  expect(star.rows).toEqual(['[1,"x"]']);
  const row = await world.run(`INSERT INTO notes (id, body) VALUES (1, 'x') RETURNING row_to_json(notes)`, true);
  expect(row.rows).toEqual(['[{"id":1,"body":"x"}]']);
});

testSince(15)('a MERGE that does nothing looks at no hidden row', async () => {
  const sql = 'MERGE INTO students AS t USING rooms AS r ON true WHEN MATCHED AND 1 / (t.id - 7) = 1 THEN DO NOTHING';
  expect(await world.run(sql, true)).toEqual({ rows: [] });
  const own = 'MERGE INTO students AS t USING rooms AS r ON true WHEN MATCHED AND 1 / (t.id - 6) = 1 THEN DO NOTHING';
  expect(await world.run(own, true)).toEqual({ sqlstate: '22012' });
});

test('a named column that is granted comes back', async () => {
  const { rows } = await world.run(`INSERT INTO notes (id, body) VALUES (1, 'x') RETURNING id, body`, true);
  expect(rows).toEqual(['[1,"x"]']);
});

test('a star behind a schema', async () => {
  const sql = `SELECT public.students.* FROM public.students WHERE left(last_name, 2) = 'L3' AND id = 3`;
  expect(await world.run(sql, true)).toEqual({ rows: ['[3,12,3,"L3"]'] });
});
