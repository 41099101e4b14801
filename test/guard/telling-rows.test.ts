/** Tests whole rows and stars of a table with a mask that could fail on hidden rows: they are guarded as a whole, and mean what the client wrote. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { teacherWorld, type World } from './world.ts';

let world: World;
beforeAll(async () => {
  world = await teacherWorld();
});
afterAll(async () => {
  await world.drop();
});

test.each([
  'SELECT a IS NOT NULL FROM absences AS a',
  'SELECT (a IS NULL) AS gone, a.id FROM absences AS a',
  'SELECT a.id FROM absences AS a WHERE a IS DISTINCT FROM a',
  'SELECT ROW(a.*) FROM absences AS a',
  'SELECT ROW(a.*, 1) IS NOT NULL FROM absences AS a',
  'SELECT a.id FROM absences AS a WHERE ROW(a.*) = ROW(a.*)',
  'SELECT count(DISTINCT ROW(a.*)) FROM absences AS a',
  'SELECT ROW(a.*) FROM absences AS a GROUP BY ROW(a.*)',
  'SELECT (a).mark, (a).mark IS NULL FROM absences AS a',
  // A merged column that a third table has as well.
  'SELECT * FROM absences AS a JOIN absences AS b USING (student_id) JOIN papers AS p ON b.student_id = p.student_id WHERE 60 / a.minutes > 2',
  'SELECT * FROM absences AS a LEFT JOIN absences AS b USING (student_id) JOIN papers AS p ON a.student_id = p.student_id WHERE 60 / a.minutes > 2',
  'SELECT * FROM absences AS a RIGHT JOIN absences AS b USING (student_id) JOIN papers AS p ON b.student_id = p.student_id WHERE 60 / b.minutes > 2',
  'SELECT * FROM absences AS a JOIN absences AS b USING (student_id) JOIN papers AS p USING (student_id) JOIN students AS s ON s.id = p.student_id WHERE 60 / a.minutes > 2',
])('%s', async (sql) => {
  const seen = await world.run(sql, false);
  expect(seen.sqlstate).toBeUndefined();
  expect(await world.run(sql, true)).toEqual(seen);
});
