/** Tests the records of how many people a principal's windows hold: each is written once, and no other record has this figure. */
import { open } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { budgetWorld, type World } from './world.ts';

let world: World;

beforeAll(async () => {
  world = await budgetWorld({
    app: 'limits: { subjects: { pupil: [100 per day, 500 per 30 days] } }\n',
    free: 'limits: none\n',
  });
});

afterAll(async () => {
  await world?.stop();
});

test('noted once for the hour, at the latest when the guard ends', async () => {
  for (const principal of ['app', 'free']) {
    const client = await world.connect(principal);
    for (let look = 0; look < 3; look += 1) await client.query('SELECT id, name FROM pupils WHERE id <= 20');
  }
  // Stays readable while it is open: its folder goes with the guard.
  const file = await open(join(dirname(world.guard.configFile), 'decisions.jsonl'));
  await world.guard.stop();
  const lines = (await file.readFile('utf8')).trimEnd().split('\n');
  await file.close();
  const usage = lines.map((line) => JSON.parse(line)).filter(({ kind }) => kind === 'usage');
  expect(usage.at(-1)).toMatchObject({
    principal: 'app',
    role: 'app',
    limits: [
      { name: 'subjects.pupil 100 per day', used: 20, of: 100 },
      { name: 'subjects.pupil 500 per 30 days', used: 20, of: 500 },
    ],
  });
  // Nothing is counted of who has no such limit.
  expect(usage.filter(({ principal }) => principal === 'free')).toEqual([]);
});
