/** Tests COPY from and to the client: data flows, and nothing else is sent to the server meanwhile. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { MessageWriter } from '../../src/protocol/message-writer.ts';
import { copyFail } from '../../src/protocol/simple-frontend.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { B, E, P, Q, S } from './messages.ts';
import { direct, type Peer } from './peer.ts';
import { policyOf } from './policies.ts';
import { relayed } from './relay.ts';

let database: FreshDatabase;

beforeAll(async () => {
  database = await freshDatabase();
  await database.query('create table t (a int); create table u (a int)');
});
afterAll(() => database.drop());

const D = (text: string) => new MessageWriter(0x64).bytes(Buffer.from(text)).finish();
const DONE = new MessageWriter(0x63).finish();
const COPY = Q('copy t from stdin');

const conversations: readonly (readonly [string, readonly Uint8Array[], number])[] = [
  ['data in one message', [COPY, D('1\n2\n'), DONE, Q('select 1')], 2],
  ['a large piece of data', [COPY, D(`${'0'.repeat(200_000)}7\n`), DONE, Q('select 1')], 2],
  ['CopyFail', [COPY, D('1\n'), copyFail('no more'), Q('select 1')], 2],
  ['a bad line', [COPY, D('1\n'), D('x\n'), D('2\n'), DONE, Q('select 1')], 2],
  ['by Execute', [P('copy t from stdin'), B(), E(), D('1\n'), DONE, S(), Q('select 1')], 2],
  [
    'by Execute, with Syncs that are ignored',
    [P('copy t from stdin'), B(), E(), S(), D('1\n'), S(), DONE, S(), Q('select 1')],
    2,
  ],
  [
    'by Execute, with a Sync before a bad line',
    [P('copy t from stdin'), B(), E(), S(), D('x\n'), DONE, S(), Q('select 1')],
    2,
  ],
  ['by Execute, with a bad line', [P('copy t from stdin'), B(), E(), D('x\n'), DONE, S(), Q('select 1')], 2],
  ['two in one message', [Q('copy t from stdin; copy u from stdin'), D('1\n'), DONE, D('2\n'), DONE, Q('select 1')], 2],
  ['in a transaction', [Q('begin'), COPY, D('x\n'), DONE, Q('rollback')], 3],
  ['data outside of COPY is ignored', [D('1\n'), DONE, copyFail('x'), Q('select 1')], 1],
];

async function replay(peer: Peer, messages: readonly Uint8Array[], ready: number) {
  await database.query('truncate t, u');
  peer.send(Buffer.concat(messages));
  await peer.received.until(() => peer.received.ready >= ready).finally(() => peer.close());
  const words = peer.received.words().filter((word) => !word.endsWith('FATAL'));
  return { words, rows: await database.query('select a from t union all select a from u order by a') };
}

describe.each(['restricted', 'unrestricted'] as const)('%s', (access) => {
  test.each(conversations)('%s', async (_what, messages, ready) => {
    const expected = await replay(await direct(database.url), messages, ready);
    const peer = await relayed(database.url, policyOf({ access }));
    expect(await replay(peer, messages, ready)).toEqual(expected);
    expect(peer.faults).toEqual([]);
  });
});

describe('a message that has no place in COPY', () => {
  let peer: Awaited<ReturnType<typeof relayed>>;
  beforeEach(async () => {
    await database.query('truncate t, u');
    peer = await relayed(database.url, policyOf());
  });
  afterEach(() => peer.close());

  test('a Query behind a bad line is judged: it never runs unseen', async () => {
    peer.send(Buffer.concat([COPY, D('x\n'), Q('insert into u values (1) /*refuse*/'), Q('select 1')]));
    await peer.received.until(() => peer.received.ready >= 2 || peer.received.closed);
    expect(peer.received.words()).toContain('ErrorResponse:22P02');
    expect(await database.query('select * from u')).toEqual([]);
  });

  test('a Query in good data ends the COPY and the session, as with PostgreSQL', async () => {
    peer.send(Buffer.concat([COPY, D('1\n'), Q('insert into u values (1)')]));
    await peer.received.until(() => peer.received.closed);
    expect(peer.received.words().slice(-2)).toEqual(['ErrorResponse:08P01', 'ErrorResponse:08P01:FATAL']);
    expect(await database.query('select a from t union all select a from u')).toEqual([]);
  });
});
