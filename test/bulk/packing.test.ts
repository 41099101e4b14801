/** Tests many people in one row, or in a number: each row costs as many people as it can hold, and what could hold any number is refused. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { onThePage, play } from './scenario.ts';
import { PACKING } from './ways/packing.ts';
import { type BulkWorld, bulkWorld } from './world.ts';

let world: BulkWorld;
beforeAll(async () => {
  world = await bulkWorld();
});
afterAll(async () => {
  await world?.stop();
});

test.each(PACKING)('$name', async (scenario) => {
  await play(scenario, await world.thief(scenario.role));
});

test('the page says so', () => {
  const { said, is } = onThePage('ways to pack', PACKING);
  expect(said).toBe(is);
});
