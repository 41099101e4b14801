/** Tests queries that differ in plain literals alone and run by one plan: a literal keeps the meaning that it had in the text. */
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
  ['an update of a text', (n) => `UPDATE visits SET what = 'it''s ${n}', pupil = ${n} WHERE id = ${n + 1}`],
  ['an insertion', (n) => `INSERT INTO visits (id, pupil, what) VALUES (${n + 100}, ${n}, 'new ${n}')`],
  [
    'an insertion of two rows, which returns them',
    (n) => `INSERT INTO visits (id, what) VALUES (${n + 100}, 'a ${n}'), (${n + 200}, NULL) RETURNING id, what`,
  ],
  ['a deletion', (n) => `DELETE FROM visits WHERE id = ${n} RETURNING id, what`],
])('%s', async (_, text) => {
  await same(each(text));
});

test('a broken constraint, and a value that is no row’s', async () => {
  const words = await same(each((n) => `UPDATE visits SET pupil = ${n * 100} WHERE id = ${n % 4}`));
  expect(words.join()).toContain('ErrorResponse:23503');
  const twice = await same(
    each((n) => `INSERT INTO visits (id, what) VALUES (${100 + (n >> 1)}, 'new ${n}') RETURNING id`),
  );
  expect(twice.join()).toContain('ErrorResponse:23505');
});

test.each<[string, (n: number) => string]>([
  ['a sign', (n) => `SELECT id FROM pupils WHERE id > -${n}`],
  ['a number that is no integer by its size', (n) => `SELECT id FROM pupils WHERE id < 999999999${n}`],
  ['an interval, a date, a label', (n) => `SELECT id FROM pupils WHERE born > '2010-01-0${n}'`],
  ['an argument', (n) => `SELECT substring(name from ${n}) FROM pupils`],
  ['beside what can fail', (n) => `SELECT 10 / points FROM pupils WHERE id > ${n}`],
  ['a text for a column that is filled with blanks', (n) => `SELECT id FROM pupils WHERE tag = 't${n}'`],
  ['what is listed and grouped', (n) => `SELECT points + ${n}, count(*) FROM pupils GROUP BY points + ${n} ORDER BY 1`],
  ['what is compared with more than a column', (n) => `SELECT id FROM pupils WHERE points + ${n} = 10`],
  ['a cast', (n) => `SELECT id FROM pupils WHERE id = '${n}'::integer`],
  ['a number for a text', (n) => `INSERT INTO visits (id, code) VALUES (1${n}, '${n}')`],
  ['a text for a column with a length', (n) => `UPDATE visits SET code = 'abc${n}x' WHERE id = 1`],
])('%s stays in the text', async (_, text) => {
  await same(each(text), false);
});

test('of a partial index: planned with the value, for as long as the server finds that cheaper', async () => {
  const scans = async (): Promise<number> => {
    const [found] = await world.database.query(
      "SELECT idx_scan::integer AS scans FROM pg_stat_user_indexes WHERE indexrelname = 'open_tasks'",
    );
    return Number(found!.scans);
  };
  const before = await scans();
  const texts = each((n) => `SELECT id FROM tasks WHERE state = 'open' AND id > ${n * 1000} ORDER BY id`);
  await same(texts);
  // At the server, without plans and with them; a session tells of its scans as it ends.
  await expect.poll(scans, { timeout: 60_000 }).toBeGreaterThanOrEqual(before + 3 * texts.length);
});

test('words that a parameter would run into, and a text in two lines', async () => {
  await same(each((n) => `SELECT id FROM pupils WHERE name in('a','pupil ${n}')and id between 1 and 9`));
  await same(
    each((n) => `SELECT id FROM pupils WHERE name = 'pupil '\n'${n}'`),
    false,
  );
});
