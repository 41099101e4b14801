/** Tests transaction control and limited queries in one Query: each statement is sent when the one before it has passed, and the client notices no difference. */
import type pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { guardInFrontOf } from '../support/guard.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { seedSmall } from '../support/seed.ts';
import { grantOf } from './grants.ts';
import { P, Q, S } from './messages.ts';
import { ask, direct, type Peer } from './peer.ts';
import { policyOf } from './policies.ts';
import { relayed } from './relay.ts';

let database: FreshDatabase;
let relations: Awaited<ReturnType<typeof grantOf>>[];
beforeAll(async () => {
  database = await freshDatabase();
  await database.query('create table t (a int primary key deferrable initially deferred); create table u (a int)');
  relations = [await grantOf(database, 't'), await grantOf(database, 'u')];
});
beforeEach(() => database.query('truncate t, u'));
afterAll(() => database.drop());

const LIMIT = 5;
const limited = () =>
  relayed(database.url, policyOf({ relations, limits: { rowsPerStatement: LIMIT }, attributes: { school_id: '7' } }));

async function play(peer: Peer, messages: readonly string[]) {
  await database.query('truncate t, u');
  const words: string[] = [];
  for (const message of messages) words.push(...(await ask(peer, Q(message))));
  const errors = peer.received.errors().map((fields) => [fields.get('C'), fields.get('P')]);
  await peer.close();
  return { words, errors, rows: await database.query('select a from u order by a') };
}

test.each([
  ['a read', ['begin; select 1; commit']],
  ['reads and writes', ['begin; insert into u values (1); select a from u; insert into u values (2); commit']],
  ['RETURNING', ['begin; insert into u values (1) returning a; commit']],
  ['ROLLBACK', ['begin; insert into u values (1); select 1; rollback']],
  ['two blocks', ['begin; insert into u values (1); select 1; commit; begin; select 2; rollback']],
  ['the end of a block', ['begin', 'insert into u values (1)', 'select 1; commit']],
  [
    'savepoints',
    [
      'begin; savepoint s; insert into u values (1); select 1; rollback to s; insert into u values (2); select 2; commit',
    ],
  ],
  ['AND CHAIN', ['begin; select 1; commit and chain', 'insert into u values (1)', 'select 1; rollback']],
  ['an error in it', ['begin; insert into u values (1); select 1/0; commit', 'rollback']],
  ['an error of analysis, and where it is', ['begin; select 1; select nosuch from u; commit', 'rollback']],
  ['behind letters of several bytes', ["begin; select 'ééé€'; select 'é', nosuch; commit", 'rollback']],
  ['a failed block that is left', ['begin', 'select 1/0', 'select 1; commit', 'rollback; begin; select 1; commit']],
  ['COMMIT that fails', ['begin; insert into t values (1), (1); select 1; commit', 'select 1']],
  ['names', ['begin; select 1; prepare p as select 5; execute p; deallocate p; commit']],
  ['a cursor', ['begin; declare c cursor for select generate_series(1, 4); fetch 2 from c; fetch 2 from c; commit']],
])('%s: as PostgreSQL', async (_what, messages) => {
  const expected = await play(await direct(database.url), messages);
  const peer = await limited();
  expect(await play(peer, messages)).toEqual(expected);
  expect(peer.faults).toEqual([]);
});

