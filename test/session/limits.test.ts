/** Tests limits on what one statement shows: the row over the limit is not forwarded, the client is told 53400, and the database keeps nothing of a statement that was reported as failed. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { OutcomeEntry } from '../../src/session/log-entries.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { grantOf } from './grants.ts';
import { B, CS, DP, E, H, P, Q, S } from './messages.ts';
import { ask } from './peer.ts';
import { type PolicyOptions, policyOf } from './policies.ts';
import { type RelayedPeer, relayed } from './relay.ts';

let database: FreshDatabase;
let options: PolicyOptions;
let peer: RelayedPeer;

beforeAll(async () => {
  database = await freshDatabase();
  await database.query('create table t (a int); create table big (a text); create table log (a int)');
  await database.query("insert into big select repeat('x', 1000) from generate_series(1, 20000)");
  const relations = [await grantOf(database, 't'), await grantOf(database, 'big'), await grantOf(database, 'log')];
  options = { relations, limits: { rowsPerStatement: 3 } };
});
afterAll(() => database.drop());
beforeEach(async () => {
  await database.query('truncate t, log; insert into t select generate_series(1, 10)');
  peer = await relayed(database.url, policyOf(options));
});
afterEach(async () => {
  expect(peer.faults).toEqual([]);
  await peer.close();
});

const rows = (words: readonly string[]) => words.filter((word) => word === 'DataRow').length;
const ends = (words: readonly string[]) => words.filter((word) => word !== 'DataRow' && word !== 'RowDescription');
const count = async (table: string) =>
  (await database.query<{ n: number }>(`select count(*)::int as n from ${table}`))[0]!.n;
const outcomes = () => peer.records.filter((entry): entry is OutcomeEntry => entry.kind === 'outcome');

describe('rows of a simple query', () => {
  test('as many as the limit pass, and the server was not asked for more than one above', async () => {
    expect(ends(await ask(peer, Q('select a from t where a <= 3')))).toEqual([
      'CommandComplete:SELECT 3',
      'ReadyForQuery:I',
    ]);
    expect(Buffer.concat(peer.sent).toString()).toContain('LIMIT 4');
  });

  test('one more: those within the limit, then 53400', async () => {
    const words = await ask(peer, Q('select a from t'));
    expect(rows(words)).toBe(3);
    expect(ends(words)).toEqual(['ErrorResponse:53400', 'ReadyForQuery:I']);
    expect(outcomes()).toMatchObject([
      { status: 'cut', rows: 3, sqlstate: '53400', limit: { name: 'rows_per_statement', used: 3, of: 3 } },
    ]);
  });

  test('in a transaction, it fails', async () => {
    await ask(peer, Q('begin'));
    expect(ends(await ask(peer, Q('select a from t')))).toEqual(['ErrorResponse:53400', 'ReadyForQuery:E']);
    expect(ends(await ask(peer, Q('select 1')))).toEqual(['ErrorResponse:25P02', 'ReadyForQuery:E']);
    expect(ends(await ask(peer, Q('rollback')))).toEqual(['CommandComplete:ROLLBACK', 'ReadyForQuery:I']);
  });

  test('where the text has no LIMIT of ours, the statement is cancelled', async () => {
    const words = await ask(peer, Q('select generate_series(1, 100000000) /*unbounded*/'));
    expect(rows(words)).toBe(3);
    expect(ends(words)).toEqual(['ErrorResponse:53400', 'ReadyForQuery:I']);
    expect(peer.cancels).toBe(1);
    expect(ends(await ask(peer, Q('select 1')))).toEqual(['CommandComplete:SELECT 1', 'ReadyForQuery:I']);
  });

  test('a statement that ended before the cancel came fails its transaction all the same', async () => {
    await ask(peer, Q('begin'));
    for (let round = 0; round < 20; round += 1) {
      await ask(peer, Q('savepoint s'));
      expect(ends(await ask(peer, Q('select generate_series(1, 5) /*unbounded*/')))).toEqual([
        'ErrorResponse:53400',
        'ReadyForQuery:E',
      ]);
      expect(ends(await ask(peer, Q('rollback to s')))).toEqual(['CommandComplete:ROLLBACK', 'ReadyForQuery:T']);
    }
  });
});

