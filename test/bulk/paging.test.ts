/** Tests reading on and on with a stolen account. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { NOTHING, testWith } from '../support/tools.ts';
import { onThePage, play } from './scenario.ts';
import { READING } from './ways/reading.ts';
import { type BulkWorld, bulkWorld } from './world.ts';

let world: BulkWorld;
beforeAll(async () => {
  world = await bulkWorld();
});
afterAll(async () => {
  await world?.stop();
});

for (const scenario of READING) {
  testWith(scenario.needs ?? NOTHING)(scenario.name, async () => {
    await play(scenario, await world.thief(scenario.role));
  });
}

test('the page says so', () => {
  const { said, is } = onThePage('ways to read on', READING);
  expect(said).toBe(is);
});
