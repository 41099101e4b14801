/** Tests new rows that are judged by a column that the rewriting adds: the client does not see it. PostgreSQL's own answers are the comparison. */
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { bind, textValue } from '../../src/protocol/bind.ts';
import { decodeErrorFields } from '../../src/protocol/error-response.ts';
import { Backend } from '../../src/protocol/message-types.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { grantOf } from './grants.ts';
import { B, CS, DP, DS, E, H, P, Q, S } from './messages.ts';
import { ask, direct, type Peer } from './peer.ts';
import { type PolicyOptions, policyOf } from './policies.ts';
import { relayed } from './relay.ts';

let database: FreshDatabase;
let options: PolicyOptions;

beforeAll(async () => {
  database = await freshDatabase();
  await database.query(
    'create table u (a int, b text default current_user); create table w (a int check (a < 90), b text)',
  );
  options = { relations: [await grantOf(database, 'u'), await grantOf(database, 'w')], checks: true };
});
afterAll(() => database.drop());
beforeEach(() => database.query('truncate u'));

/** Everything that came, by bytes: but for the server's process and the source lines of errors. */
async function seen(peer: Peer, messages: readonly Uint8Array[]): Promise<string[]> {
  const from = peer.received.frames.length;
  await ask(peer, ...messages);
  return peer.received.frames.slice(from).map((frame) => {
    const text = Buffer.from(frame.bytes).toString('latin1');
    if (frame.type !== Backend.ErrorResponse)
      return text.length < 1000 ? text : createHash('sha256').update(text).digest('hex');
    const fields = decodeErrorFields(frame.bytes);
    return ['C', 'M'].map((code) => fields.get(code)).join(' ');
  });
}

/** @returns what came through a session with checks; PostgreSQL itself has answered the same messages with the same bytes. */
async function alike(...messages: readonly Uint8Array[]): Promise<string[]> {
  const [peer, server] = [await relayed(database.url, policyOf(options)), await direct(database.url)];
  await database.query('truncate u');
  const through = await seen(peer, messages);
  const rows = await database.query('select a from u');
  await database.query('truncate u');
  expect(through).toEqual(await seen(server, messages));
  expect(rows).toEqual(await database.query('select a from u'));
  expect(peer.faults).toEqual([]);
  expect(Buffer.concat(peer.sent).includes('rowgate_check 0')).toBe(true);
  const words = peer.received.words();
  await Promise.all([peer.close(), server.close()]);
  return words;
}

/** A Bind of the unnamed statement. */
const BF = (
  values: string[],
  resultFormats: number[],
  { formats = [] as number[], portal = '', statement = '' } = {},
) =>
  bind({
    portal,
    statement,
    formats,
    values: Buffer.concat(values.map(textValue)),
    valueCount: values.length,
    resultFormats,
  });

const PLAIN = 'insert into u values ($1::int)';
const RETURNING = 'insert into u values ($1::int) returning a, b, a + 1';

