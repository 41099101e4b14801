/** Limits on distinct people, on a real server. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { budgetWorld, failure, rowsOf, type World } from './world.ts';

let world: World;

beforeAll(async () => {
  world = await budgetWorld({ people: 'limits: { subjects: { pupil: 50 per day } }\n' });
});

afterAll(async () => {
  await world?.stop();
});

test('people: the same ones cost nothing again, new ones are refused', async () => {
  const client = await world.connect('people');
  for (let again = 0; again < 3; again += 1) {
    expect(await rowsOf(client, 'SELECT id, name FROM pupils WHERE id <= 49')).toBe(49);
  }
  expect(await rowsOf(client, 'SELECT id, name FROM pupils WHERE id = 50')).toBe(1);
  const refused = await failure(client, 'SELECT id, name FROM pupils WHERE id = 51');
  expect(refused.message).toBe('principal "people" has seen 50 of 50 people of subject "pupil" per day');
  expect(refused.detail).toContain('midnight (Europe/Paris)');
  expect(await rowsOf(await world.connect('people'), 'SELECT id FROM pupils WHERE id = 7')).toBe(1);
  expect(await rowsOf(client, 'SELECT name FROM pupils WHERE id = 7')).toBe(1);
  // Whom it would show is not looked at: one must be left for the question.
  expect((await failure(client, 'SELECT id, name FROM pupils WHERE id <= 49')).code).toBe('53400');
});
