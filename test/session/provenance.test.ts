/** Tests promise P5: when the server says that a result column comes from one that the role may not read, the statement ends before its first row is forwarded. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { grantOf } from './grants.ts';
import { B, DP, DS, E, P, Q, S } from './messages.ts';
import { ask } from './peer.ts';
import { type PolicyOptions, policyOf } from './policies.ts';
import { type RelayedPeer, relayed } from './relay.ts';

let database: FreshDatabase;
let options: PolicyOptions;
let peer: RelayedPeer;

beforeAll(async () => {
  database = await freshDatabase();
  await database.query(
    'create table pupils (id int, ine text); create table secrets (a text); create table log (a int)',
  );
  await database.query("insert into pupils values (1, 'WITHHELD'); insert into secrets values ('WITHHELD')");
  options = { relations: [await grantOf(database, 'pupils', ['ine']), await grantOf(database, 'log')] };
});
afterAll(() => database.drop());
beforeEach(async () => {
  await database.query('truncate log');
  peer = await relayed(database.url, policyOf(options));
});
afterEach(async () => {
  expect(peer.faults).toEqual([]);
  expect(Buffer.concat(peer.received.bytes).includes('WITHHELD')).toBe(false);
  await peer.close();
});

const last = (words: readonly string[]) => words.slice(-2);

describe.each([
  ['a withheld column', 'select id, ine from pupils'],
  ['under another name', 'select ine as id from pupils'],
  ['through a subquery', 'select x from (select ine as x from pupils) s'],
  ['a table that was not granted', 'select a from secrets'],
  ['a system column', 'select ctid from pupils'],
])('%s', (_what, sql) => {
  test('by Query: not even the description leaves', async () => {
    expect(await ask(peer, Q(sql))).toEqual(['ErrorResponse:42501', 'ReadyForQuery:I']);
    expect(peer.records).toMatchObject([
      { kind: 'decision', effect: 'allow' },
      { kind: 'outcome', status: 'cut', sqlstate: '42501', rows: 0 },
    ]);
  });

  test('by Execute, described or not', async () => {
    expect(last(await ask(peer, P(sql), B(), E(), S()))).toEqual(['ErrorResponse:42501', 'ReadyForQuery:I']);
    expect(last(await ask(peer, P(sql), B(), DP(), E(), S()))).toEqual(['ErrorResponse:42501', 'ReadyForQuery:I']);
    await ask(peer, P(sql, 's'), DS('s'), S());
    expect(last(await ask(peer, B([], '', 's'), E(), S()))).toEqual(['ErrorResponse:42501', 'ReadyForQuery:I']);
  });

  test('by cursor', async () => {
    await ask(peer, Q('begin'));
    await ask(peer, Q(`declare c cursor for ${sql}`));
    expect(await ask(peer, Q('fetch all from c'))).toEqual(['ErrorResponse:42501', 'ReadyForQuery:E']);
  });

  test('by EXECUTE in SQL', async () => {
    await ask(peer, Q(`prepare x as ${sql}`));
    expect(await ask(peer, Q('execute x'))).toEqual(['ErrorResponse:42501', 'ReadyForQuery:I']);
    expect(last(await ask(peer, P('execute x'), B(), E(), S()))).toEqual(['ErrorResponse:42501', 'ReadyForQuery:I']);
  });

  test('in the middle of several statements: the others are undone', async () => {
    const words = await ask(peer, Q(`insert into log values (1); ${sql}; insert into log values (2)`));
    expect(words).toEqual(['CommandComplete:INSERT 0 1', 'ErrorResponse:42501', 'ReadyForQuery:I']);
    expect(await database.query('select * from log')).toEqual([]);
  });
});

test('RETURNING of a withheld column undoes the write', async () => {
  expect(await ask(peer, Q("insert into pupils values (2, 'x') returning ine"))).toEqual([
    'ErrorResponse:42501',
    'ReadyForQuery:I',
  ]);
  expect(last(await ask(peer, P("insert into pupils values (2, 'x') returning ine"), B(), E(), S()))).toEqual([
    'ErrorResponse:42501',
    'ReadyForQuery:I',
  ]);
  expect(await database.query('select id from pupils')).toEqual([{ id: 1 }]);
});

test('granted columns, expressions and results without columns pass', async () => {
  expect(await ask(peer, Q('select id, 1 + 1 from pupils'))).toContain('CommandComplete:SELECT 1');
  expect(await ask(peer, P('select id from pupils'), B(), E(), S())).toEqual([
    'ParseComplete',
    'BindComplete',
    'DataRow',
    'CommandComplete:SELECT 1',
    'ReadyForQuery:I',
  ]);
  expect(await ask(peer, P('insert into log values (1)'), B(), E(), S())).toContain('CommandComplete:INSERT 0 1');
});

test('a statement that was verified once runs without another look, until the policy changes', async () => {
  await ask(peer, P('select id from pupils', 's'), S());
  const run = [B([], '', 's'), E(), S()];
  const describes = () => Buffer.concat(peer.sent).toString('latin1').split('D\0\0\0\x06P\0').length - 1;
  await ask(peer, ...run);
  expect(describes()).toBe(1);
  await ask(peer, ...run);
  expect(describes()).toBe(1);
  peer.policy = policyOf(options);
  await ask(peer, ...run);
  expect(describes()).toBe(2);
});

test('an unrestricted role, and observe mode, are not held up', async () => {
  await database.query("update pupils set ine = 'open'");
  peer.policy = policyOf({ ...options, access: 'unrestricted' });
  expect(await ask(peer, Q('select ine from pupils'))).toContain('CommandComplete:SELECT 1');
  peer.policy = policyOf({ ...options, mode: 'observe' });
  expect(await ask(peer, Q('select ine from pupils'))).toContain('CommandComplete:SELECT 1');
  await database.query("update pupils set ine = 'WITHHELD'");
});

test('rows of a rule’s further statements are not shown, by Query or by Execute', async () => {
  await database.query('create table ruled (a int)');
  await database.query('create rule shows as on insert to ruled do also select a from secrets');
  const insert = 'insert into ruled values (1)';
  peer.policy = policyOf({ relations: [await grantOf(database, 'ruled')] });
  await ask(peer, Q(`prepare x as ${insert}`));
  for (const message of [[Q(insert)], [Q('execute x')], [Q(`${insert}; ${insert}`)], [P(insert), B(), E(), S()]]) {
    const words = await ask(peer, ...message);
    expect(words).toContain('CommandComplete:INSERT 0 1');
    expect(words).not.toContain('DataRow');
    expect(words).not.toContain('RowDescription');
  }
});
