/** Tests cursors and portals: all fetches of one count as one statement for its limits, and the session forgets a cursor when the server has closed it. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Limits } from '../../src/policy/model/limits.ts';
import { bind } from '../../src/protocol/bind.ts';
import { Backend } from '../../src/protocol/message-types.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { B, CP, DP, E, P, Q, S } from './messages.ts';
import { ask, direct, type Peer } from './peer.ts';
import { policyOf } from './policies.ts';
import { type RelayedPeer, relayed } from './relay.ts';

let database: FreshDatabase;
beforeAll(async () => {
  database = await freshDatabase();
  // Opens a cursor under a name of the caller's choice: its query was never judged.
  await database.query(`create function opened(name text) returns refcursor language plpgsql as
    $$ declare c refcursor := name; begin open c for select 'hidden'; return c; end $$`);
});
afterAll(() => database.drop());

const limited = (limits: Limits = { rowsPerStatement: 5 }) => relayed(database.url, policyOf({ limits }));
const rows = (words: readonly string[]) => words.filter((word) => word === 'DataRow').length;
const errors = (words: readonly string[]) => words.filter((word) => word.startsWith('ErrorResponse'));
const declare = (options = '', n = 20) => Q(`declare c ${options} for select i from generate_series(1, ${n}) i`);

async function all(peer: Peer, ...messages: Uint8Array[]): Promise<string[]> {
  const words: string[] = [];
  for (const message of messages) words.push(...(await ask(peer, message)));
  return words;
}

describe('a cursor is one statement', () => {
  test('all its fetches together stay below the limit', async () => {
    const peer = await limited();
    const words = await all(
      peer,
      Q('begin'),
      declare('cursor'),
      Q('fetch 2 from c'),
      Q('fetch 3 from c'),
      Q('fetch 1 from c'),
    );
    expect([rows(words), errors(words)]).toEqual([5, ['ErrorResponse:53400']]);
    expect(words.at(-1)).toBe('ReadyForQuery:E');
    await peer.close();
  });

  test('WITH HOLD it is one still after COMMIT', async () => {
    const peer = await limited();
    const words = await all(
      peer,
      Q('begin'),
      declare('cursor with hold'),
      Q('fetch 4 from c'),
      Q('commit'),
      Q('fetch 1 from c'),
      Q('fetch 1 from c'),
      Q('select 1'),
      Q('fetch 1 from c'),
    );
    expect([rows(words), errors(words)]).toEqual([6, ['ErrorResponse:53400', 'ErrorResponse:53400']]);
    await peer.close();
  });

  test('rows shown again count again, rows passed over do not', async () => {
    const peer = await limited();
    const words = await all(
      peer,
      Q('begin'),
      declare('scroll cursor'),
      Q('move 10 in c'),
      Q('fetch backward 3 from c'),
      Q('fetch first from c'),
      Q('move last in c'),
      Q('fetch absolute 1 from c'),
      Q('fetch prior from c'),
      Q('fetch next from c'),
    );
    expect([rows(words), errors(words)]).toEqual([5, ['ErrorResponse:53400']]);
    await peer.close();
  });

  test('declared, fetched and closed in one message', async () => {
    const peer = await limited();
    const text = (n: number) =>
      `declare c cursor for select generate_series(1, 20); fetch ${n} from c; fetch 2 from c; close c`;
    await ask(peer, Q('begin'));
    expect(rows(await ask(peer, Q(text(3))))).toBe(5);
    const over = await ask(peer, Q(text(4)));
    expect(errors(over)).toEqual(['ErrorResponse:53400']);
    expect(rows(over)).toBe(5);
    await peer.close();
  });

  test('its bytes, binary ones too', async () => {
    const peer = await limited({ bytesPerStatement: 40 });
    const words = await all(peer, Q('begin'), declare('binary cursor'), Q('fetch 3 from c'), Q('fetch 3 from c'));
    expect(errors(words)).toEqual(['ErrorResponse:53400']);
    expect(rows(words)).toBe(4); // an int4 takes 10 of them
    await peer.close();
  });
});

describe('the session forgets a cursor whenever the server has ended it', () => {
  const known = async (peer: RelayedPeer) => errors(await ask(peer, Q('fetch 1 from c'))).length === 0;
  const h = declare('cursor with hold');
  const c = declare('cursor');

  test.each([
    ['COMMIT', [Q('begin'), c, Q('commit')], false],
    ['COMMIT, but for one WITH HOLD', [Q('begin'), h, Q('commit')], true],
    ['ROLLBACK', [Q('begin'), h, Q('rollback')], false],
    ['COMMIT of a failed transaction', [Q('begin'), h, Q('select 1/0'), Q('commit')], false],
    ['ROLLBACK of a later transaction leaves it', [Q('begin'), h, Q('commit'), Q('begin'), Q('rollback')], true],
    ['the end of a transaction without BEGIN', [h], true],
    ['an error in the same message', [Q('declare c cursor with hold for select 1; select 1/0')], false],
    ['ROLLBACK TO, made behind it', [Q('begin'), Q('savepoint s'), c, Q('rollback to s')], false],
    ['ROLLBACK TO, WITH HOLD', [Q('begin'), Q('savepoint s'), h, Q('rollback to s'), Q('commit')], false],
    ['ROLLBACK TO, made before it', [Q('begin'), c, Q('savepoint s'), Q('rollback to s')], true],
    ['ROLLBACK TO, made between two', [Q('begin'), Q('savepoint s'), c, Q('savepoint t'), Q('rollback to t')], true],
    ['ROLLBACK TO the outer of two', [Q('begin'), Q('savepoint s'), Q('savepoint t'), c, Q('rollback to s')], false],
    ['RELEASE leaves it', [Q('begin'), Q('savepoint s'), c, Q('release s')], true],
    [
      'ROLLBACK TO behind RELEASE',
      [Q('begin'), Q('savepoint s'), Q('savepoint t'), c, Q('release t'), Q('rollback to s')],
      false,
    ],
    ['the inner of two of one name', [Q('begin'), Q('savepoint s'), c, Q('savepoint s'), Q('rollback to s')], true],
    ['CLOSE', [Q('begin'), c, Q('close c')], false],
    ['CLOSE ALL', [h, Q('close all')], false],
    ['DISCARD ALL', [h, Q('discard all')], false],
    ['Close of the protocol', [h, CP('c'), S()], false],
    ['COMMIT and BEGIN in one message', [Q('begin'), c, Q('commit; begin')], false],
    ['COMMIT AND CHAIN', [Q('begin'), c, Q('commit and chain')], false],
  ] as const)('%s', async (_what, messages, stays) => {
    const [server, peer] = [
      await direct(database.url),
      await relayed(database.url, policyOf({ limits: { rowsPerStatement: 5 } })),
    ];
    for (const message of messages) {
      await all(server, message);
      await all(peer, message);
    }
    const fetch = await ask(server, Q('fetch 1 from c'));
    expect(errors(fetch).length === 0, 'in the server').toBe(stays);
    const sent = peer.sent.length;
    expect(await known(peer)).toBe(stays);
    // The name of an unknown cursor does not go upstream.
    if (!stays) expect(Buffer.concat(peer.sent.slice(sent)).includes('from c')).toBe(false);
    await server.close();
    await peer.close();
  });

  test.each([
    ['by Query', [Q('begin'), Q('savepoint s'), c, Q('rollback to s'), Q("select opened('c')"), Q('fetch 1 from c')]],
    ['in one message', [Q('begin'), Q('savepoint s'), c, Q("rollback to s; select opened('c'); fetch 1 from c")]],
    ['in one message, behind COMMIT', [Q('begin'), c, Q("commit; begin; select opened('c'); fetch 1 from c")]],
    [
      'by Execute, all in one batch',
      [Q('begin'), Q('savepoint s'), c, run('rollback to s'), run("select opened('c')"), run('fetch 1 from c'), S()],
    ],
    [
      'by Execute of the portal',
      [
        Q('begin'),
        Q('savepoint s'),
        P('select 1'),
        B([], 'c'),
        S(),
        run('rollback to s'),
        run("select opened('c')"),
        E('c'),
        S(),
      ],
    ],
    [
      'by Execute of the portal, all in one batch',
      [
        Q('begin'),
        Q('savepoint s'),
        P('select 1'),
        B([], 'c'),
        run('rollback to s'),
        run("select opened('c')"),
        E('c'),
        S(),
      ],
    ],
  ])('under its name nothing is read that a function opened: %s', async (_what, messages) => {
    const peer = await limited({ rowsPerStatement: 100 });
    const ready = messages.filter(([type]) => type === 0x51 || type === 0x53).length;
    peer.send(Buffer.concat(messages));
    await peer.received.until(() => peer.received.ready === ready);
    expect(Buffer.concat(peer.received.bytes).includes('hidden')).toBe(false);
    expect(errors(peer.received.words())).toHaveLength(1);
    expect(peer.faults).toEqual([]);
    await peer.close();
  });
});

function run(text: string): Buffer {
  return Buffer.concat([P(text), B(), E()]);
}

describe('a portal in several Executes', () => {
  const LIMIT = 5;
  /** The row limits of each Execute, for a result of that many rows. */
  const cases = [
    [LIMIT - 1, [1, 1, 1, 1, 1]],
    [LIMIT, [LIMIT, 1]],
    [LIMIT, [LIMIT + 1]],
    [LIMIT, [0]],
    [LIMIT, [LIMIT - 1, 1, 1]],
    [LIMIT, [2, 0, 1]],
    [0, [1, 1]],
  ] as const;

  test.each(['', 'p'])('below the limit the answers are those of PostgreSQL; portal "%s"', async (name) => {
    for (const [n, asked] of cases) {
      for (const text of [`select generate_series(1, ${n})`, `select generate_series(1, ${n}) /*unbounded*/`]) {
        const [server, peer] = [await direct(database.url), await limited()];
        const messages = [P(text), B([], name), DP(name), ...asked.map((most) => E(name, most)), S()];
        expect(await ask(peer, ...messages), `${n} rows by ${asked}`).toEqual(await ask(server, ...messages));
        await server.close();
        await peer.close();
      }
    }
  });

  test.each([[[0]], [[LIMIT]], [[LIMIT, 1]], [[LIMIT + 1]], [[LIMIT - 1, 1, 1]], [[1, 1, 1, 1, 1, 1]], [[2, 0]]])(
    'over it, by %j, so many rows pass as are allowed, whatever each asks for',
    async (asked) => {
      for (const text of ['select generate_series(1, 20)', 'select generate_series(1, 20) /*unbounded*/']) {
        const peer = await limited();
        const words = await ask(peer, P(text), B([], 'p'), ...asked.map((most) => E('p', most)), S());
        const total = asked.includes(0) ? 20 : asked.reduce((sum, most) => sum + most, 0);
        expect(rows(words)).toBe(Math.min(LIMIT, total));
        expect(errors(words)).toEqual(total > LIMIT ? ['ErrorResponse:53400'] : []);
        expect(words.at(-1)).toBe('ReadyForQuery:I');
        await peer.close();
      }
    },
  );

  test('a portal that is bound again is another statement', async () => {
    const peer = await limited();
    const once = [B([], '', 's'), E('', LIMIT)];
    const words = await ask(peer, P('select generate_series(1, 5)', 's'), ...once, ...once, ...once, S());
    expect([rows(words), errors(words)]).toEqual([15, []]);
    expect(peer.received.frames.filter(({ type }) => type === Backend.PortalSuspended)).toHaveLength(3);
    await peer.close();
  });
});

