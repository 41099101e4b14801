/** Tests that a refused statement leaves client and server in the state in which a failing one would, at each place in the protocol. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { grantOf } from './grants.ts';
import { B, CS, DP, DS, E, P, Q, S } from './messages.ts';
import { ask, direct, type Peer } from './peer.ts';
import { type PolicyOptions, policyOf } from './policies.ts';
import { relayed } from './relay.ts';

let database: FreshDatabase;
let options: PolicyOptions;

beforeAll(async () => {
  database = await freshDatabase();
  await database.query('create table t (a int)');
  options = { relations: [await grantOf(database, 't')] };
});
afterAll(() => database.drop());

/** A conversation, given what a bad statement is; each inner list is sent at once and answered before the next. */
type Conversation = (bad: string, several: string) => readonly (readonly Uint8Array[])[];

const conversations: readonly (readonly [string, Conversation])[] = [
  ['a Query', (bad) => [[Q(bad)], [Q('select 1')]]],
  ['a Query in a transaction', (bad) => [[Q('begin')], [Q(bad)], [Q('select 1')], [Q('rollback')], [Q('select 1')]]],
  ['a Query in a failed transaction', (bad) => [[Q('begin')], [Q('select 1/0')], [Q(bad)], [Q('commit')]]],
  [
    'a Query behind a savepoint',
    (bad) => [[Q('begin')], [Q('savepoint s')], [Q(bad)], [Q('rollback to s')], [Q('select 1')], [Q('commit')]],
  ],
  ['the first of several', (_, bad) => [[Q(`${bad}; insert into t values (1)`)], [Q('select count(*) from t')]]],
  ['the last of several', (_, bad) => [[Q(`insert into t values (1); ${bad}`)], [Q('select count(*) from t')]]],
  ['several, with a leading ROLLBACK', (_, bad) => [[Q('begin')], [Q(`rollback; ${bad}`)], [Q('rollback')]]],
  [
    'Parse',
    (bad) => [
      [P(bad), B(), DP(), E(), S()],
      [P('select 1'), B(), E(), S()],
    ],
  ],
  [
    'Parse and Describe, as for a prepared statement',
    (bad) => [
      [P(bad, 'a'), DS('a'), S()],
      [B([], '', 'a'), E(), S()],
    ],
  ],
  [
    'Parse of a name that is taken',
    (bad) => [
      [P('select 1', 'a'), S()],
      [P(bad, 'a'), S()],
      [B([], '', 'a'), E(), S()],
    ],
  ],
  [
    'Parse of the unnamed statement drops the one before',
    (bad) => [
      [P('select 1'), S()],
      [P(bad), S()],
      [B(), E(), S()],
    ],
  ],
  [
    'Parse in the middle of a pipeline',
    (bad) => [
      [P('insert into t values (1)'), B(), E(), P(bad), B(), E(), P('insert into t values (2)'), B(), E(), S()],
      [Q('select a from t')],
    ],
  ],
  [
    'Parse between two Syncs',
    (bad) => [
      [
        P('insert into t values (1)'),
        B(),
        E(),
        S(),
        P(bad),
        B(),
        E(),
        S(),
        P('insert into t values (2)'),
        B(),
        E(),
        S(),
      ],
      [Q('select a from t')],
    ],
  ],
  [
    'Parse in a transaction, with a pipeline behind',
    (bad) => [[Q('begin')], [P(bad), B(), E(), S(), P('select 1'), B(), E(), S()], [P('rollback'), B(), E(), S()]],
  ],
  [
    'Parse while a portal is open',
    (bad) => [
      [Q('begin')],
      [P('select generate_series(1, 3)', 'g'), B([], 'p', 'g'), E('p', 1), S()],
      [Q('savepoint s')],
      [P(bad), S()],
      [Q('rollback to s')],
      [E('p', 1), S()],
      [Q('commit')],
      [E('p', 1), S()],
    ],
  ],
  ['Parse in a failed transaction', (bad) => [[Q('begin')], [Q('select 1/0')], [P(bad), S()], [Q('rollback')]]],
  [
    'a statement that was closed',
    () => [
      [P('select 1', 'a'), S()],
      [CS('a'), S()],
      [B([], '', 'a'), S()],
      [DS('a'), S()],
    ],
  ],
  [
    'names that never were',
    () => [
      [B([], '', 'nosuch'), S()],
      [DS('nosuch'), S()],
      [DP('nosuch'), S()],
      [E('nosuch'), S()],
      [Q('execute nosuch')],
      [Q('deallocate nosuch')],
    ],
  ],
  [
    'names that never were, in a failed transaction',
    () => [
      [Q('begin')],
      [Q('select 1/0')],
      [B([], '', 'nosuch'), S()],
      [E('nosuch'), S()],
      [Q('execute nosuch')],
      [Q('rollback')],
    ],
  ],
  ['a Query drops the unnamed statement', () => [[P('select 1'), S()], [Q('select 2')], [B(), E(), S()]]],
];

async function replay(peer: Peer, steps: readonly (readonly Uint8Array[])[]): Promise<string[][]> {
  const seen: string[][] = [];
  for (const step of steps) seen.push(await ask(peer, ...step));
  await peer.close();
  return seen;
}

const alike = (steps: readonly (readonly string[])[]) =>
  steps.map((words) => words.map((word) => word.replace(/ErrorResponse:(42501|42703|42601)/, 'ErrorResponse:refused')));

describe.each(['restricted', 'unrestricted'] as const)('%s', (access) => {
  test.each(conversations)('%s', async (_what, conversation) => {
    await database.query('truncate t');
    const failing = await replay(await direct(database.url), conversation('select nosuch', 'nosuch'));
    await database.query('truncate t');
    const peer = await relayed(database.url, policyOf({ ...options, access }));
    const refused = await replay(peer, conversation('select a from t /*refuse*/', 'select a from t /*refuse*/'));
    expect(alike(refused)).toEqual(alike(failing));
    expect(peer.faults).toEqual([]);
  });
});