describe('as PostgreSQL answers without it', () => {
  test.each<[what: string, messages: readonly Uint8Array[]]>([
    ['a Query', [Q('insert into u values (1), (2)')]],
    ['a Query with RETURNING', [Q("insert into u values (1, 'x'), (2, null) returning *")]],
    [
      'UPDATE',
      [Q('insert into u values (1), (2)'), Q('update u set a = a + 1'), Q('update u set a = a + 1 returning a')],
    ],
    ['no row', [Q('insert into u select 1 where false'), Q('insert into u select 1 where false returning a')]],
    [
      'several in one Query',
      [Q('insert into u values (1); insert into u values (2) returning a; select 1; update u set a = 4')],
    ],
    ['an error behind it', [Q('insert into u values (1) returning a; select 1/0'), Q('insert into u select 1/0')]],
    [
      'in a transaction',
      [Q('begin'), Q('insert into u values (1)'), Q('insert into u values (2) returning b'), Q('commit')],
    ],
    ['Parse to Sync', [P(PLAIN), B(['1']), DP(), E(), S()]],
    ['RETURNING, Parse to Sync', [P(RETURNING), B(['1']), DP(), E(), S()]],
    [
      'Describe of the statement',
      [P(PLAIN, 's'), DS('s'), P(RETURNING, 'r'), DS('r'), B(['1'], '', 's'), E(), B(['2'], '', 'r'), E(), S()],
    ],
    ['types declared', [P(PLAIN, '', [20]), DS(), S()]],
    [
      'Describe of nothing but the portal',
      [P(PLAIN), B(['1'], 'p'), DP('p'), S(), P(RETURNING), B(['1'], 'p'), DP('p'), S()],
    ],
    ['one row at a time, as executeUpdate does', [P('insert into u values (1), (2), (3)'), B(), DP(), E('', 1), S()]],
    [
      'a second Execute',
      [Q('begin'), P('insert into u values (1), (2)'), B([], 'p'), E('p', 1), E('p', 1), S(), Q('rollback')],
    ],
    [
      'RETURNING, one row at a time',
      [
        Q('begin'),
        P('insert into u values (1), (2), (3) returning a'),
        B([], 'p'),
        DP('p'),
        E('p', 1),
        E('p', 1),
        E('p', 5),
        E('p', 5),
        S(),
        Q('commit'),
      ],
    ],
    [
      'a pipeline',
      [
        P(PLAIN, 's'),
        B(['1'], '', 's'),
        E(),
        B(['2'], '', 's'),
        E(),
        P(RETURNING),
        B(['3']),
        DP(),
        E(),
        S(),
        Q('select 1'),
      ],
    ],
    [
      'an error in a pipeline',
      [
        P(PLAIN, 's'),
        B(['1'], '', 's'),
        E(),
        P('select nosuch'),
        B(['2'], '', 's'),
        E(),
        S(),
        B(['3'], '', 's'),
        E(),
        S(),
      ],
    ],
    [
      'PREPARE and EXECUTE',
      [
        Q('prepare s (int) as insert into u values ($1)'),
        Q('prepare r (int) as insert into u values ($1) returning a, b'),
        Q('execute s(1)'),
        Q('execute r(2)'),
        Q('execute s(3); execute r(4)'),
      ],
    ],
    [
      'PREPARE and EXECUTE in one message',
      [Q('prepare s (int) as insert into u values ($1); execute s(1); execute s(2)')],
    ],
    [
      'EXECUTE by Parse',
      [
        Q('prepare s as insert into u values (1), (2)'),
        Q('prepare r as insert into u values (3), (4) returning a, b'),
        P('execute s'),
        DS(),
        B(),
        DP(),
        E('', 1),
        S(),
        P('execute r'),
        DS(),
        BF([], [1, 0]),
        DP(),
        E('', 1),
        S(),
      ],
    ],
    ['Bind alone, of EXPLAIN', [P('explain (costs off) insert into u values (1)'), B(), S()]],
    [
      'result formats for nothing',
      [P(PLAIN), BF(['1'], [1]), E(), S(), P(PLAIN), BF(['1'], [0, 1, 1]), DP(), E(), S()],
    ],
    ...[[], [0], [1], [1, 0, 1], [0, 0, 0]].map((formats): [string, Uint8Array[]] => [
      `result formats ${formats}`,
      [P(RETURNING, 'r'), BF(['1'], formats, { statement: 'r' }), DP(), E(), S(), DS('r'), S()],
    ]),
    ['too few result formats', [P(RETURNING), BF(['1'], [1, 0]), DP(), E(), S()]],
    ['too many result formats', [P(RETURNING), BF(['1'], [1, 0, 1, 0]), DP(), E(), S()]],
    [
      'too many of EXECUTE',
      [Q('prepare r as insert into u values (3) returning a'), P('execute r'), BF([], [1, 0]), E(), S()],
    ],
    ['one value too few', [P(PLAIN), BF([], []), E(), S()]],
    ['a format too many', [P(PLAIN), BF(['1'], [], { formats: [0, 0] }), E(), S()]],
    [
      'savepoints',
      [
        Q('begin'),
        Q('insert into u values (1)'),
        Q('savepoint s'),
        Q('insert into u select 1/0'),
        Q('insert into u values (2)'),
        Q('rollback to s'),
        Q('insert into u values (3) returning a'),
        Q('commit'),
      ],
    ],
    [
      'a portal that an error skips, and that runs behind the savepoint',
      [
        Q('begin'),
        P('insert into u values (1)'),
        B([], 'p'),
        S(),
        Q('savepoint s'),
        P('select nosuch'),
        E('p'),
        S(),
        Q('rollback to s'),
        E('p'),
        S(),
        Q('commit'),
      ],
    ],
    ['a statement closed', [P(PLAIN, 's'), CS('s'), B(['1'], '', 's'), E(), S()]],
    ['Flush', [P(RETURNING), H(), B(['1']), H(), DP(), H(), E(), H(), S()]],
  ])('%s', async (_what, messages) => {
    await alike(...messages);
  });

  test('values of any length, in any pieces', async () => {
    const long = 'x'.repeat(700_000);
    const text = 'insert into u (a, b) values (1, $1::text) returning a, b, a';
    for (const formats of [[], [0], [1], [1, 1, 1], [1, 1]]) {
      await alike(P(text), BF([long], formats), DP(), E(), S());
    }
    await alike(P('insert into u (a, b) values (1, $1::text)'), BF([long], [1, 1]), E(), S());
    await alike(P('insert into u (a, b) values (1, $1::text)'), BF([long], []), E(), S());
  });

  test('one byte at a time', async () => {
    const peer = await relayed(database.url, policyOf(options), 1);
    for (const byte of Buffer.concat([
      P(RETURNING),
      DS(),
      BF(['1'], [1, 0, 1]),
      DP(),
      E(),
      S(),
      Q(`insert into u values (1, repeat('x', 70000)) returning b`),
    ])) {
      peer.send(Uint8Array.of(byte));
    }
    await peer.received.until(() => peer.received.ready === 2);
    expect(peer.received.words()).toEqual([
      'ParseComplete',
      'ParameterDescription',
      'RowDescription',
      'BindComplete',
      'RowDescription',
      'DataRow',
      'CommandComplete:INSERT 0 1',
      'ReadyForQuery:I',
      'RowDescription',
      'DataRow',
      'CommandComplete:INSERT 0 1',
      'ReadyForQuery:I',
    ]);
    expect(peer.received.frames.at(-3)?.length).toBe(5 + 2 + 4 + 70_000);
    await peer.close();
  });
});

