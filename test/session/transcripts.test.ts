/** Replays recorded conversations whole, one byte at a time, and cut at random, in both directions: the same bytes come back. */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { grantOf } from './grants.ts';
import { B, CP, CS, DP, DS, E, H, P, Q, S } from './messages.ts';
import { type PolicyOptions, policyOf } from './policies.ts';
import { type RelayedPeer, relayed } from './relay.ts';

let database: FreshDatabase;
let options: PolicyOptions;

beforeAll(async () => {
  database = await freshDatabase();
  await database.query(
    "create table t (a int, b text); insert into t select i, repeat('é', i) from generate_series(1, 20) i",
  );
  options = {
    relations: [await grantOf(database, 't')],
    attributes: { school: '3' },
    limits: { rowsPerStatement: 10 },
  };
});
afterAll(() => database.drop());

const transcripts: readonly (readonly [string, readonly Uint8Array[]])[] = [
  ['a simple query', [Q('select a, b from t where a < 5')]],
  ['several statements', [Q("select 1; select 'é'; set work_mem = 4096; show work_mem")]],
  ['the empty query', [Q(''), Q(';'), P(''), B(), DP(), E(), S()]],
  [
    'a prepared statement',
    [
      P('select a from t where a < $1 and a > :school', 's'),
      DS('s'),
      B(['9'], 'p', 's'),
      DP('p'),
      E('p', 2),
      E('p'),
      CP('p'),
      CS('s'),
      S(),
    ],
  ],
  ['a pipeline', [P('select 1'), B(), E(), P('select 2'), B(), E(), S(), P('select 3'), B(), E(), H(), S()]],
  ['errors', [Q('selec'), Q('select 1/0'), P('select nosuch'), B(), E(), S(), Q('select 1')]],
  [
    'a refusal in a transaction',
    [
      Q('begin'),
      Q('savepoint s'),
      Q('select 1 /*refuse*/'),
      Q('rollback to s'),
      P('select 1 /*refuse*/'),
      B(),
      E(),
      S(),
      Q('rollback'),
    ],
  ],
  [
    'limits',
    [
      Q('select a from t'),
      P('select a from t'),
      B(),
      E(),
      S(),
      Q('begin'),
      Q('select b from t'),
      Q('select 1'),
      Q('rollback'),
    ],
  ],
  [
    'cursors',
    [Q('begin'), Q('declare c cursor for select a from t'), Q('fetch 3 from c'), Q('fetch 9 from c'), Q('rollback')],
  ],
  [
    'names in SQL',
    [
      Q('prepare x as select a from t where a = 1'),
      Q('execute x'),
      B([], '', 'x'),
      DP(),
      E(),
      S(),
      Q('deallocate x'),
      Q('execute x'),
    ],
  ],
  ['a large value', [Q("select repeat('x', 300000)"), P("select repeat('y', 200000)"), B(), E(), S()]],
  ['COPY', [Q('copy t to stdout'), Q('copy (select a from t where a < 4) to stdout'), Q('select 1')]],
];

async function replay(
  messages: readonly Uint8Array[],
  cutClient: (bytes: Buffer) => Uint8Array[],
  cutServer: number,
): Promise<Buffer> {
  const peer: RelayedPeer = await relayed(database.url, policyOf(options), cutServer);
  try {
    const bytes = Buffer.concat(messages);
    const ready = messages.filter((message) => message[0] === 0x51 || message[0] === 0x53).length;
    for (const piece of cutClient(bytes)) peer.send(piece);
    await peer.received.until(() => peer.received.ready >= ready);
    expect(peer.faults).toEqual([]);
    return Buffer.concat(peer.received.bytes);
  } finally {
    await peer.close();
  }
}

const whole = (bytes: Buffer) => [bytes];
const everywhere = (bytes: Buffer) => Array.from(bytes, (_, at) => bytes.subarray(at, at + 1));

describe.each(transcripts)('%s', (_what, messages) => {
  test('comes back alike, however it was cut', async () => {
    const expected = (await replay(messages, whole, Infinity)).toString('latin1');
    expect((await replay(messages, everywhere, Infinity)).toString('latin1')).toBe(expected);
    expect((await replay(messages, whole, 1)).toString('latin1')).toBe(expected);
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat(400), { maxLength: 8 }),
        fc.integer({ min: 1, max: 5000 }),
        async (cuts, cutServer) => {
          const at = [0, ...new Set(cuts)].sort((a, b) => a - b);
          const cut = (bytes: Buffer) => at.map((start, index) => bytes.subarray(start, at[index + 1] ?? bytes.length));
          expect((await replay(messages, cut, cutServer)).toString('latin1')).toBe(expected);
        },
      ),
      { numRuns: 8 },
    );
  });
});
