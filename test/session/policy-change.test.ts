/** Tests a policy that changes while a session lives: statements prepared before are judged again before they next run. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { grantOf } from './grants.ts';
import { B, DP, DS, E, P, Q, S } from './messages.ts';
import { ask } from './peer.ts';
import { type PolicyOptions, policyOf } from './policies.ts';
import { type RelayedPeer, relayed } from './relay.ts';
import { numbered } from './token-persons.ts';

let database: FreshDatabase;
let options: PolicyOptions;
let peer: RelayedPeer;

beforeAll(async () => {
  database = await freshDatabase();
  await database.query('create table t (a int, b text)');
  await database.query("insert into t select i, 'b' || i from generate_series(1, 5) i");
  options = { relations: [await grantOf(database, 't')] };
});
afterAll(() => database.drop());
beforeEach(async () => {
  peer = await relayed(database.url, policyOf(options));
});
afterEach(async () => {
  expect(peer.faults).toEqual([]);
  await peer.close();
});

const refusing = () => policyOf({ ...options, alsoRefuse: 'from t' });
const filtering = () =>
  policyOf({ ...options, rewrite: (text) => text.replace('from t', 'from (select a, b from t where a < 3) t') });
const widening = () =>
  policyOf({ ...options, rewrite: (text) => text.replace('from t', 'from (select b as a, b from t) t') });

const bound = [B([], '', 's'), E(), S()];

describe('a prepared statement', () => {
  test('that stays as it is goes on, and its columns are verified again', async () => {
    await ask(peer, P('select a from t', 's'), DS('s'), S());
    await ask(peer, ...bound);
    peer.policy = policyOf(options);
    expect((await ask(peer, ...bound)).slice(-2)).toEqual(['CommandComplete:SELECT 5', 'ReadyForQuery:I']);
  });

  test('that is refused now is refused at its next Bind, and recorded', async () => {
    await ask(peer, P('select a from t', 's'), S());
    peer.policy = refusing();
    expect(await ask(peer, ...bound)).toEqual(['ErrorResponse:42501', 'ReadyForQuery:I']);
    expect(peer.records.at(-2)).toMatchObject({ kind: 'decision', effect: 'refuse' });
    expect(await ask(peer, DS('s'), S())).toEqual(['ErrorResponse:42501', 'ReadyForQuery:I']);
  });

  test.each([
    ['named', 's'],
    ['unnamed', ''],
  ])('that takes another form is prepared again, unseen by the client: %s', async (_what, name) => {
    await ask(peer, P('select a from t', name), DS(name), S());
    peer.policy = filtering();
    const again = [B([], '', name), E(), S()];
    const words = await ask(peer, ...again);
    expect(words).toEqual(['BindComplete', 'DataRow', 'DataRow', 'CommandComplete:SELECT 2', 'ReadyForQuery:I']);
    expect(await ask(peer, ...again)).toEqual(words);
  });

  test('… also at a Describe, and in a pipeline', async () => {
    await ask(peer, P('select a from t', 's'), S());
    peer.policy = filtering();
    const words = await ask(peer, DS('s'), B([], '', 's'), E(), S(), ...bound);
    expect(words.slice(0, 3)).toEqual(['ParameterDescription', 'RowDescription', 'BindComplete']);
    expect(words.filter((word) => word === 'CommandComplete:SELECT 2')).toHaveLength(2);
  });

  test.each([
    ['statement', [DS('s')]],
    ['portal', [B([], 'p', 's'), DP('p')]],
  ])('whose columns change after a Describe of the %s: 0A000, until it is prepared again', async (_what, described) => {
    await ask(peer, P('select a from t', 's'), ...described, S());
    peer.policy = widening();
    expect(await ask(peer, ...bound)).toEqual(['ErrorResponse:0A000', 'ReadyForQuery:I']);
    const fields = peer.received.errors().at(-1)!;
    expect([fields.get('M'), fields.get('R')]).toEqual([
      'cached plan must not change result type',
      'RevalidateCachedQuery',
    ]);
    expect(await ask(peer, ...bound)).toEqual(['ErrorResponse:0A000', 'ReadyForQuery:I']);
    expect((await ask(peer, P('select a from t', 's2'), B([], '', 's2'), E(), S())).at(-2)).toBe(
      'CommandComplete:SELECT 5',
    );
  });

  test('whose columns change before any Describe just runs', async () => {
    await ask(peer, P('select a from t', 's'), S());
    peer.policy = widening();
    expect(await ask(peer, ...bound)).toContain('CommandComplete:SELECT 5');
  });

  test('in a failed transaction it answers as PostgreSQL does', async () => {
    await ask(peer, P('select a from t', 's'), S());
    await ask(peer, Q('begin'));
    await ask(peer, Q('select 1/0'));
    peer.policy = filtering();
    expect(await ask(peer, ...bound)).toEqual(['ErrorResponse:25P02', 'ReadyForQuery:E']);
    await ask(peer, Q('rollback'));
    expect(await ask(peer, ...bound)).toContain('CommandComplete:SELECT 2');
  });

  test.each([
    ['rollback', [Q('begin')]],
    ['commit', [Q('begin')]],
    ['rollback to x', [Q('begin'), Q('savepoint x')]],
  ])('behind %s in the same batch as it, a failed transaction is over', async (end, before) => {
    await ask(peer, P('select a from t', 's'), P(end, 'end'), S());
    for (const message of before) await ask(peer, message);
    await ask(peer, Q('select 1/0'));
    peer.policy = filtering();
    const words = await ask(peer, B([], '', 'end'), E(), B([], 'p', 's'), E('p'), S());
    expect(words.at(-2)).toBe('CommandComplete:SELECT 2');
  });

  test('that can no longer be prepared shows the error of the server, and heals later', async () => {
    await ask(peer, P('select a from t', 's'), S());
    peer.policy = policyOf({ ...options, rewrite: (text) => text.replace('select a', 'select nosuch') });
    expect(await ask(peer, ...bound)).toEqual(['ErrorResponse:42703', 'ReadyForQuery:I']);
    peer.policy = filtering();
    expect(await ask(peer, ...bound)).toContain('CommandComplete:SELECT 2');
  });
});

test('an open portal is verified again, by what the server says of its columns', async () => {
  await ask(peer, Q('begin'), P('select a, b from t'), B([], 'p'), E('p', 1), S());
  const withheld = await grantOf(database, 't', ['b']);
  peer.policy = policyOf({ relations: [withheld] });
  expect(await ask(peer, E('p', 1), S())).toEqual(['ErrorResponse:42501', 'ReadyForQuery:E']);
});

describe('a statement prepared in SQL', () => {
  test('goes on where nothing changes for it', async () => {
    await ask(peer, Q('prepare x as select a from t'));
    peer.policy = policyOf(options);
    expect(await ask(peer, Q('execute x'))).toContain('CommandComplete:SELECT 5');
  });

  test('is refused where the role lost what it reads', async () => {
    await ask(peer, Q('prepare x as select a from t'));
    peer.policy = refusing();
    expect(await ask(peer, Q('execute x'))).toEqual(['ErrorResponse:42501', 'ReadyForQuery:I']);
  });

  test('is refused in words that drivers know where it would take another form', async () => {
    await ask(peer, Q('prepare x as select a from t'));
    peer.policy = filtering();
    expect(await ask(peer, Q('execute x'))).toEqual(['ErrorResponse:0A000', 'ReadyForQuery:I']);
    expect(await ask(peer, B([], '', 'x'), E(), S())).toEqual(['ErrorResponse:0A000', 'ReadyForQuery:I']);
  });
});

/** INVARIANT 254 */
test.each([
  ['limited', undefined],
  ['limited in more', { subjects: new Map() }],
])('what runs for no end user shows no row where each one is %s since', async (_what, limitsPerUser) => {
  const limited = (role: object) => ({ ...policyOf(options), role: { ...policyOf(options).role, ...role } });
  const other = await database.connect();
  if (limitsPerUser) peer.policy = limited({ limitsPerUser });
  const run = async (): Promise<readonly string[]> => {
    await other.query('begin; lock table t');
    const asked = ask(peer, Q('select a from t'));
    const waits = "select from pg_locks where not granted and relation = 't'::regclass";
    await expect.poll(async () => (await database.query(waits)).length).toBe(1);
    peer.policy = limited({ limitsPerUser: { ...limitsPerUser, rows: [] } });
    await other.query('commit');
    return asked;
  };
  expect(await run()).toEqual(['RowDescription', 'ErrorResponse:0A000', 'ReadyForQuery:I']);
  expect(await run()).toContain('CommandComplete:SELECT 5');
});

