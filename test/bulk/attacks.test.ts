/** Tests ways around the counting, with a stolen account. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { resetRows } from './pupils.ts';
import { onThePage, play } from './scenario.ts';
import { AROUND } from './ways/around.ts';
import { BUDGET, type BulkWorld, bulkWorld } from './world.ts';

let world: BulkWorld;
beforeAll(async () => {
  world = await bulkWorld();
});
afterAll(async () => {
  await world?.stop();
});

test.each(AROUND)('$name', async (scenario) => {
  await world.database.query(resetRows());
  await play(scenario, await world.thief(scenario.role));
});

test('the page says so', () => {
  const { said, is } = onThePage('ways around', AROUND);
  expect(said).toBe(is);
});

test('two stolen accounts have two budgets, and know nothing of each other', async () => {
  const thieves = [await world.thief(), await world.thief()];
  for (const thief of thieves) await thief.askAll(['SELECT id, first_name FROM pupils WHERE id >= 910050']);
  expect(thieves.map((thief) => thief.left())).toEqual([BUDGET, BUDGET]);
});