describe('writes', () => {
  test('INSERT … RETURNING over the limit keeps nothing', async () => {
    const words = await ask(peer, Q('insert into log select a from t returning a'));
    expect(rows(words)).toBe(3);
    expect(ends(words)).toEqual(['ErrorResponse:53400', 'ReadyForQuery:I']);
    expect(await count('log')).toBe(0);
  });

  test('within the limit it looks as without us', async () => {
    const words = await ask(peer, Q('insert into log values (1), (2) returning a'));
    expect(words).toEqual(['RowDescription', 'DataRow', 'DataRow', 'CommandComplete:INSERT 0 2', 'ReadyForQuery:I']);
    expect(await count('log')).toBe(2);
  });

  test('the same as prepared statement, with the Sync behind it', async () => {
    const words = await ask(peer, P('insert into log select a from t returning a'), B(), DP(), E(), S());
    expect(rows(words)).toBe(3);
    expect(ends(words)).toEqual(['ParseComplete', 'BindComplete', 'ErrorResponse:53400', 'ReadyForQuery:I']);
    expect(await count('log')).toBe(0);
  });

  test('a write before the read that goes over, in one batch, is undone', async () => {
    const write = [P('insert into log values (1)'), B(), E()];
    const words = await ask(peer, ...write, P('select a from t'), B(), DP(), E(), S());
    expect(ends(words).slice(-2)).toEqual(['ErrorResponse:53400', 'ReadyForQuery:I']);
    expect(await count('log')).toBe(0);
  });

  test('a write behind the read that goes over, in one batch, does not run', async () => {
    const write = [P('insert into log values (1)'), B(), E()];
    const words = await ask(peer, P('select a from t'), B(), DP(), E(), ...write, S());
    expect(ends(words)).toEqual(['ParseComplete', 'BindComplete', 'ErrorResponse:53400', 'ReadyForQuery:I']);
    expect(await count('log')).toBe(0);
  });
});

describe('several statements in one query', () => {
  test('a write behind the read that goes over is undone', async () => {
    const words = await ask(peer, Q('select a from t; insert into log values (1)'));
    expect(ends(words)).toEqual(['ErrorResponse:53400', 'ReadyForQuery:I']);
    expect(await count('log')).toBe(0);
  });

  test('a write before it, too', async () => {
    const words = await ask(peer, Q('insert into log values (1); select a from t; select 1'));
    expect(ends(words)).toEqual(['CommandComplete:INSERT 0 1', 'ErrorResponse:53400', 'ReadyForQuery:I']);
    expect(await count('log')).toBe(0);
  });

  test('within the limit it looks as without us', async () => {
    const words = await ask(peer, Q('insert into log values (1); select a from t where a < 3'));
    expect(words).toEqual([
      'CommandComplete:INSERT 0 1',
      'RowDescription',
      'DataRow',
      'DataRow',
      'CommandComplete:SELECT 2',
      'ReadyForQuery:I',
    ]);
    expect(await count('log')).toBe(1);
  });

  test('COMMIT behind it does not come to run', async () => {
    const words = await ask(peer, Q('begin; select a from t; insert into log values (1); commit'));
    expect(ends(words)).toEqual(['CommandComplete:BEGIN', 'ErrorResponse:53400', 'ReadyForQuery:E']);
    await ask(peer, Q('rollback'));
    expect(await count('log')).toBe(0);
  });

  test('transaction control behind what is outside of a block is refused by name', async () => {
    const words = await ask(peer, Q('insert into log values (1); begin; select a from t; commit'));
    expect(words).toEqual(['ErrorResponse:0A000', 'ReadyForQuery:I']);
    expect(await count('log')).toBe(0);
  });

  test('a BEGIN before it leaves a failed transaction', async () => {
    const words = await ask(peer, Q('begin; insert into log values (1); select a from t'));
    expect(ends(words)).toEqual([
      'CommandComplete:BEGIN',
      'CommandComplete:INSERT 0 1',
      'ErrorResponse:53400',
      'ReadyForQuery:E',
    ]);
    await ask(peer, Q('rollback'));
  });

  test('reads alone are not wrapped', async () => {
    expect(ends(await ask(peer, Q('select a from t; select 1')))).toEqual(['ErrorResponse:53400', 'ReadyForQuery:I']);
    expect(Buffer.concat(peer.sent).toString()).not.toContain('BEGIN');
  });
});

