/** Tests what a session charges to its budget (before a statement, for each row, for changed rows), and what happens when the budget answers late or refuses. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { decodeErrorFields } from '../../src/protocol/error-response.ts';
import { Backend } from '../../src/protocol/message-types.ts';
import { terminate } from '../../src/protocol/simple-frontend.ts';
import type { DecisionEntry, OutcomeEntry } from '../../src/session/log-entries.ts';
import { eventually } from '../proxy/support.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { grantOf } from './grants.ts';
import { type BudgetOptions, LateBudget, perHour } from './late-budget.ts';
import { B, D, DONE, DP, E, H, P, Q, S } from './messages.ts';
import { ask } from './peer.ts';
import { type PolicyOptions, policyOf } from './policies.ts';
import { type RelayedPeer, relayed } from './relay.ts';

let database: FreshDatabase;
let granted: PolicyOptions;
let peer: RelayedPeer;
let budget: LateBudget;

const LIMITS = { rows: perHour, changed: perHour };

beforeAll(async () => {
  database = await freshDatabase();
  await database.query('create table t (a int); create table u (a int); insert into t select generate_series(1, 10)');
  granted = { relations: [await grantOf(database, 't'), await grantOf(database, 'u')], limits: LIMITS };
});
afterAll(() => database.drop());
beforeEach(() => database.query('truncate u'));
afterEach(async () => {
  expect(peer.faults).toEqual([]);
  await peer.close();
});

async function open(options: BudgetOptions = {}, more: PolicyOptions = {}, plans = false): Promise<void> {
  const make = (wake: () => void) => {
    budget = new LateBudget(wake, options, plans);
    return budget;
  };
  peer = await relayed(database.url, policyOf({ ...granted, ...more }), Infinity, make);
}

const rows = (words: readonly string[]) => words.filter((word) => word === 'DataRow').length;
const ends = (words: readonly string[]) => words.filter((word) => word !== 'DataRow' && word !== 'RowDescription');
const decisions = () => peer.records.filter((entry): entry is DecisionEntry => entry.kind === 'decision');
const outcomes = () => peer.records.filter((entry): entry is OutcomeEntry => entry.kind === 'outcome');
const count = async () => (await database.query<{ n: number }>('select count(*)::int as n from u'))[0]!.n;
const sent = () => Buffer.concat(peer.sent).toString();
const turns = async (n = 5) => {
  for (let i = 0; i < n; i += 1) await new Promise((resolve) => setImmediate(resolve));
};

describe('a statement', () => {
  test('that is refused was not sent, and the decision says which limit', async () => {
    await open({ statements: 1 });
    expect(ends(await ask(peer, Q('select a from t where a < 3')))).toEqual([
      'CommandComplete:SELECT 2',
      'ReadyForQuery:I',
    ]);
    expect(ends(await ask(peer, Q('select a from u')))).toEqual(['ErrorResponse:53400', 'ReadyForQuery:I']);
    expect(sent()).not.toContain('select a from u');
    expect(decisions()[1]).toMatchObject({ effect: 'refuse', reason: 'limit-window', limit: { used: 1, of: 1 } });
    expect(budget.events).toEqual(['overrun']);
  });

  test('of a principal that is locked out: the decision says so, and it counts as nothing more', async () => {
    await open({ locked: true });
    expect(ends(await ask(peer, P('select 1'), B(), E(), S()))).toEqual([
      'ParseComplete',
      'BindComplete',
      'ErrorResponse:28000',
      'ReadyForQuery:I',
    ]);
    expect(decisions()).toMatchObject([{ effect: 'lock', reason: 'locked', sqlstate: '28000' }]);
    expect(budget.events).toEqual([]);
  });

  test('is asked for once, in either protocol, by FETCH and EXECUTE too; what ends something is not', async () => {
    await open();
    await ask(peer, Q('begin'), Q('declare c cursor for select a from t'), Q('fetch 2 from c'), Q('fetch 3 from c'));
    await ask(peer, Q('close c'), Q('savepoint s'), Q('rollback to s'), Q('set work_mem = 4096'), Q('commit'));
    await ask(peer, Q('prepare p as select 1'), Q('execute p'), Q('deallocate p'), Q('discard all'));
    await ask(peer, P('select a from t'), B(), E('', 2), E('', 2), S());
    const asked = budget.asked.map(({ statement }) => statement.kind.kind);
    expect(asked).toEqual(['declare', 'fetch', 'fetch', 'prepare', 'execute', 'read', 'read']);
  });

  test('over the limit does not keep a client from ending its transaction', async () => {
    await open({ statements: 1 });
    await ask(peer, Q('begin'), Q('insert into u values (1)'));
    expect(ends(await ask(peer, Q('insert into u values (2)')))).toEqual(['ErrorResponse:53400', 'ReadyForQuery:E']);
    expect(ends(await ask(peer, Q('rollback')))).toEqual(['CommandComplete:ROLLBACK', 'ReadyForQuery:I']);
    expect(await count()).toBe(0);
  });

  test('of a message is refused with all of it; what was granted before stays taken', async () => {
    await open({ statements: 1 });
    expect(ends(await ask(peer, Q('insert into u values (1); insert into u values (2)')))).toEqual([
      'ErrorResponse:53400',
      'ReadyForQuery:I',
    ]);
    expect(await count()).toBe(0);
    expect(decisions().map(({ effect }) => effect)).toEqual(['refuse']);
    expect(budget.taken.statements).toBe(1);
  });

  test('that waits is asked for again when the budget says so, each of a message once, and recorded then', async () => {
    await open({ late: 'for ever' });
    peer.send(Q('insert into u values (1); insert into u values (2)'));
    await turns();
    expect([peer.paused, budget.waits, peer.records.length]).toEqual([true, 1, 0]);
    budget.options = { late: true };
    budget.wake();
    await peer.received.until(() => peer.received.ready === 1);
    expect(budget.asked).toHaveLength(2);
    expect(outcomes()[0]!.waited).toBeGreaterThan(0);
    expect(await count()).toBe(2);
    expect(peer.paused).toBe(false);
  });

  test('that waits is not asked for again because something else comes', async () => {
    await open({ late: 'for ever' });
    peer.send(Buffer.concat([Q('select 1'), Q('select 2'), S()]));
    await turns();
    peer.send(S());
    await turns();
    expect(budget.waits).toBe(1);
  });

  test('that waits and is cancelled was not sent, and the session goes on', async () => {
    await open({ late: 'for ever' });
    peer.send(Q('select a from t'));
    await turns();
    await peer.cancel();
    await peer.received.until(() => peer.received.ready === 1);
    expect(peer.received.words()).toEqual(['ErrorResponse:57014', 'ReadyForQuery:I']);
    expect(sent()).not.toContain('select a from t');
    budget.options = {};
    expect(ends(await ask(peer, Q('select a from t')))).toContain('CommandComplete:SELECT 10');
  });

  test('is shown to the budget as the server would plan it: alone, and with no limit of ours', async () => {
    const limited = { limits: { ...LIMITS, rowsPerStatement: 3, estimatedRows: 1 } };
    await open({}, { ...limited, attributes: { school: '7' } }, true);
    await ask(peer, Q('insert into u values (1); select a from t where a = :school'));
    expect(budget.asked.map((one) => one.sent?.text)).toEqual([
      'insert into u values (1)',
      "select a from t where a = '7'::integer",
    ]);
    await ask(peer, P('select a from t where a > $1'), B(['4']), E(), S());
    expect(budget.asked[2]?.sent).toMatchObject({
      text: 'select a from t where a > $1\nLIMIT 9223372036854775807',
      bound: { valueCount: 1, values: Uint8Array.from([0, 0, 0, 1, 0x34]) },
    });
    await ask(peer, Q('prepare p as select a from t'), Q('execute p'));
    expect(budget.asked[4]?.sent).toMatchObject({ text: 'execute p', prepare: 'prepare p as select a from t' });
  });
});

describe('rows', () => {
  test('are asked for no further than what is left, and the one above says why', async () => {
    await open({ rows: 4 }, { limits: { ...LIMITS, rowsPerStatement: 100 } });
    const words = await ask(peer, Q('select a from t'));
    expect(rows(words)).toBe(4);
    expect(ends(words)).toEqual(['ErrorResponse:53400', 'ReadyForQuery:I']);
    expect(sent()).toContain('LIMIT 5');
    expect(peer.cancels).toBe(0);
    expect(outcomes()).toMatchObject([{ status: 'cut', rows: 4, limit: { name: 'rows 4 per hour', used: 4, of: 4 } }]);
    expect(budget.events).toEqual(['overrun']);
  });

  test('by Execute as well', async () => {
    await open({ rows: 4 }, { limits: { ...LIMITS, rowsPerStatement: 100 } });
    const words = await ask(peer, P('select a from t'), B(), DP(), E(), S());
    expect(rows(words)).toBe(4);
    expect(ends(words).slice(-2)).toEqual(['ErrorResponse:53400', 'ReadyForQuery:I']);
    expect(peer.cancels).toBe(0);
  });

  test('are never a short result that looks complete, though more was left in the meantime', async () => {
    await open({ rowsLeft: 4 }, { limits: { ...LIMITS, rowsPerStatement: 100 } });
    for (const messages of [[Q('select a from t')], [P('select a from t'), B(), E(), S()]]) {
      const words = await ask(peer, ...messages);
      expect(rows(words)).toBe(4);
      expect(ends(words).slice(-2)).toEqual(['ErrorResponse:53400', 'ReadyForQuery:I']);
    }
  });

  test('of a permit are not held to the limits of one statement, in either protocol', async () => {
    await open({ account: 'permit:1' }, { limits: { ...LIMITS, rowsPerStatement: 3 } });
    Object.assign(budget, { mayPay: () => true });
    expect(rows(await ask(peer, Q('select a from t')))).toBe(10);
    expect(rows(await ask(peer, P('select a from t'), B(), E(), S()))).toBe(10);
    expect([...budget.accounts]).toEqual(['permit:1']);
    budget.options = {};
    const words = await ask(peer, P('select a from t'), B(), E(), S());
    expect([rows(words), ends(words).slice(-2)]).toEqual([3, ['ErrorResponse:53400', 'ReadyForQuery:I']]);
  });

  test('of a statement without a LIMIT are cancelled at the first that is too many', async () => {
    await open({ rows: 4 });
    const words = await ask(peer, Q('select generate_series(1, 100000000) /*unbounded*/'));
    expect([rows(words), ends(words)]).toEqual([4, ['ErrorResponse:53400', 'ReadyForQuery:I']]);
    expect(peer.cancels).toBe(1);
    budget.options = {};
    expect(ends(await ask(peer, Q('select 1')))).toContain('CommandComplete:SELECT 1');
  });

  test.each(['begin; insert into u select a from t returning a; commit', 'insert into u select a from t returning a'])(
    'of a write are cut, and it is undone: %s',
    async (text) => {
      await open({ rows: 4 });
      const words = await ask(peer, Q(text));
      expect(rows(words)).toBe(4);
      expect(ends(words).filter((word) => word.startsWith('Error'))).toEqual(['ErrorResponse:53400']);
      await ask(peer, Q('rollback'));
      expect(await count()).toBe(0);
    },
  );

  test('of COPY are cut', async () => {
    await open({ rows: 4 });
    const words = await ask(peer, Q('copy t to stdout'));
    expect(words.filter((word) => word === 'CopyData')).toHaveLength(4);
    expect(words.slice(-2)).toEqual(['ErrorResponse:53400', 'ReadyForQuery:I']);
  });

  test('that wait hold the server back, and nothing behind them passes', async () => {
    await open({ late: true }, { limits: LIMITS });
    budget.options = {};
    await ask(peer, Q('begin'));
    budget.options = { late: 'for ever' };
    peer.send(Q('select a from t'));
    await turns();
    budget.options = {};
    budget.wake();
    budget.options = { late: 'for ever' };
    await eventually(() => peer.serverPaused, 'the server is held back');
    expect(peer.received.words().slice(2)).toEqual(['RowDescription']);
    const before = peer.received.frames.length;
    await turns();
    expect(peer.received.frames).toHaveLength(before);
    budget.options = {};
    budget.wake();
    await peer.received.until(() => peer.received.ready === 2);
    expect(rows(peer.received.words())).toBe(10);
    expect(peer.serverPaused).toBe(false);
    expect(outcomes().at(-1)!.waited).toBeGreaterThan(0);
  });
});

