/** Tests promise P7: the decision of each statement is in the log before the statement is sent, and its outcome is logged after it. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { grantOf } from './grants.ts';
import { B, E, H, P, Q, S } from './messages.ts';
import { ask } from './peer.ts';
import { type PolicyOptions, policyOf } from './policies.ts';
import { type RelayedPeer, relayed } from './relay.ts';

let database: FreshDatabase;
let options: PolicyOptions;
let peer: RelayedPeer;

beforeAll(async () => {
  database = await freshDatabase();
  await database.query('create table t (a int)');
  options = { relations: [await grantOf(database, 't')] };
});
afterAll(() => database.drop());
beforeEach(async () => {
  await database.query('truncate t');
  peer = await relayed(database.url, policyOf(options));
});
afterEach(() => peer.close());

/** `SELECT allow`, `ok 3`: decisions and outcomes in short, in the order in which they were written. */
const log = () =>
  peer.records.map((entry) =>
    entry.kind === 'decision'
      ? `${entry.command} ${entry.effect}`
      : `${entry.status}${entry.sqlstate ? ` ${entry.sqlstate}` : ''}`,
  );

test('one decision and one outcome a statement, with what flowed and what changed', async () => {
  await ask(peer, Q('insert into t values (1), (2), (3); select a from t'));
  expect(log()).toEqual(['INSERT allow', 'SELECT allow', 'ok', 'ok']);
  expect(peer.records[2]).toMatchObject({ id: peer.records[0]!.id, changed: 3, rows: 0 });
  expect(peer.records[3]).toMatchObject({ id: peer.records[1]!.id, changed: 0, rows: 3, bytes: 3 * 7 });
});

test('one decision an Execute', async () => {
  await ask(peer, P('select 1', 's'), S());
  expect(log()).toEqual([]);
  await ask(peer, B([], '', 's'), E(), B([], '', 's'), E(), S());
  expect(log()).toEqual(['SELECT allow', 'ok', 'SELECT allow', 'ok']);
});

test('the decision is there before the statement is sent', async () => {
  let seen: number | undefined;
  const { sent } = peer;
  const push = sent.push.bind(sent);
  sent.push = (...bytes) => {
    seen ??= peer.records.length;
    return push(...bytes);
  };
  await ask(peer, Q('select 1'));
  expect(seen).toBe(1);
});

test.each([
  ['an error', [Q('select 1/0')], ['SELECT allow', 'error 22012']],
  [
    'what stands behind an error in one message',
    [Q('select 1/0; insert into t values (1)')],
    ['SELECT allow', 'INSERT allow', 'error 22012', 'skipped'],
  ],
  ['a refusal at Query', [Q('select 1 /*refuse*/')], ['SELECT refuse', 'refused 42501']],
  ['a refusal at Parse', [P('select 1 /*refuse*/'), B(), E(), S()], ['SELECT refuse', 'refused 42501']],
  [
    'what was sent behind an error',
    [
      P('select 1/(random()*0)::int', 'f'),
      P('insert into t values (1)', 'i'),
      B([], 'f', 'f'),
      B([], 'i', 'i'),
      E('f'),
      E('i'),
      S(),
    ],
    ['SELECT allow', 'error 22012'],
  ],
  [
    'writes in a pipeline',
    [P('insert into t values (1)', 'i'), B([], 'p', 'i'), E('p'), B([], 'q', 'i'), E('q'), S()],
    ['INSERT allow', 'INSERT allow', 'ok', 'ok'],
  ],
  ['the empty query', [Q('')], []],
  ['a text that does not parse', [Q('selec')], ['SELEC allow', 'error 42601']],
])('%s', async (_what, messages, expected) => {
  await ask(peer, ...messages);
  expect(log()).toEqual(expected);
});

test('a write that the server skipped', async () => {
  await ask(peer, P('insert into t values (1 / (random() * 0)::int)', 'f'), P('insert into t values (1)', 'i'), S());
  await ask(peer, B([], 'f', 'f'), E('f'), B([], 'i', 'i'), E('i'), S());
  expect(log()).toEqual(['INSERT allow', 'INSERT allow', 'error 22012', 'skipped']);
});

test('a refusal in a failed transaction: the client gets the server’s error', async () => {
  await ask(peer, Q('begin'));
  await ask(peer, Q('select 1/0'));
  await ask(peer, Q('select 1 /*refuse*/'));
  expect(log().slice(-2)).toEqual(['SELECT refuse', 'error 25P02']);
});

test('a session that is lost: so is what ran', async () => {
  peer.send(Buffer.concat([P('select pg_sleep(5)'), B(), E(), H()]));
  await new Promise((resolve) => setTimeout(resolve, 50));
  await peer.close();
  expect(log()).toEqual(['SELECT allow', 'lost']);
  expect(peer.received.words().at(-1)).toBe('ErrorResponse:08006:FATAL');
});

test('goodbye with a statement on its way: its outcome is still heard', async () => {
  peer.send(Buffer.concat([P('insert into t values (1)'), B(), E(), S(), Buffer.from([0x58, 0, 0, 0, 4])]));
  await peer.received.until(() => peer.received.closed);
  expect(log()).toEqual(['INSERT allow', 'ok']);
});

describe('in observe mode', () => {
  test('a record says what was done and what would have been done', async () => {
    peer.policy = policyOf({ ...options, mode: 'observe' });
    expect(await ask(peer, Q('select 1 /*refuse*/'))).toContain('CommandComplete:SELECT 1');
    expect(peer.records[0]).toMatchObject({
      effect: 'allow',
      would: 'refuse',
      reason: 'column-withheld',
      rule: 'roles/tester.yaml:7',
    });
  });
});

test('an application that takes another name is recorded under it', async () => {
  const peer = await relayed(database.url, policyOf());
  await ask(peer, Q('select 1'));
  await ask(peer, Q("set application_name = 'night job'"));
  await ask(peer, Q('select 1'));
  expect(peer.records.map(({ application }) => application)).toEqual([
    undefined,
    undefined,
    undefined,
    undefined,
    'night job',
    'night job',
  ]);
  await peer.close();
});