const REFUSED = 'ErrorResponse:42501';

describe('a new row that the filter refuses', () => {
  /** The same with a constraint of the table's own in PostgreSQL; the errors differ, nothing else. */
  test.each<[what: string, messages: (table: string) => readonly Uint8Array[]]>([
    ['a Query', (u) => [Q(`insert into ${u} values (1), (99)`), Q('select 1')]],
    ['behind a row that may, with RETURNING', (u) => [Q(`insert into ${u} values (1), (99) returning a`)]],
    ['several', (u) => [Q(`insert into ${u} values (1); insert into ${u} values (99); insert into ${u} values (2)`)]],
    [
      'in a transaction',
      (u) => [Q('begin'), Q(`insert into ${u} values (99)`), Q(`insert into ${u} values (1)`), Q('commit')],
    ],
    [
      'behind a savepoint',
      (u) => [
        Q('begin'),
        Q(`insert into ${u} values (1)`),
        Q('savepoint s'),
        Q(`insert into ${u} values (99) returning a`),
        Q('rollback to s'),
        Q(`insert into ${u} values (2)`),
        Q('commit'),
      ],
    ],
    [
      'UPDATE',
      (u) => [Q(`insert into ${u} values (80)`), Q(`update ${u} set a = a + 5`), Q(`update ${u} set a = a + 5`)],
    ],
    ['Parse to Sync', (u) => [P(`insert into ${u} values ($1::int)`), B(['99']), DP(), E('', 1), S()]],
    [
      'the middle of a pipeline',
      (u) => [
        P(`insert into ${u} values ($1::int)`, 's'),
        B(['1'], '', 's'),
        E(),
        B(['99'], '', 's'),
        E(),
        B(['2'], '', 's'),
        E(),
        P('select 1'),
        B(),
        E(),
        S(),
        B(['3'], '', 's'),
        E(),
        S(),
      ],
    ],
    [
      'EXECUTE',
      (u) => [
        Q(`prepare s (int) as insert into ${u} values ($1)`),
        Q('execute s(1)'),
        Q('execute s(99)'),
        Q('begin; execute s(99); commit'),
        Q('rollback'),
      ],
    ],
    [
      'EXECUTE by Parse',
      (u) => [
        Q(`prepare s (int) as insert into ${u} values ($1) returning a`),
        P('execute s(99)'),
        B(),
        DP(),
        E(),
        S(),
      ],
    ],
    [
      'EXPLAIN ANALYZE',
      (u) => [Q(`explain (analyze, costs off, timing off, summary off, buffers off) insert into ${u} values (99)`)],
    ],
    [
      'a portal that has failed',
      (u) => [
        Q('begin'),
        P(`insert into ${u} values (99)`),
        B([], 'p'),
        S(),
        Q('savepoint s'),
        E('p'),
        S(),
        Q('rollback to s'),
        E('p'),
        S(),
        Q('commit'),
      ],
    ],
  ])('%s', async (_what, messages) => {
    const [peer, server] = [await relayed(database.url, policyOf(options)), await direct(database.url)];
    const words = await ask(peer, ...messages('u'));
    const rows = await database.query('select a from u order by a');
    expect(words).toContain(REFUSED);
    const expected = await ask(server, ...messages('w'));
    expect(words.filter((word) => word !== REFUSED)).toEqual(expected.filter((word) => word !== 'ErrorResponse:23514'));
    expect(words.map((word) => word.split(':')[0])).toEqual(expected.map((word) => word.split(':')[0]));
    expect(rows).toEqual(await database.query('select a from w order by a'));
    await database.query('truncate w');
    expect(peer.faults).toEqual([]);
    await Promise.all([peer.close(), server.close()]);
  });

  test('is told as a refusal, and recorded as one', async () => {
    const peer = await relayed(database.url, policyOf(options));
    await ask(peer, Q('insert into u values (99)'));
    const [decision, outcome] = peer.records;
    expect(decision).toMatchObject({ kind: 'decision', effect: 'allow' });
    expect(outcome).toMatchObject({
      id: decision!.id,
      status: 'refused',
      sqlstate: '42501',
      reason: 'row-check',
      rule: 'roles/tester.yaml:9',
      changed: 0,
    });
    expect(Object.fromEntries(peer.received.errors()[0]!)).toEqual({
      S: 'ERROR',
      V: 'ERROR',
      C: '42501',
      M: 'new row violates row-level security policy for table "u"',
      D: `Decision ${decision!.id}, rule roles/tester.yaml:9.`,
    });
    await peer.close();
  });
});

