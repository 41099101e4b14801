/** Tests that large values pass in pieces in both directions: they are not held in memory, can be refused early, and no other message comes between their pieces. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { bind, textValue } from '../../src/protocol/bind.ts';
import { Backend } from '../../src/protocol/message-types.ts';
import { MessageWriter } from '../../src/protocol/message-writer.ts';
import { parse } from '../../src/protocol/parse.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { B, E, P, Q, S } from './messages.ts';
import { ask, direct, type Peer } from './peer.ts';
import { policyOf } from './policies.ts';
import { type RelayedPeer, relayed } from './relay.ts';

const MILLION = 1_000_000;
const CHUNK = 64 * 1024;

let database: FreshDatabase;
beforeAll(async () => {
  database = await freshDatabase();
  await database.query('create table t (a text); create table u (a int)');
});
afterAll(() => database.drop());

/** Sends bytes in chunks, as a socket gives them. */
async function askInChunks(peer: Peer, ready: number, ...messages: Uint8Array[]): Promise<string[]> {
  const { received } = peer;
  const [from, wanted] = [received.frames.length, received.ready + ready];
  const all = Buffer.concat(messages);
  for (let at = 0; at < all.length && !received.closed; at += CHUNK) peer.send(all.subarray(at, at + CHUNK));
  await received.until(() => received.ready >= wanted);
  return received.words().slice(from);
}

const rowOf = (peer: Peer): string =>
  Buffer.from(
    peer.received.frames
      .filter(({ type }) => type === Backend.DataRow)
      .at(-1)!
      .bytes.subarray(11),
  ).toString();

const D = (text: string) => new MessageWriter(0x64).bytes(Buffer.from(text)).finish();
const DONE = new MessageWriter(0x63).finish();
const x = (bytes: number) => 'x'.repeat(bytes);

/** No message that was sent to the server in one write is longer than what came in. */
const longestWrite = (peer: RelayedPeer) => Math.max(...peer.sent.map(({ length }) => length));

test.each([
  ['without parameters of the guard', 'select length($1::text) + 7', {}],
  ['with some behind', 'select length($1::text) + :school_id', { attributes: { school_id: '7' } }],
])('a large parameter, %s', async (_what, text, options) => {
  const peer = await relayed(database.url, policyOf(options));
  expect(await askInChunks(peer, 1, P(text), B([x(20 * MILLION)]), E(), S())).toContain('CommandComplete:SELECT 1');
  expect(rowOf(peer)).toBe('20000007');
  expect(longestWrite(peer)).toBeLessThan(1024 * 1024);
  await peer.close();
});

test('all formats, binary among them, and result formats behind the values', async () => {
  const peer = await relayed(database.url, policyOf({ attributes: { school_id: '7' } }));
  const int4 = Buffer.from([0, 0, 0, 4, 0, 0, 0, 5]);
  const values = Buffer.concat([textValue(x(MILLION)), int4, Buffer.from([0xff, 0xff, 0xff, 0xff])]);
  const message = { portal: '', statement: '', formats: [1, 1, 1], values, valueCount: 3, resultFormats: [0] };
  const text = 'select length($1::text) + $2::int4 + :school_id + coalesce($3::int4, 100)';
  expect(await askInChunks(peer, 1, P(text), bind(message), E(), S())).toContain('CommandComplete:SELECT 1');
  expect(rowOf(peer)).toBe('1000112');
  await peer.close();
});

test.each([
  ['a missing statement', B([x(MILLION)], '', 'nosuch'), 'ErrorResponse:26000'],
  ['a wrong count', B([x(MILLION), '1']), 'ErrorResponse:08P01'],
  ['values that end too early', bind({ ...malformed(2 * MILLION), valueCount: 1 }), 'ErrorResponse:08P01'],
  ['a value that the server refuses', B([`${x(2 * MILLION)}`, '1'], '', 'two'), 'ErrorResponse:22P02'],
])('%s is an error as PostgreSQL has it, and the session goes on', async (_what, message, error) => {
  for (const attributes of [{}, { school_id: '7' }]) {
    const peers = [await direct(database.url), await relayed(database.url, policyOf({ attributes }))] as const;
    const words = [];
    for (const peer of peers) {
      const slot = peer === peers[0] || !('school_id' in attributes) ? '7' : ':school_id';
      const before = [P(`select length($1::text), ${slot}`), P(`select $1::int, $2::int, ${slot}`, 'two')];
      words.push(await askInChunks(peer, 2, ...before, message, E(), S(), Q('select 1')));
      await peer.close();
    }
    expect(words[1]).toEqual(words[0]);
    expect(words[1]).toContain(error);
  }
});

/** A Bind with one value, whose stated length is larger than the message. */
function malformed(length: number) {
  const values = textValue(x(MILLION));
  values.writeInt32BE(length, 0);
  return { portal: '', statement: '', formats: [], values, valueCount: 1, resultFormats: [] };
}