describe('the extended protocol', () => {
  test('a read and its Sync: 53400, and what is pipelined behind runs', async () => {
    const words = await ask(peer, P('select a from t'), B(), DP(), E(), S(), P('select 1'), B(), E(), S());
    expect(rows(words)).toBe(4);
    expect(ends(words)).toEqual([
      ...['ParseComplete', 'BindComplete', 'ErrorResponse:53400', 'ReadyForQuery:I'],
      ...['ParseComplete', 'BindComplete', 'CommandComplete:SELECT 1', 'ReadyForQuery:I'],
    ]);
  });

  test('of a read the Sync goes with it; where it calls what may write, once its rows have passed', async () => {
    for (const [text, waits] of [
      ['select a from t where a < 3', false],
      ['select a from t where a < 3 /*granted*/', true],
    ] as const) {
      await ask(peer, P(text, 's'), S());
      const before = peer.sent.length;
      await ask(peer, B([], '', 's'), E(), S());
      const sent = peer.sent.slice(before);
      expect(sent[0]!.includes(S()), text).toBe(!waits);
      expect(Buffer.concat(sent).includes(S())).toBe(true);
      await ask(peer, CS('s'), S());
    }
  });

  test('in a transaction, what is pipelined behind finds it failed', async () => {
    await ask(peer, Q('begin'));
    const words = await ask(peer, P('select a from t'), B(), E(), S(), P('select 1'), B(), E(), S());
    expect(ends(words)).toEqual([
      'ParseComplete',
      'BindComplete',
      'ErrorResponse:53400',
      'ReadyForQuery:E',
      'ErrorResponse:25P02',
      'ReadyForQuery:E',
    ]);
  });

  test('the limit is a parameter that the client does not see', async () => {
    expect(ends(await ask(peer, P('select a from t where a < $1'), B(['3']), DP(), E(), S()))).toContain(
      'CommandComplete:SELECT 2',
    );
    const sent = Buffer.concat(peer.sent).toString();
    expect(sent).toContain('LIMIT $2');
  });

  test('rows add up over the Executes of a portal', async () => {
    const words = await ask(peer, P('select a from t'), B([], 'p'), E('p', 2), E('p', 2), S());
    expect(rows(words)).toBe(3);
    expect(ends(words)).toEqual([
      'ParseComplete',
      'BindComplete',
      'PortalSuspended',
      'ErrorResponse:53400',
      'ReadyForQuery:I',
    ]);
  });

  test('… and over Syncs, in a transaction', async () => {
    await ask(peer, Q('begin'));
    expect(rows(await ask(peer, P('select a from t'), B([], 'p'), E('p', 2), S()))).toBe(2);
    const words = await ask(peer, E('p', 2), S());
    expect(rows(words)).toBe(1);
    expect(ends(words)).toEqual(['ErrorResponse:53400', 'ReadyForQuery:E']);
  });

  test('a Flush is enough to see the rows', async () => {
    peer.send(Buffer.concat([P('select a from t where a < 3'), B(), E(), H()]));
    await peer.received.until(() => peer.received.words().includes('CommandComplete:SELECT 2'));
    expect(await ask(peer, S())).toEqual(['ReadyForQuery:I']);
  });

  test('messages behind it without Sync or Flush are not waited for in vain', async () => {
    const more = [P('select 2', 'x'), B([], '', 'x'), E()];
    expect(ends(await ask(peer, P('select a from t where a < 3'), B(), E(), ...more, S())).at(-1)).toBe(
      'ReadyForQuery:I',
    );
  });
});

describe('cursors in SQL', () => {
  test('rows add up over the FETCHes', async () => {
    await ask(peer, Q('begin'), Q('declare c cursor for select a from t'));
    expect(rows(await ask(peer, Q('fetch 2 from c')))).toBe(2);
    const words = await ask(peer, Q('fetch 5 from c'));
    expect(rows(words)).toBe(1);
    expect(ends(words)).toEqual(['ErrorResponse:53400', 'ReadyForQuery:E']);
  });

  test('a FETCH in the message of its DECLARE counts as well', async () => {
    await ask(peer, Q('begin'));
    expect(rows(await ask(peer, Q('declare c cursor for select a from t; fetch 3 from c')))).toBe(3);
    expect(ends(await ask(peer, Q('fetch 1 from c')))).toEqual(['ErrorResponse:53400', 'ReadyForQuery:E']);
  });

  test('a portal is a cursor, and a cursor a portal', async () => {
    await ask(peer, Q('begin'), Q('declare c cursor for select a from t'));
    expect(rows(await ask(peer, E('c', 2), S()))).toBe(2);
    expect(rows(await ask(peer, Q('fetch 1 from c')))).toBe(1);
    expect(ends(await ask(peer, Q('fetch 1 from c')))).toEqual(['ErrorResponse:53400', 'ReadyForQuery:E']);
  });
});

test.each([
  ['Query', [Q('copy big to stdout')]],
  ['Execute', [P('copy big to stdout'), B(), E(), S()]],
])('COPY by %s is stopped at the limit of rows', async (_what, messages) => {
  const words = await ask(peer, ...messages);
  expect(words.filter((word) => word === 'CopyData')).toHaveLength(3);
  expect(words.slice(-2)).toEqual(['ErrorResponse:53400', 'ReadyForQuery:I']);
  expect(peer.cancels).toBe(1);
});

test('EXECUTE in SQL is metered, and a write by it undone', async () => {
  await ask(peer, Q('prepare i as insert into log select a from t returning a'));
  expect(ends(await ask(peer, Q('execute i')))).toEqual(['ErrorResponse:53400', 'ReadyForQuery:I']);
  expect(await count('log')).toBe(0);
});

