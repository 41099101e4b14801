/** Tests limits on COPY in both directions and protocols: rows over the limit are not forwarded or not kept, and the client is told 53400. */
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Limits } from '../../src/policy/model/limits.ts';
import { Backend } from '../../src/protocol/message-types.ts';
import { copyFail } from '../../src/protocol/simple-frontend.ts';
import type { OutcomeEntry } from '../../src/session/log-entries.ts';
import { type FreshDatabase, freshDatabase, serverVersion } from '../support/postgres.ts';
import { DATA, DONE, tuples } from './copy-data.ts';
import { B, E, P, Q, S } from './messages.ts';
import { ask, direct } from './peer.ts';
import { policyOf } from './policies.ts';
import { type RelayedPeer, relayed } from './relay.ts';

let database: FreshDatabase;
let peer: RelayedPeer | undefined;

beforeAll(async () => {
  database = await freshDatabase();
  await database.query('create table t (a int, b text); create table u (b text); create table wide (a text)');
  await database.query("insert into wide select repeat('x', 100000) from generate_series(1, 100)");
});
afterAll(() => database.drop());
beforeEach(() => database.query("truncate t, u; insert into t select i, 'line\n' || i from generate_series(1, 4) i"));
afterEach(async () => {
  expect(peer?.faults ?? []).toEqual([]);
  await peer?.close();
});

type Access = 'restricted' | 'unrestricted';

const open = async (access: Access, limits: Limits): Promise<RelayedPeer> => {
  peer = await relayed(database.url, policyOf({ access, limits }));
  return peer;
};

/** Sends, waits for that number of ReadyForQuery, and gives the answers without the messages of rows. */
async function say(to: RelayedPeer, messages: readonly Uint8Array[], ready: number): Promise<string[]> {
  const { received } = to;
  const [from, wanted] = [received.frames.length, received.ready + ready];
  to.send(Buffer.concat(messages));
  await received.until(() => received.ready >= wanted);
  return received.words().slice(from);
}

const shown = (to: RelayedPeer): number => to.received.frames.filter((f) => f.type === Backend.CopyData).length;
const ends = (words: readonly string[]) => words.filter((w) => w !== 'CopyData' && w !== 'CopyDone');
const outcomes = (to: RelayedPeer) => to.records.filter((r): r is OutcomeEntry => r.kind === 'outcome');
const kept = async () => (await database.query<{ n: number }>('select count(*)::int n from u'))[0]!.n;

const simple = (sql: string) => [Q(sql)];
const extended = (sql: string) => [P(sql), B(), E(), S()];