test('portals and cursors without end are not remembered without end', async () => {
  const peer = await relayed(database.url, policyOf({ access: 'unrestricted' }));
  await ask(peer, Q('begin'), P('select 1', 's'), S());
  const binds = Array.from({ length: 10_001 }, (_, at) => B([], `p${at}`, 's'));
  expect(errors(await ask(peer, ...binds, S()))).toEqual(['ErrorResponse:54000']);
  await ask(peer, Q('rollback'));
  const text = 'x'.repeat(900_000);
  const words: string[] = [];
  for (let i = 0; i < 11; i += 1)
    words.push(...(await ask(peer, Q(`declare c${i} cursor with hold for select '${text}'`))));
  expect(errors(words)).toEqual(['ErrorResponse:54000', 'ErrorResponse:54000']);
  await ask(peer, Q('close all'));
  expect(errors(await ask(peer, Q('declare c cursor with hold for select 1')))).toEqual([]);
  words.length = 0;
  for (let i = 0; i < 11; i += 1) words.push(...(await ask(peer, Q(`prepare s${i} as select '${text}'`))));
  expect(errors(words)).toEqual(['ErrorResponse:54000', 'ErrorResponse:54000']);
  await peer.close();
});

describe('what names keep beside texts is not remembered without end', () => {
  const many = (n: number, of: (at: number) => Uint8Array) => Array.from({ length: n }, (_, at) => of(at));
  const tooMany = async (messages: readonly Uint8Array[], ...before: Uint8Array[]) => {
    const peer = await relayed(database.url, policyOf({ access: 'unrestricted', tokens: true }));
    for (const message of before) await ask(peer, message, S());
    const words = await ask(peer, ...messages, S());
    await peer.close();
    return errors(words);
  };

  test('types that a Parse declares', async () => {
    const types = Array(60_000).fill(23);
    expect(await tooMany(many(20, (at) => P('select 1', `s${at}`, types)))).toEqual(['ErrorResponse:54000']);
  });

  test('of a statement that was closed, or made anew, too', async () => {
    const types = Array(60_000).fill(23);
    const messages = many(40, (at) => (at % 2 === 0 ? P('select 1', '', types) : B(Array(60_000).fill('1'), `p${at}`)));
    expect(await tooMany(messages)).toEqual(['ErrorResponse:54000']);
  });

  test('formats of columns', async () => {
    const columns = Array(1_600).fill('1').join();
    const every = { statement: 's', formats: [], values: Buffer.of(), valueCount: 0 };
    const binds = many(1_000, (at) => bind({ ...every, portal: `p${at}`, resultFormats: Array(1_600).fill(0) }));
    expect(await tooMany(binds, P(`select ${columns}`, 's'))).toEqual(['ErrorResponse:54000']);
  });
});

