/** Tests a role in observe mode with the real guard: each statement runs as it came, and the session follows it, refused or not. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { Guard } from '../../src/guard/guard.ts';
import { Backend } from '../../src/protocol/message-types.ts';
import { MessageWriter } from '../../src/protocol/message-writer.ts';
import { catalogOf } from '../policy/environment.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { B, DS, E, P, Q, S } from './messages.ts';
import { ask, direct, type Peer } from './peer.ts';
import { policyOf } from './policies.ts';
import { type RelayedPeer, relayed } from './relay.ts';

let database: FreshDatabase;
let guards: Readonly<Record<'restricted' | 'unrestricted', Guard>>;
let peer: RelayedPeer;
let server: Peer;

beforeAll(async () => {
  database = await freshDatabase();
  await database.query('create table t (a int)');
  const catalog = await catalogOf(database.url);
  const guard = (access: 'restricted' | 'unrestricted') =>
    new Guard({ catalog, role: policyOf({ mode: 'observe', access }).role, searchPath: ['public'] });
  guards = { restricted: guard('restricted'), unrestricted: guard('unrestricted') };
});
afterAll(() => database.drop());

const D = (text: string) => new MessageWriter(0x64).bytes(Buffer.from(text)).finish();
const DONE = new MessageWriter(0x63).finish();

/** Notifications name the server process. */
const bytesOf = ({ received }: Peer) =>
  received.frames.filter(({ type }) => type !== Backend.NotificationResponse).map(({ bytes }) => Buffer.from(bytes));

const conversations: readonly (readonly [string, readonly Uint8Array[]])[] = [
  ['COPY TO STDOUT', [Q('copy (values (1), (2)) to stdout'), Q('select 1')]],
  ['COPY TO STDOUT by Execute', [P('copy (values (1)) to stdout'), B(), E(), S(), Q('select 1')]],
  ['COPY FROM STDIN', [Q('copy t from stdin'), D('1\n2\n'), DONE, Q('select a from t')]],
  ['COPY FROM STDIN by Execute', [P('copy t from stdin'), B(), E(), D('1\n'), DONE, S(), Q('select a from t')]],
  ['COPY FROM STDIN with a bad line', [Q('copy t from stdin'), D('x\n'), DONE, Q('select a from t')]],
  ['COPY behind a read', [Q('select a from t; copy t from stdin; select 2'), D('1\n'), DONE, Q('select 1')]],
  ['SELECT INTO', [Q('begin; select 1 as a into u; select count(*) from u; rollback')]],
  ['a definition', [Q('begin; create table u (a int); rollback')]],
  ['LISTEN and NOTIFY', [Q('listen here; notify here'), Q('unlisten here')]],
  ['an anonymous block', [Q('do $$ begin perform 1; end $$'), Q('select 1')]],
  ['a cursor over what is not granted', [Q('begin'), Q('declare x cursor for table t'), Q('fetch x'), Q('commit')]],
  ['a prepared write', [Q('prepare w as insert into t values ($1)'), Q('execute w(1)'), Q('deallocate w')]],
  ['parameters of a prepared statement', [P('select $1::int + $2', 'p'), DS('p'), B(['1', '2'], '', 'p'), E(), S()]],
  ['no SQL at all', [Q('selec'), Q('select 1')]],
];

describe.each(['restricted', 'unrestricted'] as const)('%s', (access) => {
  beforeEach(async () => {
    await database.query('truncate t');
    const policy = policyOf({ mode: 'observe', access });
    peer = await relayed(database.url, { ...policy, judge: (sql, types) => guards[access].judge(sql, types) });
    server = await direct(database.url);
  });
  afterEach(async () => {
    await peer.close();
    await server.close();
  });

  test.each(conversations)('%s', async (_what, messages) => {
    const expected = await ask(server, ...messages);
    await database.query('truncate t');
    expect(await ask(peer, ...messages)).toEqual(expected);
    expect(bytesOf(peer)).toEqual(bytesOf(server));
    expect(peer.faults).toEqual([]);
  });
});

test('a statement that would have been refused is recorded as such, with its command', async () => {
  const policy = policyOf({ mode: 'observe' });
  peer = await relayed(database.url, { ...policy, judge: (sql) => guards.restricted.judge(sql) });
  await ask(peer, Q('copy t to stdout'));
  expect(peer.records[0]).toMatchObject({
    command: 'COPY',
    effect: 'allow',
    would: 'refuse',
    reason: 'statement-not-allowed',
  });
  await peer.close();
});
