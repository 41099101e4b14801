/** Tests values that the guard adds: literals in the simple protocol, and in the extended protocol parameters that the client does not see. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { Backend } from '../../src/protocol/message-types.ts';
import { decodeParameterDescription } from '../../src/protocol/parameter-description.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { grantOf } from './grants.ts';
import { B, DS, E, P, Q, S } from './messages.ts';
import { ask } from './peer.ts';
import { policyOf } from './policies.ts';
import { type RelayedPeer, relayed } from './relay.ts';

let database: FreshDatabase;
let peer: RelayedPeer;

beforeAll(async () => {
  database = await freshDatabase();
  await database.query('create table t (a int); insert into t select generate_series(1, 9)');
});
afterAll(() => database.drop());
beforeEach(async () => {
  const relations = [await grantOf(database, 't')];
  peer = await relayed(
    database.url,
    policyOf({ relations, attributes: { school: '4' }, limits: { rowsPerStatement: 100 } }),
  );
});
afterEach(() => peer.close());

const SQL = 'select a from t where a > :school and a < $1 and a <> $2 and a > :school';
const parameters = () =>
  peer.received.frames
    .filter((frame) => frame.type === Backend.ParameterDescription)
    .map((frame) => decodeParameterDescription(frame.bytes));

test('a literal, quoted', async () => {
  await ask(peer, Q('select a from t where a > :school'));
  expect(Buffer.concat(peer.sent).toString()).toContain("where a > '4'::integer\nLIMIT 101");
});

test('each value is one parameter, however often it is used, and Describe shows the client only its own', async () => {
  expect(await ask(peer, P(SQL), DS(), B(['9', '7']), E(), S())).toContain('CommandComplete:SELECT 3');
  expect(parameters()).toEqual([[23, 23]]);
  expect(Buffer.concat(peer.sent).toString()).toContain('a > $3 and a < $1 and a <> $2 and a > $3\nLIMIT $4');
});

test('types that the client declares stay where they are', async () => {
  await ask(peer, P(SQL, '', [20]), DS(), S());
  expect(parameters()).toEqual([[20, 23]]);
});

const binary = (value: number) => {
  const bytes = Buffer.alloc(8);
  bytes.writeInt32BE(4, 0);
  bytes.writeInt32BE(value, 4);
  return bytes;
};

/** Bind of two values with these formats, each value in the format that it is said to have. */
function bindWith(formats: number[]): Buffer {
  const of = (at: number) => formats[formats.length === 1 ? 0 : at] ?? 0;
  const text = (value: number) => Buffer.concat([Buffer.from([0, 0, 0, 1]), Buffer.from(String(value))]);
  const values = [9, 7].map((value, at) => (of(at) === 1 ? binary(value) : text(value)));
  const head = Buffer.from([0, 0, 0, formats.length, ...formats.flatMap((format) => [0, format]), 0, 2]);
  const body = Buffer.concat([head, ...values, Buffer.from([0, 0])]);
  const frame = Buffer.alloc(5);
  frame[0] = 0x42;
  frame.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([frame, body]);
}

test.each([[[]], [[0]], [[1]], [[0, 0]], [[0, 1]], [[1, 0]], [[1, 1]]])(
  'formats %j of the client hold for its own values',
  async (formats) => {
    expect(await ask(peer, P(SQL), bindWith(formats), E(), S())).toContain('CommandComplete:SELECT 3');
  },
);

test.each([[[0, 0, 0], 'bind message has 3 parameter formats but 2 parameters']])(
  'a wrong number of formats is answered in the words of PostgreSQL',
  async (formats, message) => {
    expect(await ask(peer, P(SQL), bindWith(formats), E(), S())).toEqual([
      'ParseComplete',
      'ErrorResponse:08P01',
      'ReadyForQuery:I',
    ]);
    expect(peer.received.errors()[0]!.get('M')).toBe(message);
  },
);

test('a wrong number of values, too: ours are not counted', async () => {
  expect(await ask(peer, P(SQL, 'n'), B(['9'], '', 'n'), S())).toContain('ErrorResponse:08P01');
  expect(peer.received.errors()[0]!.get('M')).toBe(
    'bind message supplies 1 parameters, but prepared statement "n" requires 2',
  );
});

test('a parameter that nothing uses is an error of PostgreSQL as without us', async () => {
  expect(await ask(peer, P('select a from t where a > :school and a < $2'), S())).toEqual([
    'ErrorResponse:42P18',
    'ReadyForQuery:I',
  ]);
});