describe('over the limit', () => {
  const over = 'select generate_series(1, 20)';

  test.each([
    ['in a block', [`begin; insert into u values (1); ${over}; insert into u values (2); commit`]],
    ['at the end of one', ['begin', 'insert into u values (1)', `${over}; commit`]],
    ['by RETURNING', ['begin; insert into u select generate_series(1, 20) returning a; commit']],
  ])('%s the transaction has failed, and nothing of it stays', async (_what, messages) => {
    const peer = await limited();
    const { words } = await play(peer, messages);
    expect(words.filter((word) => word === 'DataRow')).toHaveLength(LIMIT);
    expect(words.slice(-2)).toEqual(['ErrorResponse:53400', 'ReadyForQuery:E']);
    const again = await limited();
    expect((await play(again, [...messages, 'commit'])).words.at(-2)).toBe('CommandComplete:ROLLBACK');
    expect(await database.query('select * from u')).toEqual([]);
  });

  test('statements that were not reached are recorded as skipped', async () => {
    const peer = await limited();
    await play(peer, [`begin; ${over}; insert into u values (2); commit`]);
    const decisions = peer.records.filter(({ kind }) => kind === 'decision').map(({ id }) => id);
    const outcomes = new Map(peer.records.filter(({ kind }) => kind === 'outcome').map((entry) => [entry.id, entry]));
    expect(decisions.map((id) => outcomes.get(id))).toMatchObject([
      { status: 'ok' },
      { status: 'cut', rows: LIMIT },
      { status: 'skipped' },
      { status: 'skipped' },
    ]);
  });
});

test('each statement has its own slots', async () => {
  const peer = await limited();
  await ask(peer, Q('begin; select :school_id; select :school_id + 1; commit'));
  const sent = Buffer.concat(peer.sent).toString('latin1');
  expect(sent).toContain("select '7'::integer\0");
  expect(sent).toContain("select '7'::integer + 1\0");
  await peer.close();
});

test.each([
  'insert into u values (1); begin; select 1; commit',
  'begin; select 1; commit; insert into u values (1)',
  'select 1; begin; insert into u values (2); commit',
])('%s: a statement outside of a block would share one with the message, so it is refused by name', async (message) => {
  const peer = await limited();
  expect(await ask(peer, Q(message))).toEqual(['ErrorResponse:0A000', 'ReadyForQuery:I']);
  expect(await database.query('select * from u')).toEqual([]);
  await peer.close();
});

test('a write that fails as it commits is never said to be complete', async () => {
  const message = ['insert into t values (1), (1) returning a', 'select 1'];
  const peer = await limited();
  expect(await play(peer, message)).toEqual(await play(await direct(database.url), message));
  expect(peer.records.find(({ kind }) => kind === 'outcome')).toMatchObject({ status: 'error', sqlstate: '23505' });
});

test('names that a batch before it made are known', async () => {
  const peer = await limited();
  const words = await ask(peer, P('select 1', 'p'), S(), Q('begin; select 1; commit'));
  expect(words.at(-2)).toBe('CommandComplete:COMMIT');
  await peer.close();
});

test('with the guard itself: rewritten, cut off, and errors where they are', async () => {
  const seeded = await freshDatabase();
  await seedSmall(seeded.url);
  const guard = await guardInFrontOf(seeded);
  try {
    const client = await guard.connect('teacher');
    const results = (await client.query(
      "BEGIN; SELECT count(*)::int AS n FROM students; SELECT DISTINCT school_id FROM students WHERE last_name <> 'é'; COMMIT",
    )) as unknown as pg.QueryResult[];
    expect(results.map(({ command }) => command)).toEqual(['BEGIN', 'SELECT', 'SELECT', 'COMMIT']);
    expect(results[2]?.rows).toEqual([{ school_id: 1 }]);
    const text = "BEGIN; SELECT 'é', id FROM students; SELECT id, 1 / (id - id) FROM students; COMMIT";
    await expect(client.query(text)).rejects.toMatchObject({ code: '22012' });
    await client.query('ROLLBACK');
    await expect(
      client.query("BEGIN; SELECT 'é'; SELECT a FROM generate_series(1, 600) a; COMMIT"),
    ).rejects.toMatchObject({ code: '53400' });
    await expect(client.query('SELECT 1')).rejects.toMatchObject({ code: '25P02' });
    await client.query('ROLLBACK');
    await expect(client.query("BEGIN; SELECT 'é'; SELECT ine FROM students; COMMIT")).rejects.toMatchObject({
      code: '42501',
    });
    expect((await client.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
    await expect(client.query("BEGIN; SELECT 'é' FROM students; SELECT 'x'::int; COMMIT")).rejects.toMatchObject({
      code: '22P02',
      position: '41',
    });
  } finally {
    await guard.stop();
    await seeded.drop();
  }
});