/** The statement runs, and its first row waits. */
async function stalled(message: Buffer): Promise<void> {
  await open();
  budget.options = {};
  const { admit } = budget;
  budget.admit = (...args) => {
    const answer = admit.apply(budget, args);
    budget.options = { late: 'for ever' };
    return answer;
  };
  peer.send(message);
  await eventually(() => peer.serverPaused, 'the server is held back');
}

describe('while a row waits', () => {
  test.each([
    ['a few rows', 'select a from t', 'I'],
    ['many rows', 'select generate_series(1, 3000000) /*unbounded*/', 'I'],
    ['a write', 'insert into u select a from t returning a', 'I'],
    ['COPY', 'copy (select generate_series(1, 300000)) to stdout', 'I'],
  ])('a cancel ends it: %s', async (_what, text, status) => {
    await stalled(Q(text));
    await peer.cancel();
    await peer.received.until(() => peer.received.ready === 1);
    const words = peer.received.words();
    expect(words.slice(-2)).toEqual(['ErrorResponse:57014', `ReadyForQuery:${status}`]);
    expect(rows(words)).toBe(0);
    expect(outcomes()).toMatchObject([{ status: 'cancelled', rows: 0, sqlstate: '57014' }]);
    expect(await count()).toBe(0);
    budget.admit = LateBudget.prototype.admit;
    budget.options = {};
    expect(ends(await ask(peer, Q('select a from t'))).slice(-2)).toEqual([
      'CommandComplete:SELECT 10',
      'ReadyForQuery:I',
    ]);
    expect(peer.serverPaused).toBe(false);
  });

  test('a cancel in a transaction fails it', async () => {
    await stalled(Q('begin; select a from t'));
    await peer.cancel();
    await peer.received.until(() => peer.received.ready === 1);
    expect(peer.received.words().slice(-2)).toEqual(['ErrorResponse:57014', 'ReadyForQuery:E']);
  });

  test('statements sent before the client’s Terminate run after it has left, and their rows are not counted', async () => {
    await stalled(Buffer.concat([Q('insert into u select a from t returning a'), terminate()]));
    expect(peer.session.leaving()).toBe(true);
    budget.options = {};
    peer.session.onClientLeft();
    await eventually(() => outcomes().length > 0, 'it has an outcome');
    expect(outcomes()).toMatchObject([{ status: 'ok', rows: 0, changed: 10 }]);
    expect(budget.taken).toMatchObject({ rows: 0, changed: 10 });
    expect(await count()).toBe(10);
  });

  test('the session can be ended, and nothing of the row is shown', async () => {
    await stalled(Q('select a from t'));
    peer.session.terminate({ sqlstate: '57P05', message: 'locked' });
    expect(peer.received.words()).toEqual(['RowDescription', 'ErrorResponse:57P05:FATAL']);
    expect(budget.taken.rows).toBe(0);
    expect(outcomes()).toMatchObject([{ status: 'lost', rows: 0 }]);
  });

  test('another session is not held back', async () => {
    await stalled(Q('select a from t'));
    const other = await relayed(database.url, policyOf(granted));
    expect(rows(await ask(other, Q('select a from t')))).toBe(10);
    await other.close();
  });
});

