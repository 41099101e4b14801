/** What could fail where nobody looks for an expression: the outcome is the same whether there are hidden rows or not. */
import { afterAll, beforeAll, expect, test } from 'vitest';
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

const STATEMENTS: readonly (readonly [note: string, sql: string])[] = [
  ["a domain's CHECK on a literal", forHidden(`'-1'::information_schema.cardinal_number IS NULL`)],
  ['NULLIF of rows compares records', forHidden('NULLIF((a.id, 1), (a.id::bigint, 1)) IS NULL')],
  ['CASE of a row compares records', forHidden('CASE (a.id, 1) WHEN (a.id::bigint, 1) THEN true END')],
];

test.each(STATEMENTS)('%s', async (_note, sql) => {
  expect(await world.run(sql, true)).toEqual(await world.run(sql, false));
});