test('a row whose check gives NULL is refused', async () => {
  const peer = await relayed(database.url, policyOf(options));
  expect(await ask(peer, Q('insert into u values (null)'))).toEqual([REFUSED, 'ReadyForQuery:I']);
  await peer.close();
});

describe("an error that only looks like the check's", () => {
  const text = `'x rowgate_check 0'::int`;
  test.each([
    ['in a statement without a check', `select (select '7 rowgate_check 0' where random() >= 0)::int`],
    ['that names no violation', `insert into u select (select '7 rowgate_check 1' where random() >= 0)::int`],
    ['from code of the database', 'insert into u select tell()'],
    [
      'of another SQLSTATE',
      `insert into u select (select '7 rowgate_check 0' where random() >= 0)::date - current_date`,
    ],
    ['at a Bind', `insert into u values (${text})`],
  ])('%s', async (what, sql) => {
    await database.query(
      `create or replace function tell() returns int volatile language plpgsql as $$ begin return ${text}; end $$`,
    );
    const peer = await relayed(database.url, policyOf(options));
    const bound = [
      P('insert into u values ($1::int)'),
      bind({
        portal: '',
        statement: '',
        formats: [],
        values: textValue('7 rowgate_check 0'),
        valueCount: 1,
        resultFormats: [],
      }),
      S(),
    ];
    await ask(peer, ...(what === 'at a Bind' ? bound : [Q(sql)]));
    expect(peer.received.errors()[0]?.get('C')).toMatch(/^22/);
    expect(peer.received.errors()[0]?.get('D')).toBeUndefined();
    expect(Buffer.concat(peer.received.bytes).includes('rowgate')).toBe(false);
    await peer.close();
  });
});