describe.each(['restricted', 'unrestricted'] as const)('to the client, %s', (access) => {
  describe.each([
    ['Query', simple, []],
    ['Execute', extended, ['ParseComplete', 'BindComplete']],
  ] as const)('by %s', (_, message, before) => {
    // Four rows; a line of names and binary's trailer are messages, but no rows.
    test.each([
      ['text', 'copy t to stdout', 4],
      ['CSV with line breaks in quotes and names', 'copy t to stdout with csv header', 5],
      ['binary', 'copy t to stdout with binary', 5],
    ])('%s: exactly the limit of rows passes, one less does not', async (_, sql, messages) => {
      const fits = await open(access, { rowsPerStatement: 4 });
      expect(ends(await say(fits, message(sql), 1))).toEqual([
        ...before,
        'CopyOutResponse',
        'CommandComplete:COPY 4',
        'ReadyForQuery:I',
      ]);
      expect(shown(fits)).toBe(messages);
      expect(outcomes(fits)).toMatchObject([{ status: 'ok', rows: 4 }]);
      await fits.close();

      const over = await open(access, { rowsPerStatement: 3 });
      const words = await say(over, message(sql), 1);
      expect(ends(words)).toEqual([...before, 'CopyOutResponse', 'ErrorResponse:53400', 'ReadyForQuery:I']);
      expect(words).not.toContain('CopyDone');
      expect(shown(over)).toBe(sql.includes('header') ? 4 : 3);
      expect(outcomes(over)).toMatchObject([
        { status: 'cut', rows: 3, limit: { name: 'rows_per_statement', used: 3, of: 3 } },
      ]);
      expect(ends(await say(over, message(`${sql} /* again */`), 1)).slice(-2)).toEqual([
        'ErrorResponse:53400',
        'ReadyForQuery:I',
      ]);
    });

    test('binary without rows is no row', async () => {
      await database.query('truncate t');
      const words = await say(await open(access, { rowsPerStatement: 0 }), message('copy t to stdout with binary'), 1);
      expect(ends(words)).toContain('CommandComplete:COPY 0');
    });

    // Tuples as long as header and trailer, and as the trailer alone, that end as it does.
    test.each([
      ['of 21 bytes', "select 1, '\\xffffffffffffff'::bytea from generate_series(1, 5)"],
      ['of 2 bytes', 'select from generate_series(1, 5)'],
    ])('binary tuples %s are rows', async (_, query) => {
      const over = await open(access, { rowsPerStatement: 3 });
      const words = await say(over, message(`copy (${query}) to stdout with binary`), 1);
      expect(ends(words).slice(-2)).toEqual(['ErrorResponse:53400', 'ReadyForQuery:I']);
      expect(shown(over)).toBe(3);
    });

    test('bytes: exactly the limit passes, one less does not', async () => {
      const sql = 'copy t to stdout';
      const bytes = 'N\tline\\nN\n'.length * 4;
      expect(ends(await say(await open(access, { bytesPerStatement: bytes }), message(sql), 1))).toContain(
        'CommandComplete:COPY 4',
      );
      await peer?.close();
      const over = await open(access, { bytesPerStatement: bytes - 1 });
      expect(ends(await say(over, message(sql), 1)).slice(-2)).toEqual(['ErrorResponse:53400', 'ReadyForQuery:I']);
      expect(shown(over)).toBe(3);
    });

    test('rows that come in pieces: the one that would pass is not begun', async () => {
      const over = await open(access, { bytesPerStatement: 250_000 });
      const words = await say(over, message('copy wide to stdout'), 1);
      expect(ends(words).slice(-2)).toEqual(['ErrorResponse:53400', 'ReadyForQuery:I']);
      expect(shown(over)).toBe(2);
      expect(ends(await say(over, simple('select 1'), 1))).toContain('CommandComplete:SELECT 1');
    });
  });

  test('in a transaction it fails, and one before it is undone', async () => {
    const over = await open(access, { rowsPerStatement: 3 });
    await say(over, [Q("begin; insert into u values ('x')")], 1);
    expect(ends(await say(over, simple('copy t to stdout'), 1)).slice(-2)).toEqual([
      'ErrorResponse:53400',
      'ReadyForQuery:E',
    ]);
    expect(ends(await say(over, simple('commit'), 1))).toEqual(['CommandComplete:ROLLBACK', 'ReadyForQuery:I']);
    expect(await kept()).toBe(0);
  });

  test.each([
    ['bounded', 'select i from generate_series(1, 4) i'],
    ['cancelled', 'select i from generate_series(1, 4) i /*unbounded*/'],
  ])('a COPY from the client behind what was cut off, %s, gets no data and keeps none', async (_, query) => {
    const over = await open(access, { rowsPerStatement: 3 });
    for (const before of [[], [Q('begin')]]) {
      if (before.length > 0) await say(over, before, 1);
      const words = await say(over, [Q(`${query}; copy u from stdin`)], 1);
      expect(words.slice(-2)).toEqual(['ErrorResponse:53400', `ReadyForQuery:${before.length > 0 ? 'E' : 'I'}`]);
      expect(words).not.toContain('CopyInResponse');
    }
    expect(outcomes(over).map(({ status }) => status)).toEqual(['cut', 'skipped', 'ok', 'cut', 'skipped']);
    expect(await kept()).toBe(0);
  });

  test('several in one message: a write behind it is undone', async () => {
    const over = await open(access, { rowsPerStatement: 3 });
    const words = await say(over, simple("copy t to stdout; insert into u values ('x')"), 1);
    expect(ends(words).slice(-2)).toEqual(['ErrorResponse:53400', 'ReadyForQuery:I']);
    expect(await kept()).toBe(0);
  });
});