test('a portal of FETCH goes on counting where it began, and not behind another cursor of the name', async () => {
  const peer = await limited({ rowsPerStatement: 4 });
  await all(peer, Q('begin'), declare('cursor'));
  await ask(peer, P('fetch all from c'), B([], 'p'), E('p', 3), S());
  const words = await ask(peer, E('p', 3), S());
  expect([rows(words), errors(words)]).toEqual([1, ['ErrorResponse:53400']]);
  await all(peer, Q('rollback; begin'), declare('cursor'));
  await ask(peer, P('fetch all from c'), B([], 'p'), E('p', 3), S());
  await all(peer, Q('close c'), declare('cursor'));
  expect(await ask(peer, E('p', 3), S())).toEqual(['ErrorResponse:55000', 'ReadyForQuery:E']);
  await peer.close();
});

describe('a cursor closed after a statement that was cut off is closed', () => {
  test.each([
    ['outside of a transaction', []],
    ['in one', [Q('begin')]],
  ])('%s', async (_, before) => {
    const peer = await limited();
    await all(peer, Q('declare h cursor with hold for select i from generate_series(1, 20) i'), ...before);
    expect(errors(await ask(peer, Q('fetch 10 from h; close h')))).toEqual(['ErrorResponse:53400']);
    if (before.length > 0) await ask(peer, Q('rollback'));
    // The name is free in the server: a query that a function opens under it was never judged.
    await all(peer, Q('begin'), Q("select opened('h')"));
    const words = await ask(peer, Q('fetch 1 from h'));
    expect([rows(words), errors(words)]).toEqual([0, ['ErrorResponse:34000']]);
    await peer.close();
  });
});