describe('where the column could not be taken out', () => {
  test.each([
    ['COPY', [Q('copy (insert into u values (1) returning a) to stdout')]],
    ['COPY by Parse', [P('copy (insert into u values (1) returning a) to stdout'), B(), E(), S()]],
  ])('%s is refused', async (_what, messages) => {
    const peer = await relayed(database.url, policyOf(options));
    expect(await ask(peer, ...messages)).toEqual(['ErrorResponse:0A000', 'ReadyForQuery:I']);
    expect(await database.query('select from u')).toEqual([]);
    await peer.close();
  });

  test('of EXECUTE in SQL of what Parse has prepared it is', async () => {
    const peer = await relayed(database.url, policyOf(options));
    await ask(peer, P('insert into u values ($1) returning a', 's', [23]), S());
    expect(await ask(peer, Q('execute s(1)'))).toEqual([
      'RowDescription',
      'DataRow',
      'CommandComplete:INSERT 0 1',
      'ReadyForQuery:I',
    ]);
    expect(await ask(peer, P('execute s(99)'), B(), E(), S())).toContain('ErrorResponse:42501');
    expect(await ask(peer, Q('execute s(99)'))).toContain('ErrorResponse:42501');
    expect(await database.query('select a from u')).toEqual([{ a: 1 }]);
    await database.query('delete from u');
    await peer.close();
  });

  test('the statement behind EXECUTE has changed since its columns were described', async () => {
    const peer = await relayed(database.url, policyOf(options));
    await ask(
      peer,
      Q('prepare s as insert into u values (1) returning a'),
      Q('begin'),
      P('execute s'),
      B([], 'p'),
      S(),
    );
    await ask(peer, Q('deallocate s'), Q('prepare s as select 1, 2'));
    expect(await ask(peer, E('p'), S())).toEqual(['ErrorResponse:0A000', 'ReadyForQuery:E']);
    expect(peer.received.errors().at(-1)?.get('M')).toBe('cached plan must not change result type');
    await peer.close();
  });
});

describe('a policy that begins or ceases to check', () => {
  test.each([
    ['begins', false, true],
    ['ceases', true, false],
  ])('%s', async (_what, before, after) => {
    const peer = await relayed(database.url, policyOf({ ...options, checks: before }));
    await ask(
      peer,
      P('insert into u values ($1::int)', 's'),
      DS('s'),
      P('insert into u values ($1::int) returning a', 'r'),
      DS('r'),
      S(),
    );
    peer.policy = policyOf({ ...options, checks: after });
    const run = [
      BF(['1'], [0, 0], { statement: 's' }),
      DP(),
      E('', 1),
      S(),
      BF(['2'], [0], { statement: 'r' }),
      DP(),
      E(),
      S(),
    ];
    expect(await ask(peer, ...run)).toEqual([
      'BindComplete',
      'NoData',
      'CommandComplete:INSERT 0 1',
      'ReadyForQuery:I',
      'BindComplete',
      'RowDescription',
      'DataRow',
      'CommandComplete:INSERT 0 1',
      'ReadyForQuery:I',
    ]);
    const high = await ask(peer, B(['99'], '', 's'), E(), S());
    expect(high).toEqual(
      after
        ? ['BindComplete', REFUSED, 'ReadyForQuery:I']
        : ['BindComplete', 'CommandComplete:INSERT 0 1', 'ReadyForQuery:I'],
    );
    expect(peer.faults).toEqual([]);
    await peer.close();
  });
});

test('rows that the client does not see count against no limit', async () => {
  const limits = { rowsPerStatement: 2, bytesPerStatement: 30 };
  const peer = await relayed(database.url, policyOf({ ...options, limits }));
  expect(await ask(peer, Q('insert into u select generate_series(1, 9)'))).toEqual([
    'CommandComplete:INSERT 0 9',
    'ReadyForQuery:I',
  ]);
  expect(await ask(peer, P('insert into u select generate_series(1, 9)'), B(), E(), S())).toContain(
    'CommandComplete:INSERT 0 9',
  );
  expect(await ask(peer, Q("insert into u values (1, 'twelve bytes') returning b"))).toContain('DataRow');
  expect(peer.records.at(-1)).toMatchObject({ kind: 'outcome', rows: 1, bytes: 2 + 4 + 12, changed: 1, status: 'ok' });
  expect(await ask(peer, Q('insert into u values (1), (2), (3) returning a'))).toContain('ErrorResponse:53400');
  expect(await database.query('select count(*)::int as n from u')).toEqual([{ n: 19 }]);
  await peer.close();
});
