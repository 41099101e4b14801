/** Tests that a judgement in steps equals one made at once, whatever else is judged between its steps. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Judgement } from '../../src/guard/decision.ts';
import { type Guard, isUnderWay } from '../../src/guard/guard.ts';
import { teacherWorld, type World } from './world.ts';

let world: World;
beforeAll(async () => {
  world = await teacherWorld();
});
afterAll(async () => {
  await world.drop();
});

const TEXTS = [
  'SELECT id, last_name FROM students WHERE id = 3',
  'SELECT id, last_name FROM students WHERE id = 4',
  "SELECT last_name FROM students WHERE last_name LIKE 'A%' ORDER BY id LIMIT 10",
  'SELECT nosuch FROM students',
  'SELECT ine FROM students; SELECT 1',
  `SELECT ${Array.from({ length: 400 }, (_, i) => `id + ${i}`).join(', ')} FROM students`,
  'WITH w AS (SELECT id FROM students) SELECT count(*) FROM w WHERE id IN (SELECT id FROM students)',
  `SELECT id FROM students WHERE id IN (${Array.from({ length: 3000 }, (_, i) => i).join()})`,
  'selec',
  "SELECT 'it''s', $1::int, 1 / 0 FROM students",
];

/** All of them at once, a step of each in turn. */
function interleaved(guard: Guard, texts: readonly string[]): { judgements: Judgement[]; steps: number } {
  const begun = texts.map((text) => guard.begin(text));
  let steps = 0;
  while (begun.some(isUnderWay)) {
    for (const [i, one] of begun.entries()) {
      if (!isUnderWay(one)) continue;
      const step = one.next();
      steps += 1;
      if (step.done) begun[i] = step.value;
    }
  }
  return { judgements: begun as Judgement[], steps };
}

test('one step of each in turn', async () => {
  const alone = TEXTS.map((text) => world.newGuard().judge(text));
  const guard = world.newGuard();
  for (let again = 0; again < 3; again += 1) {
    const { judgements, steps } = interleaved(guard, TEXTS);
    expect(judgements).toEqual(alone);
    // Each stage is a step, where the text was not known.
    if (again === 0) expect(steps).toBeGreaterThan(8 * TEXTS.length);
  }
});

test('steps that are not gone on with leave nothing behind', () => {
  const guard = world.newGuard();
  for (const text of TEXTS) {
    const begun = guard.begin(text);
    for (let step = 0; step < 3 && isUnderWay(begun); step += 1) begun.next();
  }
  expect(TEXTS.map((text) => guard.judge(text))).toEqual(TEXTS.map((text) => world.newGuard().judge(text)));
});