const COPY_IN = 'copy u from stdin';

describe.each(['restricted', 'unrestricted'] as const)('from the client, %s', (access) => {
  describe.each([
    ['Query', (sql: string, data: Uint8Array[]) => [Q(sql), ...data, DONE]],
    ['Execute', (sql: string, data: Uint8Array[]) => [P(sql), B(), E(), ...data, DONE, S()]],
  ] as const)('by %s', (_, message) => {
    const last = (words: readonly string[]) => words.slice(-2);
    const FITS = ['CommandComplete:COPY 3', 'ReadyForQuery:I'];
    const OVER = ['ErrorResponse:53400', 'ReadyForQuery:I'];

    test.each([
      ['text', COPY_IN, ['a\n', 'b\\\nc\n', 'd\n']],
      ['text whose last line has no end', COPY_IN, ['a\nb\nc']],
      ['text cut in the middle of lines', COPY_IN, ['a', '\nb', '\r', '\nc'].map((s) => s.replace('\r', ''))],
      ['CSV with line breaks in quotes', `${COPY_IN} csv`, ['"a\n\n\nb"\n', 'c\n"', '\n\n"\n']],
      ['CSV with names', `${COPY_IN} csv header`, ['b\na\nb\nc\n']],
      ['binary', `${COPY_IN} binary`, [tuples([['a\n\n\n\n'], [null], ['c']])]],
    ])('%s: as many rows as may change pass, one less and nothing is kept', async (_, sql, data) => {
      const messages = message(sql, data.map(DATA));
      expect(last(await say(await open(access, { changedPerStatement: 3 }), messages, 1))).toEqual(FITS);
      expect(outcomes(peer!)).toMatchObject([{ status: 'ok', changed: 3 }]);
      expect(await kept()).toBe(3);
      await peer!.close();
      await database.query('truncate u');

      const over = await open(access, { changedPerStatement: 2 });
      const words = await say(over, messages, 1);
      expect(last(words)).toEqual(OVER);
      expect(words).not.toContain('CommandComplete:COPY 3');
      expect(await kept()).toBe(0);
      expect(outcomes(over)).toMatchObject([
        { status: 'cut', changed: 0, sqlstate: '53400', limit: { name: 'changed_per_statement', of: 2 } },
      ]);
      expect(over.cancels).toBe(0);
      expect(last(await say(over, [Q('select 1')], 1))).toEqual(['CommandComplete:SELECT 1', 'ReadyForQuery:I']);
    });

    test('bytes of data: exactly the limit passes, one less and nothing is kept', async () => {
      const messages = message(COPY_IN, [DATA('a\n'), DATA('b\n'), DATA('c\n')]);
      expect(last(await say(await open(access, { bytesPerStatement: 6 }), messages, 1))).toEqual(FITS);
      await peer!.close();
      await database.query('truncate u');
      expect(last(await say(await open(access, { bytesPerStatement: 5 }), messages, 1))).toEqual(OVER);
      expect(await kept()).toBe(0);
    });

    test('one long message is stopped at its head where it has too many bytes', async () => {
      const over = await open(access, { bytesPerStatement: 100_000 });
      expect(last(await say(over, message(COPY_IN, [DATA(`${'x'.repeat(300_000)}\n`)]), 1))).toEqual(OVER);
      expect(Buffer.concat(over.sent).length).toBeLessThan(10_000);
      expect(await kept()).toBe(0);
    });

    test('a long message passes to its end where it has too many rows', async () => {
      const over = await open(access, { changedPerStatement: 2 });
      const data = [DATA(`${'x'.repeat(100_000)}\n`.repeat(3)), DATA('y\n')];
      const all = Buffer.concat(message(COPY_IN, data));
      for (let at = 0; at < all.length; at += 60_000) over.send(all.subarray(at, at + 60_000));
      await over.received.until(() => over.received.ready >= 1);
      expect(last(over.received.words())).toEqual(OVER);
      expect(await kept()).toBe(0);
      expect(last(await say(over, [Q('select 1')], 1))).toEqual(['CommandComplete:SELECT 1', 'ReadyForQuery:I']);
    });

    test('an error that the server found in the data before the limit is the one that is told', async () => {
      const over = await open(access, { changedPerStatement: 2 });
      const data = [DATA('x\n'), DATA('1\n2\n3\n')];
      expect(last(await say(over, message('copy t (a) from stdin', data), 1))).toEqual([
        'ErrorResponse:22P02',
        'ReadyForQuery:I',
      ]);
      expect(Buffer.concat(over.sent).toString()).toContain('rowgate_01TEST');
      expect(outcomes(over)).toMatchObject([{ status: 'error', sqlstate: '22P02' }]);
      expect(last(await say(over, [Q('select 1')], 1))).toEqual(['CommandComplete:SELECT 1', 'ReadyForQuery:I']);
    });

    test('in a transaction it fails, and what was written before it is undone', async () => {
      const over = await open(access, { changedPerStatement: 1 });
      await say(over, [Q("begin; insert into u values ('x')")], 1);
      expect(last(await say(over, message(COPY_IN, [DATA('a\nb\n')]), 1))).toEqual([
        'ErrorResponse:53400',
        'ReadyForQuery:E',
      ]);
      expect(last(await say(over, [Q('commit')], 1))).toEqual(['CommandComplete:ROLLBACK', 'ReadyForQuery:I']);
      expect(await kept()).toBe(0);
    });

    test('a CopyFail of the client’s is the client’s', async () => {
      const limited = await open(access, { changedPerStatement: 1 });
      const words = await say(
        limited,
        message(COPY_IN, [DATA('a\n')]).map((bytes) => (bytes === DONE ? copyFail('no more') : bytes)),
        1,
      );
      expect(last(words)).toEqual(['ErrorResponse:57014', 'ReadyForQuery:I']);
      expect(outcomes(limited)).toMatchObject([{ status: 'error', sqlstate: '57014' }]);
    });
  });

  test('two in one message, the second over: the first is undone as well', async () => {
    const over = await open(access, { changedPerStatement: 1 });
    const words = await say(over, [Q(`${COPY_IN}; ${COPY_IN}`), DATA('a\n'), DONE, DATA('b\nc\n'), DONE], 1);
    expect(words.filter((word) => /^(Command|Error)/.test(word))).toEqual([
      'CommandComplete:COPY 1',
      'ErrorResponse:53400',
    ]);
    expect(await kept()).toBe(0);
  });

  test('in a transaction of one message', async () => {
    const limited = await open(access, { changedPerStatement: 1 });
    const words = await say(
      limited,
      [Q(`begin; ${COPY_IN}; ${COPY_IN}; commit`), DATA('a\n'), DONE, DATA('b\n'), DONE],
      1,
    );
    expect(words).toEqual([
      'CommandComplete:BEGIN',
      'CopyInResponse',
      'CommandComplete:COPY 1',
      'CopyInResponse',
      'CommandComplete:COPY 1',
      'CommandComplete:COMMIT',
      'ReadyForQuery:I',
    ]);
    expect(await kept()).toBe(2);
    const over = await say(
      limited,
      [Q(`begin; ${COPY_IN}; ${COPY_IN}; commit`), DATA('a\n'), DONE, DATA('b\nc\n'), DONE],
      1,
    );
    expect(over.slice(-2)).toEqual(['ErrorResponse:53400', 'ReadyForQuery:E']);
    expect(ends(await say(limited, [Q('rollback')], 1))).toEqual(['CommandComplete:ROLLBACK', 'ReadyForQuery:I']);
    expect(await kept()).toBe(2);
  });

  test('in pieces of one byte from the server, it is the same', async () => {
    peer = await relayed(database.url, policyOf({ access, limits: { changedPerStatement: 1 } }), 1);
    const words = await say(peer, [Q(COPY_IN), DATA('a\nb\n'), DONE], 1);
    expect(words).toEqual(['CopyInResponse', 'ErrorResponse:53400', 'ReadyForQuery:I']);
    expect(await kept()).toBe(0);
  });
});