describe('changed rows', () => {
  const changes = [
    ['a Query', [Q('insert into u select a from t')]],
    ['Execute', [P('insert into u select a from t'), B(), E(), S()]],
    ['behind a read', [Q('select 1; insert into u select a from t')]],
    ['between BEGIN and COMMIT', [Q('begin; insert into u select a from t; commit')]],
    ['COPY', [Buffer.concat([Q('copy u from stdin'), D('1\n2\n3\n4\n5\n6\n'), DONE])]],
  ] as const;

  test.each(changes)('are undone where they are too many: %s', async (_how, messages) => {
    await open({ changed: 5 });
    const words = await ask(peer, ...messages);
    expect(words.filter((word) => word.startsWith('Error'))).toEqual(['ErrorResponse:53400']);
    await ask(peer, Q('rollback'));
    expect(await count()).toBe(0);
    expect(outcomes().filter(({ status }) => status === 'cut')).toMatchObject([
      { limit: { name: 'changed 0 per hour' } },
    ]);
    expect(budget.events).toEqual(['overrun']);
  });

  test.each(changes)('are kept although the answer of the budget comes late: %s', async (_how, messages) => {
    await open({ changed: 10, late: true });
    const words = await ask(peer, ...messages);
    expect(words.filter((word) => word.startsWith('Error'))).toEqual([]);
    expect(budget.taken.changed).toBe(await count());
  });

  test('a portal that stops in the middle of its RETURNING does not say how many', async () => {
    await open({ changed: 5 });
    const words = await ask(peer, P('insert into u select a from t returning a'), B(), E('', 1), S());
    expect(ends(words).slice(-2)).toEqual(['ErrorResponse:0A000', 'ReadyForQuery:I']);
    expect(await count()).toBe(0);
  });
});