test('the client is told message, rule, hint, and the id of the decision in the log', async () => {
  const peer = await relayed(database.url, policyOf(options));
  await ask(peer, Q('select a from t /*refuse*/'));
  const [fields] = peer.received.errors();
  const [decision] = peer.records;
  expect(decision).toMatchObject({
    kind: 'decision',
    effect: 'refuse',
    reason: 'column-withheld',
    rule: 'roles/tester.yaml:7',
    sqlstate: '42501',
  });
  expect(Object.fromEntries(fields!)).toEqual({
    S: 'ERROR',
    V: 'ERROR',
    C: '42501',
    M: 'permission denied for column "ine" of relation "students"',
    D: `Decision ${decision!.id}, rule roles/tester.yaml:7.`,
    H: 'Ask who keeps the policies.',
  });
  expect(Buffer.concat(peer.sent).toString()).not.toContain('refuse');
  await peer.close();
});

describe('a role that is gone', () => {
  test('a principal without a policy is told, and the session ends', async () => {
    const peer = await relayed(database.url, policyOf(options));
    await ask(peer, Q('select 1'));
    peer.policyGone = true;
    peer.send(Q('select 1'));
    await peer.received.until(() => peer.received.closed);
    expect(peer.received.words().at(-1)).toBe('ErrorResponse:28000:FATAL');
    await peer.close();
  });
});

describe('the decision log cannot be written', () => {
  test.each([
    ['Query', [Q('insert into t values (1)')]],
    ['several', [Q('insert into t values (1); insert into t values (2)')]],
    ['Execute', [P('insert into t values (1)'), B(), E(), S()]],
    ['a refusal', [Q('select 1 /*refuse*/')]],
  ])('%s does not run', async (_what, messages) => {
    await database.query('truncate t');
    const peer = await relayed(database.url, policyOf(options));
    peer.recording = false;
    expect((await ask(peer, ...messages)).slice(-2)).toEqual(['ErrorResponse:58030', 'ReadyForQuery:I']);
    peer.recording = true;
    expect(await ask(peer, Q('select a from t'))).toEqual([
      'RowDescription',
      'CommandComplete:SELECT 0',
      'ReadyForQuery:I',
    ]);
    await peer.close();
  });
});

describe('FunctionCall', () => {
  const call = Buffer.from([0x46, 0, 0, 0, 14, 0, 0, 0x05, 0x1c, 0, 0, 0, 0, 0, 0]); // 1308: has no meaning here

  test('is refused to a restricted role, in place', async () => {
    const peer = await relayed(database.url, policyOf(options));
    peer.send(call);
    await peer.received.until(() => peer.received.ready === 1);
    expect(peer.received.words()).toEqual(['ErrorResponse:42501', 'ReadyForQuery:I']);
    expect(peer.records[0]).toMatchObject({ command: 'FUNCTION CALL', effect: 'refuse' });
    await peer.close();
  });

  test('keeps the unnamed statement', async () => {
    const peer = await relayed(database.url, policyOf(options));
    await ask(peer, P('select 1'), S());
    peer.send(call);
    await peer.received.until(() => peer.received.ready === 2);
    expect(await ask(peer, B(), E(), S())).toEqual([
      'BindComplete',
      'DataRow',
      'CommandComplete:SELECT 1',
      'ReadyForQuery:I',
    ]);
    await peer.close();
  });
});

describe('messages that cannot be read', () => {
  const invalid = Buffer.concat([Buffer.from([0x51, 0, 0, 0, 8]), Buffer.from([0x27, 0xc3, 0x28, 0])]);

  test('text that is not UTF-8 is refused as by the server', async () => {
    const peer = await relayed(database.url, policyOf(options));
    expect(await ask(peer, invalid)).toEqual(['ErrorResponse:22021', 'ReadyForQuery:I']);
    await peer.close();
  });

  test('text behind a zero byte is not dropped in silence', async () => {
    const peer = await relayed(database.url, policyOf(options));
    const hidden = Buffer.from([0x51, 0, 0, 0, 0, ...Buffer.from('select 1\0; drop table t\0')]);
    hidden.writeInt32BE(hidden.length - 1, 1);
    expect(await ask(peer, hidden)).toEqual(['ErrorResponse:08P01', 'ReadyForQuery:I']);
    await peer.close();
  });

  test('a Bind that is cut short fails its batch', async () => {
    const peer = await relayed(database.url, policyOf(options));
    const short = Buffer.from([0x42, 0, 0, 0, 7, 0, 0, 0]);
    expect(await ask(peer, P('select 1'), short, E(), S())).toEqual([
      'ParseComplete',
      'ErrorResponse:08P01',
      'ReadyForQuery:I',
    ]);
    expect(await ask(peer, Q('select 1'))).toContain('CommandComplete:SELECT 1');
    await peer.close();
  });

  test.each([
    ['a type that does not exist', Buffer.from([0x7a, 0, 0, 0, 4])],
    ['a password after login', Buffer.from([0x70, 0, 0, 0, 5, 0])],
    ['a length of 2 GB', Buffer.from([0x51, 0x7f, 0xff, 0xff, 0xff])],
    ['a length below 4', Buffer.from([0x51, 0, 0, 0, 3])],
  ])('%s ends the session', async (_what, bytes) => {
    const peer = await relayed(database.url, policyOf(options));
    peer.send(bytes);
    await peer.received.until(() => peer.received.closed);
    expect(peer.received.words()).toEqual(['ErrorResponse:08P01:FATAL']);
    await peer.close();
  });
});