test('random data, cut anywhere, never keeps more than may change', async () => {
  const piece = fc.constantFrom('a', 'b', '\n', '\n', '\r\n', '\\', '.', '"', '\\N', '\\.\n');
  const pieces = fc.array(
    fc.array(piece, { maxLength: 6 }).map((parts) => DATA(parts.join(''))),
    { maxLength: 5 },
  );
  const server = await direct(database.url);
  const sent = (sql: string, data: readonly Uint8Array[], byExecute: boolean) =>
    byExecute ? [P(sql), B(), E(), ...data, DONE, S()] : [Q(sql), ...data, DONE];
  const came: Record<string, number> = {};
  for (const changedPerStatement of [0, 1, 3]) {
    const limited = await open('restricted', { changedPerStatement });
    await fc.assert(
      fc.asyncProperty(pieces, fc.boolean(), fc.constantFrom('', ' csv'), async (data, byExecute, form) => {
        const messages = sent(`${COPY_IN}${form}`, data, byExecute);
        await database.query('truncate u');
        const expected = (await ask(server, ...messages)).at(-2)!;
        await database.query('truncate u');
        const word = (await say(limited, messages, 1)).at(-2)!;
        const rows = Number(/COPY (\d+)/.exec(expected)?.[1] ?? Infinity);
        // Data that the server would not take may have been too much before it was found out.
        if (word !== expected) expect(word).toBe('ErrorResponse:53400');
        expect(await kept()).toBe(word === expected && rows !== Infinity ? rows : 0);
        const isOver = rows > changedPerStatement;
        // Before version 18 more of what begins with `\.` ends the data, and the server leaves out what is counted here.
        if (rows !== Infinity && (isOver || serverVersion() >= 18)) expect(isOver).toBe(word !== expected);
        const what = word.startsWith('Error') ? word : 'kept';
        came[what] = (came[what] ?? 0) + 1;
      }),
      { numRuns: 60 },
    );
    expect(limited.faults).toEqual([]);
    await limited.close();
  }
  await server.close();
  expect(came.kept).toBeGreaterThan(10);
  expect(came['ErrorResponse:53400']).toBeGreaterThan(10);
});