describe('events', () => {
  test('refusals by policy count, errors of the server and slips do not', async () => {
    await open();
    await ask(peer, Q('select 1 /*refuse*/'), Q('select nosuch'), Q('selec'), Q('execute nosuch'), Q('select 1/0'));
    await ask(peer, P('select 1 /*refuse*/'), S());
    expect(budget.events).toEqual(['refusal', 'refusal']);
  });

  test('a limit of one statement that is passed counts, once', async () => {
    await open({}, { limits: { ...LIMITS, rowsPerStatement: 3, changedPerStatement: 3 } });
    await ask(peer, Q('select a from t'), Q('insert into u select a from t'));
    expect(budget.events).toEqual(['overrun', 'overrun']);
  });

  test('in observe mode nothing is asked, and nothing counts', async () => {
    await open({ rows: 1, statements: 0 }, { mode: 'observe' });
    expect(rows(await ask(peer, Q('select a from t')))).toBe(10);
    await ask(peer, Q('select 1 /*refuse*/'));
    expect([budget.asked, budget.events, budget.taken.rows]).toEqual([[], [], 0]);
  });
});

test('warnings are told between messages, never inside of one', async () => {
  await open({ warnings: [{ message: 'much has been taken', hint: 'Take less.' }] }, { limits: {} });
  await ask(peer, Q('select a from t'));
  const notice = peer.received.frames.find(({ type }) => type === Backend.NoticeResponse)!;
  expect(Object.fromEntries(decodeErrorFields(notice.bytes))).toMatchObject({
    V: 'WARNING',
    C: '01000',
    M: 'much has been taken',
    H: 'Take less.',
  });
  // While a row passes in pieces, the next statement is asked for.
  peer.send(Buffer.concat([P("select repeat('x', 3000000)", 'long'), B([], 'p', 'long'), E('p'), H()]));
  await peer.received.until(() => peer.received.bytes.length > 4);
  peer.send(Buffer.concat([S(), Q('select 1')]));
  await peer.received.until(() => peer.received.ready === 3);
  expect(peer.received.words().slice(-3)).toEqual(['DataRow', 'CommandComplete:SELECT 1', 'ReadyForQuery:I']);
});

test('the budget rests when the session does', async () => {
  await open();
  await ask(peer, Q('select a from t'));
  await ask(peer, Q('begin'), Q('select 1'));
  expect(budget.rests).toBe(2);
});
