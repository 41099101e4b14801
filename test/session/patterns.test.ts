/** Tests LIKE patterns that are parameters: one that ends in a lone escape is refused at Bind, before it is compared with any row. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { bind, textValue } from '../../src/protocol/bind.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { B, DP, E, P, Q, S } from './messages.ts';
import { ask } from './peer.ts';
import { policyOf } from './policies.ts';
import { type RelayedPeer, relayed } from './relay.ts';

let database: FreshDatabase;
let peer: RelayedPeer;
beforeAll(async () => {
  database = await freshDatabase();
});
afterAll(() => database.drop());
beforeEach(async () => {
  peer = await relayed(database.url, policyOf());
  return () => peer.close();
});

const LIKE = "select 'x' like $1 /*pattern*/";
const NULL = Buffer.from([0xff, 0xff, 0xff, 0xff]);
const REFUSED = ['ErrorResponse:22025', 'ReadyForQuery:I'];
const ROW = ['DataRow', 'CommandComplete:SELECT 1', 'ReadyForQuery:I'];

const bound = (values: readonly Buffer[], formats: readonly number[] = []) =>
  bind({
    portal: '',
    statement: '',
    formats,
    values: Buffer.concat(values),
    valueCount: values.length,
    resultFormats: [],
  });

describe('by Bind', () => {
  test.each([
    ['a\\', true],
    ['\\', true],
    ['a\\\\', false],
    ['a\\\\\\', true],
    ['\\a', false],
    ['\\%', false],
    ['', false],
    ['é\\', true],
    ['a\\ ', false],
  ])('%j', async (pattern, refused) => {
    for (const formats of [[], [0], [1]]) {
      const answer = await ask(peer, P(LIKE, '', [25]), bound([textValue(pattern)], formats), E(), S());
      expect(answer.slice(1)).toEqual(refused ? REFUSED : ['BindComplete', ...ROW]);
    }
  });

  test('NULL is no pattern', async () => {
    expect(await ask(peer, P(LIKE, '', [25]), bound([NULL]), E(), S())).toContain('DataRow');
  });

  test("in PostgreSQL's words, and recorded as a decision", async () => {
    await ask(peer, P(LIKE, '', [25]), B(['a\\']), E(), S());
    const decision = peer.records.find((entry) => entry.kind === 'decision')!;
    expect(decision).toMatchObject({ effect: 'refuse', reason: 'pattern', sqlstate: '22025' });
    expect(peer.records.at(-1)).toMatchObject({ kind: 'outcome', id: decision.id, status: 'refused' });
    expect(Object.fromEntries(peer.received.errors()[0]!)).toMatchObject({
      C: '22025',
      M: 'LIKE pattern must not end with escape character',
      D: `Decision ${decision.id}.`,
    });
  });

  test('only what is a pattern is one', async () => {
    const text = "select 'x' like $1 /*pattern*/, $2::text";
    expect(await ask(peer, P(text, '', [25, 25]), B(['a', 'b\\']), E(), S())).toContain('DataRow');
    expect(await ask(peer, P(text, '', [25, 25]), B(['a\\', 'b']), E(), S())).toContain('ErrorResponse:22025');
  });

  test('a count of values that is wrong is the error that comes', async () => {
    expect(await ask(peer, P(LIKE, '', [25]), bound([]), E(), S())).toContain('ErrorResponse:08P01');
  });

  test('in a failed transaction that is the error', async () => {
    await ask(peer, Q('begin'), P(LIKE, 's', [25]), S(), Q('select nosuch'));
    const values = { values: textValue('a\\'), valueCount: 1, formats: [], resultFormats: [] };
    expect(await ask(peer, bind({ portal: '', statement: 's', ...values }), S())).toEqual([
      'ErrorResponse:25P02',
      'ReadyForQuery:E',
    ]);
  });

  test('the rest of the batch is skipped, and a statement by itself goes on', async () => {
    expect(
      await ask(
        peer,
        P(LIKE, 's', [25]),
        bind({ portal: '', statement: 's', formats: [], values: textValue('\\'), valueCount: 1, resultFormats: [] }),
        DP(),
        E(),
        P('select 1'),
        B(),
        E(),
        S(),
      ),
    ).toEqual(['ParseComplete', ...REFUSED]);
    expect(await ask(peer, P('select 1'), B(), E(), S())).toContain('DataRow');
  });

  test('one that begins in sight, and ends out of it, does not pass', async () => {
    const long = 'x'.repeat(300_000);
    for (const pattern of [long, `${long}\\`]) {
      const ready = peer.received.ready;
      const bytes = Buffer.concat([P(LIKE, '', [25]), B([pattern]), E(), S()]);
      for (let at = 0; at < bytes.length; at += 65_536) peer.send(bytes.subarray(at, at + 65_536));
      await peer.received.until(() => peer.received.ready > ready);
      expect(peer.received.words().at(-2)).toBe('ErrorResponse:54000');
    }
    const text = "select 'x' like $1 /*pattern*/, length($2::text)";
    expect(await ask(peer, P(text, '', [25, 25]), B(['a', long]), E(), S())).toContain('DataRow');
    expect(await ask(peer, P(text, '', [25, 25]), B(['a\\', long]), E(), S())).toContain('ErrorResponse:22025');
    expect(await ask(peer, Q('select 1'))).toContain('DataRow');
  });
});

describe('by EXECUTE', () => {
  test.each([
    [`'a\\'`, '22025'],
    [`'a\\\\'`, undefined],
    ['null', undefined],
    // Its value is not known in advance.
    [`'a'||'\\'`, '0A000'],
    [`1`, '0A000'],
  ])('%s', async (argument, sqlstate) => {
    await ask(peer, Q(`prepare s (text) as ${LIKE}`));
    for (const messages of [[Q(`execute s(${argument})`)], [P(`execute s(${argument})`), B(), E(), S()]]) {
      const answer = await ask(peer, ...messages);
      if (sqlstate === undefined) expect(answer).toContain('DataRow');
      else expect(answer).toContain(`ErrorResponse:${sqlstate}`);
    }
  });

  test('without the argument that is one, the server says so', async () => {
    await ask(peer, Q(`prepare s (text) as ${LIKE}`));
    expect(await ask(peer, Q('execute s'))).toContain('ErrorResponse:42601');
  });

  test('in the message that prepares it', async () => {
    expect(await ask(peer, Q(`prepare s (text) as ${LIKE}; execute s('a\\')`))).toEqual(REFUSED);
    expect(await ask(peer, Q(`prepare s (text) as ${LIKE}; execute s('a')`))).toContain('DataRow');
  });
});