test('the server’s own count decides, where data was written to be miscounted', async () => {
  // A judgement that takes the data for one quoted field.
  const policy = policyOf({ limits: { changedPerStatement: 2 } });
  const misread = {
    ...policy,
    judge: (sql: string) => {
      const judgement = policy.judge(sql);
      const kind = { kind: 'copy-in', format: { kind: 'csv', header: false, quote: 0x61, escape: 0x61 } } as const;
      return {
        ...judgement,
        statements: judgement.statements.map((s) => (s.kind.kind === 'copy-in' ? { ...s, kind } : s)),
      };
    },
  };
  for (const messages of [
    [Q(COPY_IN), DATA('a\nb\nc\nd\n'), DONE],
    [P(COPY_IN), B(), E(), DATA('a\nb\nc\nd\n'), DONE, S()],
  ]) {
    peer = await relayed(database.url, misread);
    const words = await say(peer, messages, 1);
    expect(words.slice(-2)).toEqual(['ErrorResponse:53400', 'ReadyForQuery:I']);
    expect(await kept()).toBe(0);
    expect(ends(await say(peer, [Q('select 1')], 1))).toContain('CommandComplete:SELECT 1');
    expect(peer.faults).toEqual([]);
    await peer.close();
  }
});

test('in observe mode nothing is cut, and all is counted', async () => {
  peer = await relayed(
    database.url,
    policyOf({ mode: 'observe', limits: { changedPerStatement: 1, rowsPerStatement: 1, bytesPerStatement: 1 } }),
  );
  expect(await say(peer, [Q(COPY_IN), DATA('a\nb\n'), DONE], 1)).toContain('CommandComplete:COPY 2');
  expect(await say(peer, [Q('copy u to stdout')], 1)).toContain('CommandComplete:COPY 2');
  expect(outcomes(peer)).toMatchObject([
    { status: 'ok', changed: 2, bytes: 4 },
    { status: 'ok', rows: 2, bytes: 4 },
  ]);
});
