/** Queries that differ in plain literals alone run by one plan: what a literal means is what it meant in the text. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Q } from '../session/messages.ts';
import { type Act, ReuseWorld } from './world.ts';

let world: ReuseWorld;
beforeAll(async () => {
  world = await ReuseWorld.make();
});
afterAll(() => world?.close());

/** @param texts that have one shape, each with other literals. */
async function same(texts: readonly string[], isReused = true): Promise<readonly string[]> {
  const script: Act[] = texts.map((text) => [Q(text)]);
  const { server, off, on, plans } = await world.play(script);
  expect(on.frames).toEqual(off.frames);
  expect(on.words).toEqual(server.words);
  expect(on.rows).toEqual(off.rows);
  expect(plans.reused > 0).toBe(isReused);
  return on.words;
}

const each = (text: (n: number) => string): string[] => Array.from({ length: 9 }, (_, i) => text(i + 1));

test.each<[string, (n: number) => string]>([
  ['a number', (n) => `SELECT id, name FROM pupils WHERE id = ${n}`],
  ['a text', (n) => `SELECT id, name FROM pupils WHERE name = 'pupil ${n}'`],
  ['a text with quotes and a backslash', (n) => `SELECT id FROM pupils WHERE name <> 'o''n\\e ${n}' ORDER BY id`],
  [
    'several, in IN and BETWEEN',
    (n) =>
      `SELECT id FROM pupils WHERE id IN (${n}, 3, 7) AND points BETWEEN 1 AND ${n + 10} AND name > 'p' ORDER BY id`,
  ],
  [
    'beside LIMIT, a select list and ORDER BY',
    (n) => `SELECT 5, name FROM pupils WHERE id > ${n} ORDER BY 2 DESC LIMIT 3`,
  ],
  [
    'a join',
    (n) => `SELECT p.id, v.what FROM pupils p JOIN visits v ON v.pupil = p.id WHERE p.id = ${n} AND v.id < 90`,
  ],
  ['an update', (n) => `UPDATE visits SET pupil = ${n} WHERE id = ${n + 1}`],
  ['a deletion', (n) => `DELETE FROM visits WHERE id = ${n} RETURNING id, what`],
])('%s', async (_, text) => {
  await same(each(text));
});

test('a broken constraint, and a value that is no row’s', async () => {
  const words = await same(each((n) => `UPDATE visits SET pupil = ${n * 100} WHERE id = ${n % 4}`));
  expect(words.join()).toContain('ErrorResponse:23503');
});

test.each<[string, (n: number) => string]>([
  ['a sign', (n) => `SELECT id FROM pupils WHERE id > -${n}`],
  ['a number that is no integer by its size', (n) => `SELECT id FROM pupils WHERE id < 999999999${n}`],
  ['an interval, a date, a label', (n) => `SELECT id FROM pupils WHERE born > '2010-01-0${n}'`],
  ['an argument', (n) => `SELECT substring(name from ${n}) FROM pupils`],
  ['beside what can fail', (n) => `SELECT 10 / points FROM pupils WHERE id > ${n}`],
  ['a cast', (n) => `SELECT id FROM pupils WHERE id = '${n}'::integer`],
  ['a text of which the column knows a length', (n) => `UPDATE visits SET code = 'abc${n}x' WHERE id = 1`],
])('%s stays in the text', async (_, text) => {
  await same(each(text), false);
});

test('words that a parameter would run into, and a text in two lines', async () => {
  await same(each((n) => `SELECT id FROM pupils WHERE name in('a','pupil ${n}')and id between 1 and 9`));
  await same(
    each((n) => `SELECT id FROM pupils WHERE name = 'pupil '\n'${n}'`),
    false,
  );
});
