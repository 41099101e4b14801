/** Tests statements in SQL that run what the protocol has prepared, by its name: only judged statements run, with the values that the guard gave. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Backend } from '../../src/protocol/message-types.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { grantOf } from './grants.ts';
import { B, CP, CS, DP, E, P, Q, S } from './messages.ts';
import { ask } from './peer.ts';
import { policyOf } from './policies.ts';
import { type RelayedPeer, relayed } from './relay.ts';
import { numbered } from './token-persons.ts';

let database: FreshDatabase;
beforeAll(async () => {
  database = await freshDatabase();
  await database.query('create table pupils (id int, school int); create table u (a int)');
  await database.query('insert into pupils select i, i % 3 from generate_series(1, 9) i');
});
afterAll(() => database.drop());

const OWN = 'select id from pupils where school = :school';
const open = async (limits = {}) => {
  const relations = [await grantOf(database, 'pupils'), await grantOf(database, 'u')];
  return relayed(database.url, policyOf({ attributes: { school: '1' }, limits, relations }));
};
const errors = (words: readonly string[]) => words.filter((word) => word.startsWith('ErrorResponse'));
const rows = (peer: RelayedPeer): number =>
  peer.received.frames.filter((frame) => frame.type === Backend.DataRow).length;

describe('FETCH and MOVE of a portal that is no query', () => {
  test.each([
    ['EXECUTE, with a value in the place of the guard’s', 'execute own(2)'],
    ['EXECUTE of an unknown name', 'execute unknown'],
    ['FETCH', 'fetch 1 from c'],
    ['a write', 'insert into u values (1), (2) returning a'],
    ['SHOW', 'show search_path'],
    ['EXPLAIN', 'explain select 1'],
  ])('%s', async (_, text) => {
    for (const verb of ['fetch all from', 'move all in']) {
      const peer = await open({ rowsPerStatement: 1 });
      await ask(peer, Q('begin'));
      await ask(peer, Q('declare c cursor for select 1'));
      expect(errors(await ask(peer, P(OWN, 'own'), P(text, 's'), B([], 'p', 's'), S()))).toEqual([]);
      expect(errors(await ask(peer, Q(`${verb} p`)))).toEqual(['ErrorResponse:0A000']);
      expect(rows(peer)).toBe(0);
      expect(errors(await ask(peer, Q('commit; begin'), P(`${verb} p`), B(), E(), S(), Q('commit')))).toHaveLength(1);
      expect(peer.faults).toEqual([]);
      await peer.close();
    }
    expect(await database.query('select from u')).toHaveLength(0);
  });

  test('a query is fetched from, and what is shown counts as one with its Executes', async () => {
    const peer = await open({ rowsPerStatement: 2 });
    await ask(peer, Q('begin'));
    await ask(peer, P('select id from pupils /*unbounded*/'), B([], 'p'), E('p', 1), S());
    const words = await ask(peer, Q('fetch all from p'));
    expect(errors(words)).toEqual(['ErrorResponse:53400']);
    expect(rows(peer)).toBe(2);
    await peer.close();
  });
});

