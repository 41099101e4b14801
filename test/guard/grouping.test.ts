/** Tests statements as ORMs write them: grouped by an expression in another notation, and with subqueries that read the group around them. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { teacherWorld, type World } from './world.ts';

let world: World;
beforeAll(async () => {
  world = await teacherWorld();
});
afterAll(async () => {
  await world.drop();
});

const seenRoom = 'EXISTS (SELECT 1 FROM rooms AS r WHERE r.capacity / (a.student_id + 1) = 1)';

const STATEMENTS: readonly (readonly [note: string, sql: string])[] = [
  [
    'an expression, its column written in two ways',
    `SELECT left(s.last_name, 1), count(*) FROM students AS s GROUP BY left(last_name, 1) ORDER BY left(s.last_name, 1)`,
  ],
  [
    'behind a join',
    `SELECT upper(last_name), count(*) FROM students AS s JOIN absences AS a ON a.student_id = s.id GROUP BY upper(s.last_name)`,
  ],
  [
    'by number',
    `SELECT s.id, s.last_name, count(*) FROM students AS s JOIN absences AS a ON a.student_id = s.id GROUP BY 1`,
  ],
  [
    'by a primary key that a join shows',
    `SELECT class_id, last_name, count(*) FROM students JOIN (SELECT student_id FROM absences) AS a ON a.student_id = id GROUP BY id`,
  ],
  [
    'a scalar subquery about the group',
    `SELECT s.class_id, (SELECT count(*) FROM rooms AS r WHERE r.capacity / 2 = s.class_id) FROM students AS s GROUP BY s.class_id`,
  ],
  [
    'the same in HAVING',
    `SELECT class_id FROM students AS s GROUP BY class_id HAVING count(*) > (SELECT avg(r.capacity / 2) FROM rooms AS r WHERE r.id = s.class_id)`,
  ],
  ['a subquery as a key', `SELECT ${seenRoom}, count(*) FROM absences AS a GROUP BY ${seenRoom}`],
  ['a subquery as a key, by number', `SELECT ${seenRoom}, count(*) FROM absences AS a GROUP BY 1`],
  [
    'a subquery inside an aggregate',
    `SELECT class_id, bool_or(${seenRoom}) FROM absences AS a JOIN students AS s ON s.id = a.student_id GROUP BY class_id`,
  ],
];

test.each(STATEMENTS)('%s', async (_note, sql) => {
  const seen = await world.run(sql, true);
  expect(seen.sqlstate).toBeUndefined();
  expect(seen).toEqual(await world.run(sql, false));
});

/** The key of a hidden pupil would divide by zero: computed before grouping, wherever it is written. */
test.each([
  'GROUP BY 1',
  'GROUP BY e',
  'GROUP BY EXISTS (SELECT 1 FROM rooms AS r WHERE r.capacity / (a.student_id - 7) = 1)',
])('a key that fails on a hidden row: %s', async (group) => {
  const sql = `SELECT EXISTS (SELECT 1 FROM rooms AS r WHERE r.capacity / (a.student_id - 7) = 1) AS e, count(*) FROM absences AS a ${group}`;
  const seen = await world.run(sql, true);
  expect(seen.sqlstate).toBeUndefined();
  expect(seen).toEqual(await world.run(sql, false));
});