describe('bytes', () => {
  beforeEach(() => {
    peer.policy = policyOf({ ...options, limits: { bytesPerStatement: 10_000 } });
  });

  test.each([
    ['a simple query', [Q('select a from big')]],
    ['an extended one', [P('select a from big'), B(), E(), S()]],
    ['COPY', [Q('copy big to stdout')]],
  ])('%s ends before the row that would pass', async (_what, messages) => {
    const words = await ask(peer, ...messages);
    const shown = peer.received.frames.filter((frame) => frame.type === 0x44 || frame.type === 0x64);
    const bytes = shown.reduce((sum, frame) => sum + frame.length - 5, 0);
    expect(bytes).toBeLessThanOrEqual(10_000);
    expect(bytes).toBeGreaterThan(8_900);
    expect(words.slice(-2)).toEqual(['ErrorResponse:53400', 'ReadyForQuery:I']);
    expect(ends(await ask(peer, Q('select 1')))).toEqual(['CommandComplete:SELECT 1', 'ReadyForQuery:I']);
  });

  test('many times in a row, the cancel never hits what comes next', async () => {
    for (let round = 0; round < 60; round += 1) {
      const words = await ask(peer, P('select a from big limit 100'), B(), E(), S(), P('select 1'), B(), E(), S());
      expect(ends(words).slice(2)).toEqual([
        ...['ErrorResponse:53400', 'ReadyForQuery:I'],
        ...['ParseComplete', 'BindComplete', 'CommandComplete:SELECT 1', 'ReadyForQuery:I'],
      ]);
    }
  });

  test('one huge row passes in pieces, or not at all', async () => {
    peer.policy = policyOf({ ...options, limits: { bytesPerStatement: 3_000_000 } });
    expect(await ask(peer, Q("select repeat('x', 2000000)"))).toContain('DataRow');
    expect(await ask(peer, Q("select repeat('x', 4000000)"))).toEqual([
      'RowDescription',
      'ErrorResponse:53400',
      'ReadyForQuery:I',
    ]);
  });
});

test("the principal's own limit holds where it is smaller", async () => {
  const policy = policyOf(options);
  peer.policy = { ...policy, principal: { ...policy.principal, limits: { rowsPerStatement: 1 } } };
  expect(rows(await ask(peer, Q('select a from t /*unbounded*/')))).toBe(1);
});

describe('the error names the line of the limit', () => {
  const detail = () => peer.received.errors().at(-1)?.get('D');
  const rules = { rowsPerStatement: 'roles/tester.yaml:8', bytesPerStatement: 'roles/tester.yaml:9' };
  const own = { rowsPerStatement: 'principals.yaml:5' };

  test.each([
    ['of rows', { rowsPerStatement: 3, rules }, {}, 'roles/tester.yaml:8'],
    ['of bytes', { rowsPerStatement: 3, bytesPerStatement: 5, rules }, {}, 'roles/tester.yaml:9'],
    ["the principal's own", { rowsPerStatement: 3, rules }, { rowsPerStatement: 1, rules: own }, 'principals.yaml:5'],
    [
      "the role's, which is smaller",
      { rowsPerStatement: 3, rules },
      { rowsPerStatement: 5, rules: own },
      rules.rowsPerStatement,
    ],
  ])('%s', async (_what, ofRole, ofPrincipal, rule) => {
    const policy = policyOf({ ...options, limits: ofRole });
    peer.policy = { ...policy, principal: { ...policy.principal, limits: ofPrincipal } };
    expect(ends(await ask(peer, Q('select a from t'))).at(-2)).toBe('ErrorResponse:53400');
    expect(detail()).toContain(`, rule ${rule}.`);
  });
});

test('an unrestricted role is metered, too', async () => {
  peer.policy = policyOf({ ...options, access: 'unrestricted' });
  const words = await ask(peer, Q('select a from t'));
  expect(rows(words)).toBe(3);
  expect(ends(words)).toEqual(['ErrorResponse:53400', 'ReadyForQuery:I']);
});

test('in observe mode nothing is cut off', async () => {
  peer.policy = policyOf({ ...options, mode: 'observe' });
  expect(rows(await ask(peer, Q('select a from t')))).toBe(10);
});

test.each(['begin', 'deallocate all'])(
  'EXECUTE in SQL of what was prepared by the protocol, and is no query, is refused by name: %s',
  async (sql) => {
    await ask(peer, P(sql, 'x'), S());
    expect(await ask(peer, Q('execute x'))).toEqual(['ErrorResponse:0A000', 'ReadyForQuery:I']);
  },
);