describe('EXPLAIN of what was prepared with values of the guard’s own', () => {
  const THEIRS = 'select id from pupils where school = :who';
  const shown = (peer: RelayedPeer): string =>
    Buffer.concat(
      peer.received.frames.filter(({ type }) => type === Backend.DataRow).map(({ bytes }) => bytes),
    ).toString();
  const planned = async (peer: RelayedPeer, ...messages: Parameters<typeof ask>[1][]) => {
    const before = shown(peer).length;
    expect(errors(await ask(peer, ...messages))).toEqual([]);
    return /school = (\d)/.exec(shown(peer).slice(before))?.[1];
  };

  test.each([false, true])(
    'each end user’s, also of an EXPLAIN that another has prepared (known late: %s)',
    async (late) => {
      const relations = [await grantOf(database, 'pupils')];
      const policy = policyOf({ tokens: true, relations });
      const peer = await relayed(database.url, policy, Infinity, undefined, { persons: numbered(late) });
      await ask(peer, P(THEIRS, 's'), S());
      expect(errors(await ask(peer, P('explain execute s', 'e'), S()))).toEqual(['ErrorResponse:28000']);
      expect(errors(await ask(peer, Q('explain execute s')))).toEqual(['ErrorResponse:28000']);
      await ask(peer, Q("set rowgate.token = '1'"));
      expect(await planned(peer, P('explain execute s', 'e'), B([], '', 'e'), E(), S())).toBe('1');
      await ask(peer, Q("set rowgate.token = '2'"));
      expect(await planned(peer, B([], '', 'e'), E(), S())).toBe('2');
      expect(await planned(peer, Q('explain execute s; select 1'))).toBe('2');
      await ask(peer, Q('reset rowgate.token'));
      expect(errors(await ask(peer, B([], '', 'e'), E(), S()))).toEqual(['ErrorResponse:28000']);
      expect(peer.faults).toEqual([]);
      await peer.close();
    },
  );

  test('by the policy of now', async () => {
    const peer = await open({ rowsPerStatement: 5 });
    await ask(peer, P(OWN, 's'), S());
    expect(await planned(peer, P('explain execute s', 'e'), B([], '', 'e'), E(), S())).toBe('1');
    const relations = [await grantOf(database, 'pupils')];
    peer.policy = policyOf({ attributes: { school: '2' }, limits: { rowsPerStatement: 5 }, relations });
    expect(await planned(peer, B([], '', 'e'), E(), S())).toBe('2');
    // Where the text itself is another, so are its parameters.
    peer.policy = policyOf({ attributes: { school: '2' }, relations });
    expect(errors(await ask(peer, B([], '', 'e'), E(), S()))).toEqual(['ErrorResponse:0A000']);
    expect(peer.faults).toEqual([]);
    await peer.close();
  });
});

describe('names that the server takes for one', () => {
  const [one, other] = [`${'n'.repeat(63)}1`, `${'n'.repeat(63)}2`];

  test('statements: a Close and a Parse of the other are the same statement’s', async () => {
    const peer = await open();
    await ask(peer, P('select $1::int', one), CS(other), P(OWN, other), S());
    // Two values as the guard would send them, were it still the first statement.
    const words = await ask(peer, B(['2'], '', one), DP(), E(), S());
    expect(errors(words)).toEqual(['ErrorResponse:08P01']);
    expect(errors(await ask(peer, B([], '', one), E(), S()))).toEqual([]);
    const shown = peer.received.frames.filter((frame) => frame.type === Backend.DataRow);
    expect(shown.map((frame) => Buffer.from(frame.bytes).at(-1))).toEqual([0x31, 0x34, 0x37]);
    expect(errors(await ask(peer, Q(`deallocate ${'n'.repeat(63)}`)))).toEqual([]);
    expect(errors(await ask(peer, B([], '', other), S()))).toEqual(['ErrorResponse:26000']);
    await peer.close();
  });

  test('portals: a Close and a Bind of the other are the same portal’s, and its count is its own', async () => {
    const peer = await open({ rowsPerStatement: 2 });
    await ask(peer, Q('begin'));
    await ask(peer, P('select id from pupils', 's'), B([], one, 's'), E(one, 2), CP(other), B([], other, 's'), S());
    expect(errors(await ask(peer, E(one, 2), S()))).toEqual([]);
    expect(errors(await ask(peer, E(other, 2), S()))).toEqual(['ErrorResponse:53400']);
    await peer.close();
  });
});

test('portals keep the texts of statements that were closed, and these weigh', async () => {
  const peer = await open();
  await ask(peer, Q('begin'));
  const text = (i: number) => `select ${i} /* ${'x'.repeat(1_000_000)} */`;
  const made = (i: number) => [CS('s'), P(text(i), 's'), B([], `p${i}`, 's'), CS('s'), S()];
  let opened = 0;
  while (opened < 20 && errors(await ask(peer, ...made(opened))).length === 0) opened += 1;
  expect(opened).toBe(8);
  // When they are closed, there is room again.
  await ask(peer, Q('rollback'));
  expect(errors(await ask(peer, ...made(0)))).toEqual([]);
  await peer.close();
});

test('many portals of one long statement weigh as one', async () => {
  const peer = await open();
  await ask(peer, Q('begin'));
  const binds = Array.from({ length: 50 }, (_, i) => B([], `p${i}`, 's'));
  expect(errors(await ask(peer, P(`select 1 /* ${'x'.repeat(1_000_000)} */`, 's'), ...binds, S()))).toEqual([]);
  await peer.close();
});