test('behind a refused statement a large Bind is dropped, piece by piece', async () => {
  const peer = await relayed(database.url, policyOf());
  const words = await askInChunks(
    peer,
    2,
    P('select $1::text /*refuse*/'),
    B([x(20 * MILLION)]),
    E(),
    S(),
    Q('select 1'),
  );
  expect(words).toEqual([
    'ErrorResponse:42501',
    'ReadyForQuery:I',
    'RowDescription',
    'DataRow',
    'CommandComplete:SELECT 1',
    'ReadyForQuery:I',
  ]);
  expect(Buffer.concat(peer.sent).length).toBeLessThan(1000);
  await peer.close();
});

test('one that is on its way when the server fails goes to its end', async () => {
  const peer = await relayed(database.url, policyOf());
  const words = await askInChunks(peer, 2, P('select $1::nosuch'), B([x(20 * MILLION)]), E(), S(), Q('select 1'));
  expect(words.slice(0, 2)).toEqual(['ErrorResponse:42704', 'ReadyForQuery:I']);
  expect(words.at(-2)).toBe('CommandComplete:SELECT 1');
  await peer.close();
});

test('a text too long to be read is refused by name, however long, and the session goes on', async () => {
  const peer = await relayed(database.url, policyOf({ access: 'unrestricted' }));
  const long = `select '${x(20 * MILLION)}'`;
  expect(await askInChunks(peer, 1, Q(long))).toEqual(['ErrorResponse:54000', 'ReadyForQuery:I']);
  expect(peer.received.errors().at(-1)?.get('M')).toBe('statement is too long: at most 1048576 bytes are read');
  expect(await ask(peer, P('select 5'), S())).toEqual(['ParseComplete', 'ReadyForQuery:I']);
  expect(await askInChunks(peer, 1, parse({ name: 'n', text: long, types: [] }), S())).toEqual([
    'ErrorResponse:54000',
    'ReadyForQuery:I',
  ]);
  expect(await ask(peer, B(), E(), S())).toContain('CommandComplete:SELECT 1');
  expect(await askInChunks(peer, 1, P(long), B(), E(), S())).toEqual(['ErrorResponse:54000', 'ReadyForQuery:I']);
  expect(await ask(peer, B(), S())).toEqual(['ErrorResponse:26000', 'ReadyForQuery:I']);
  expect(peer.records.filter(({ kind }) => kind === 'decision')).toMatchObject([
    { reason: 'too-large' },
    { reason: 'too-large' },
    {},
    { reason: 'too-large' },
  ]);
  expect(Buffer.concat(peer.sent).length).toBeLessThan(2000);
  await peer.close();
});

test('an error that quotes a large value is shown in its beginning', async () => {
  const peer = await relayed(database.url, policyOf({ access: 'unrestricted' }));
  await askInChunks(peer, 1, P('select $1::int'), B([x(20 * MILLION)]), E(), S());
  const [error] = peer.received.errors();
  expect(error?.get('C')).toBe('22P02');
  expect(error?.get('M')).toMatch(/^invalid input syntax for type integer: "x{50000,60000}…$/);
  const notice = String.raw`do E'begin raise notice \'%\', repeat(\'x\', 20000000)\x3b end'`;
  expect(await ask(peer, Q(notice))).toEqual(['NoticeResponse:00000', 'CommandComplete:DO', 'ReadyForQuery:I']);
  await peer.close();
});

test('of one with something withheld the condition is named: whether it has a context is not known', async () => {
  const peer = await relayed(database.url, policyOf());
  await askInChunks(peer, 1, P('select $1::int'), B([x(20 * MILLION)]), E(), S());
  expect(peer.received.errors()[0]?.get('M')).toBe('invalid text representation');
  await peer.close();
});

test('when COPY fails while a large piece of data is on its way, the piece goes to its end', async () => {
  for (const by of ['query', 'execute'] as const) {
    const peer = await relayed(database.url, policyOf({ access: 'unrestricted' }));
    const begin = by === 'query' ? [Q('copy u from stdin')] : [P('copy u from stdin'), B(), E(), S()];
    const piece = D(`${x(MILLION)}\n`);
    peer.send(Buffer.concat([...begin, D('bad\n'), piece.subarray(0, 100_000)]));
    await peer.received.until(() => peer.received.words().includes('ErrorResponse:22P02'));
    // The message after it must be judged, and no data be read as a message.
    const injected = Buffer.concat([
      piece.subarray(100_000),
      DONE,
      ...(by === 'query' ? [] : [S()]),
      Q('select 1 /*refuse*/'),
    ]);
    peer.send(injected);
    // The Sync before all data is ignored, as PostgreSQL does.
    await peer.received.until(() => peer.received.ready === 2);
    const words = peer.received.words();
    expect(words.filter((word) => word.startsWith('Error'))).toEqual(['ErrorResponse:22P02', 'ErrorResponse:42501']);
    expect(peer.faults).toEqual([]);
    await peer.close();
  }
});
