/** Tests repeated writes that run by a plan: the same bytes come back, and the table has the same rows. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { B, DP, E, P, Q, S } from '../session/messages.ts';
import { type Act, ReuseWorld, run, times } from './world.ts';

let world: ReuseWorld;
beforeAll(async () => {
  world = await ReuseWorld.make();
});
afterAll(() => world?.close());

async function same(script: Act[], isReused = true, undo?: string): Promise<readonly string[]> {
  const { server, off, on, plans } = await world.play(script, undo);
  expect(on.frames).toEqual(off.frames);
  expect(on.words).toEqual(server.words);
  expect(on.rows).toEqual(off.rows);
  expect(on.rows).toEqual(server.rows);
  if (isReused) expect(plans.reused).toBeGreaterThan(0);
  else expect(plans.prepared).toBe(0);
  return on.words;
}

const UPDATE = 'UPDATE visits SET what = $1 WHERE id = $2';
const DELETE = 'DELETE FROM visits WHERE id = $1 RETURNING id, what';
const INSERT = 'INSERT INTO visits (id, pupil, what) VALUES ($1, $2, $3)';

test('UPDATE, DELETE and INSERT, with parameters and without', async () => {
  await same([
    ...['a', 'b', 'c', 'd'].map((what) => run(UPDATE, [what, '3'])),
    ...['3', '4', '5', '99'].map((id) => run(DELETE, [id])),
    ...['31', '32', '33'].map((id) => run(INSERT, [id, '1', 'new'])),
    ...times(4, [Q('UPDATE visits SET pupil = pupil + 1 WHERE id < 3')]),
    ...times(4, [Q('DELETE FROM visits WHERE id = 7 RETURNING *')]),
  ]);
});

test('a broken constraint: RETURNING shows no columns in a Query', async () => {
  const texts = [
    'INSERT INTO visits (id, pupil) VALUES (1, 1)',
    'INSERT INTO visits (id, pupil) VALUES (1, 1) RETURNING id',
    'UPDATE visits SET id = 2 WHERE id = 1 RETURNING id',
  ];
  await same([
    ...texts.slice(0, 2).flatMap((text) => times(4, [Q(text)])),
    ...['1', '1', '1'].map((id) => run(INSERT, [id, '1', 'x'])),
  ]);
});

test('a constraint that is checked at COMMIT: the statement is not told to be complete', async () => {
  const words = await same([
    ...times(4, [Q('INSERT INTO visits (id, pupil) VALUES (90, 99)')]),
    ...times(4, run(INSERT, ['90', '99', 'x'])),
  ]);
  expect(words.filter((word) => word === 'ErrorResponse:23503')).toHaveLength(8);
});

test('a value that is too long: nothing of it is converted by a plan', async () => {
  const text = 'UPDATE visits SET code = $1 WHERE id = $2';
  await same(
    [...['a', 'b', 'too long', 'c'].map((code) => run(text, [code, '999'])), run(text, ['too long', '1'])],
    false,
  );
});

test('ON CONFLICT: a generic plan may not find its index', async () => {
  await same(times(8, run('INSERT INTO visits (id) VALUES ($1) ON CONFLICT DO NOTHING', ['1'])), false);
});

test('a row that the filter refuses', async () => {
  const text = 'UPDATE visits SET pupil = $1 WHERE id = $2';
  await same([
    ...['1', '2', '3'].map((pupil) => run(text, [pupil, '4'])),
    run(text, ['x', '4']),
    run(text, ['5', '4']),
  ]);
});

test('in transactions, and several at once', async () => {
  const batch = [P(UPDATE), B(['z', '6']), DP(), E(), S()];
  await same([
    ...times(3, run(UPDATE, ['y', '5'])),
    [Q('BEGIN')],
    run(UPDATE, ['in', '5']),
    [Q('ROLLBACK')],
    [...batch, ...batch, Q('DELETE FROM visits WHERE id = 8'), ...batch],
    [P(UPDATE), B(['undone', '9']), E(), P('SELECT 1/0'), B(), E(), S()],
    ...times(2, run(UPDATE, ['y', '6'])),
  ]);
});