describe('an open portal', () => {
  const fetch = [Q('fetch 2 from p')];
  const declare = 'declare p cursor for select a from t';
  const opened: [string, Uint8Array[], Uint8Array[]][] = [
    ['a portal', [P('select a from t'), B([], 'p'), E('p', 2), S()], [E('p', 2), S()]],
    ['a FETCH from a portal', [P('select a from t'), B([], 'p'), E('p', 2), S()], fetch],
    ['a cursor', [Q(declare)], fetch],
    ['a cursor, by a portal of FETCH', [Q(declare)], [P('fetch 2 from p'), B(), E(), S()]],
    ['a cursor by a portal of DECLARE', [P(declare), B(), E(), S()], fetch],
    ['a cursor made beside others', [Q(`select a from t where a < 2; ${declare}`)], fetch],
    ['a cursor WITH HOLD', [Q('declare p cursor with hold for select a from t'), Q('commit'), Q('begin')], fetch],
  ];

  test.each(opened)('goes on where nothing changes for it: %s', async (_what, open, more) => {
    await ask(peer, Q('begin'), ...open);
    peer.policy = policyOf(options);
    expect((await ask(peer, ...more)).filter((word) => word === 'DataRow')).toHaveLength(2);
  });

  test.each(opened)('shows no row where the policy would open it otherwise: %s', async (_what, open, more) => {
    await ask(peer, Q('begin'), ...open);
    peer.policy = filtering();
    const words = await ask(peer, ...more);
    expect(words.slice(-2)).toEqual(['ErrorResponse:0A000', 'ReadyForQuery:E']);
    expect(words).not.toContain('DataRow');
    expect(peer.received.errors().at(-1)?.get('M')).toBe('the policy has changed what it may show');
    expect(peer.records.at(-2)).toMatchObject({ kind: 'decision', effect: 'refuse' });
  });

  test('that a message has made behind its token is its end user’s, and goes on where nothing changes', async () => {
    const own = 'select a from t where a <= :who';
    const limits = { rowsPerStatement: 100 };
    const policy = () => policyOf({ ...options, tokens: true, limits });
    const theirs = await relayed(database.url, policy(), Infinity, undefined, { persons: numbered(false) });
    await ask(theirs, Q(`begin; set local rowgate.token = '2'; declare p cursor with hold for ${own}; commit`));
    theirs.policy = policy();
    await ask(theirs, Q("set rowgate.token = '1'"));
    expect(await ask(theirs, Q('fetch all from p'))).toContain('ErrorResponse:28000');
    await ask(theirs, Q("set rowgate.token = '2'"));
    expect(await ask(theirs, Q('fetch all from p'))).toContain('CommandComplete:FETCH 2');
    theirs.policy = policyOf({ ...options, tokens: true, limits, rewrite: (text) => text.replaceAll('<=', '<') });
    expect(await ask(theirs, Q('fetch all from p'))).toContain('ErrorResponse:0A000');
    expect(theirs.faults).toEqual([]);
    await theirs.close();
  });

  test('that has not run is refused in words that drivers know', async () => {
    await ask(peer, Q('begin'), P('select a from t'), B([], 'p'), S());
    peer.policy = filtering();
    expect(await ask(peer, E('p'), S())).toEqual(['ErrorResponse:0A000', 'ReadyForQuery:E']);
    expect(peer.received.errors().at(-1)?.get('R')).toBe('RevalidateCachedQuery');
  });

  test.each([
    ['a portal', [P('select a from t where a < :school and a < $1'), B(['9'], 'p'), E('p', 1), S()]],
    ['a cursor', [Q('declare p cursor for select a from t where a < :school')]],
  ])('shows no row for another attribute of the principal: %s', async (_what, open) => {
    const school = (id: string) => policyOf({ ...options, attributes: { school: id } });
    peer.policy = school('4');
    await ask(peer, Q('begin'), ...open);
    peer.policy = school('4');
    expect(await ask(peer, Q('fetch 1 from p'))).toContain('DataRow');
    peer.policy = school('2');
    expect(await ask(peer, Q('fetch 1 from p'))).toEqual(['ErrorResponse:0A000', 'ReadyForQuery:E']);
  });

  test('goes on where another number of rows may be shown', async () => {
    const most = (rows: number) => policyOf({ ...options, limits: { rowsPerStatement: rows } });
    peer.policy = most(4);
    await ask(peer, Q('begin'), P('select a from t'), B([], 'p'), E('p', 1), S());
    peer.policy = most(3);
    expect(await ask(peer, E('p', 1), S())).toContain('DataRow');
  });

  test.each([
    ['a portal', [E('p', 2), S()]],
    ['a FETCH', [Q('fetch 2 from p')]],
  ])('is refused where the role lost what it reads: %s', async (_what, more) => {
    await ask(peer, Q('begin'));
    await ask(peer, P('select a from t'), B([], 'p'), E('p', 2), S());
    peer.policy = refusing();
    expect(await ask(peer, ...more)).toEqual(['ErrorResponse:42501', 'ReadyForQuery:E']);
  });
});

test('attributes are filled with the values of now', async () => {
  const school = (id: string) => policyOf({ ...options, attributes: { school: id } });
  peer.policy = school('2');
  await ask(peer, P('select a from t where a < :school and a < $1', 's'), S());
  const run = [B(['9'], '', 's'), E(), S()];
  expect(await ask(peer, ...run)).toContain('CommandComplete:SELECT 1');
  peer.policy = school('4');
  expect(await ask(peer, ...run)).toContain('CommandComplete:SELECT 3');
  expect(await ask(peer, Q('select a from t where a < :school'))).toContain('CommandComplete:SELECT 3');
});
