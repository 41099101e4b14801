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

describe('rows that a portal keeps are for the end user for whom it ran', () => {
  const theirs = 'select id from pupils where school = :who';
  test.each([
    ['a cursor', 'fetch all from c', `declare c cursor for ${theirs}`, ['close c', `declare c cursor for ${theirs}`]],
    ['a statement', 'execute c', `prepare c as ${theirs}`, ['deallocate c', `prepare c as ${theirs}`]],
    ['a statement that is prepared again for another', 'execute c', `prepare c as ${theirs}`, ['execute c']],
  ])('%s', async (_what, runs, made, then) => {
    const policy = policyOf({ tokens: true, relations: [await grantOf(database, 'pupils')] });
    const peer = await relayed(database.url, policy, Infinity, undefined, { persons: numbered(false) });
    await ask(peer, Q('begin'));
    await ask(peer, Q("set rowgate.token = '1'"));
    await ask(peer, Q(made));
    expect(await ask(peer, P(runs), B([], 'p'), E('p', 1), S())).toContain('PortalSuspended');
    await ask(peer, Q("set rowgate.token = '2'"));
    for (const text of then) expect(errors(await ask(peer, Q(text)))).toEqual([]);
    const before = rows(peer);
    expect(errors(await ask(peer, E('p', 5), S()))).toEqual(['ErrorResponse:55000']);
    expect(rows(peer)).toBe(before);
    expect(peer.faults).toEqual([]);
    await peer.close();
  });
});

describe('EXECUTE of what was prepared with values of the guard’s own', () => {
  const ABOVE = 'select id from pupils where school = :school and id > $1';
  const shown = (peer: RelayedPeer, from = 0): string[] =>
    peer.received.frames
      .slice(from)
      .filter(({ type }) => type === Backend.DataRow)
      .map(({ bytes }) => Buffer.from(bytes).subarray(11).toString());
  const run = async (peer: RelayedPeer, ...messages: Parameters<typeof ask>[1][]) => {
    const from = peer.received.frames.length;
    const words = await ask(peer, ...messages);
    return errors(words).length > 0 ? errors(words) : shown(peer, from);
  };

  test('by both protocols, with the client’s arguments and without', async () => {
    const peer = await open();
    await ask(peer, P(OWN, 'own'), P(ABOVE, 'above'), S());
    expect(await run(peer, Q('execute own'))).toEqual(['1', '4', '7']);
    expect(await run(peer, Q('execute above(3) ;'))).toEqual(['4', '7']);
    expect(await run(peer, Q('execute above(3 ); execute own'))).toEqual(['4', '7', '1', '4', '7']);
    expect(await run(peer, P('execute above(4)'), B(), E(), S())).toEqual(['7']);
    expect(peer.faults).toEqual([]);
    await peer.close();
  });

  test.each([
    ['a value in the place of the guard’s', 'execute own(2)'],
    ['two of them', "execute above(0, '2')"],
    ['too few', 'execute above'],
  ])('%s: the server takes another number of values for none', async (_, text) => {
    const peer = await open();
    await ask(peer, P(OWN, 'own'), P(ABOVE, 'above'), S());
    expect(await run(peer, Q(text))).toEqual(['ErrorResponse:42601']);
    expect(await run(peer, P(text), B(), E(), S())).toEqual(['ErrorResponse:42601']);
    expect(peer.faults).toEqual([]);
    await peer.close();
  });

  test('as many rows as the role may have, and the server works for one more', async () => {
    const peer = await open({ rowsPerStatement: 2 });
    await ask(peer, P(`${OWN}`, 'own'), P('select id from pupils where id < $1', 'below'), S());
    for (const messages of [[Q('execute own')], [P('execute own'), B(), E(), S()]])
      expect(errors(await ask(peer, ...messages))).toEqual(['ErrorResponse:53400']);
    expect(shown(peer)).toHaveLength(4);
    expect(await run(peer, Q('execute below(3)'))).toEqual(['1', '2']);
    // The shorter list beside it does not bound it.
    expect(await run(peer, Q('select 1; execute below(3)'))).toEqual(['1', '1', '2']);
    await peer.close();
  });

  test('each end user’s, also of an EXECUTE that another has prepared', async () => {
    const relations = [await grantOf(database, 'pupils')];
    const policy = policyOf({ tokens: true, relations });
    const peer = await relayed(database.url, policy, Infinity, undefined, { persons: numbered(false) });
    await ask(peer, P('select id from pupils where school = :who', 's'), S());
    expect(await run(peer, Q('execute s'))).toEqual(['ErrorResponse:28000']);
    await ask(peer, Q("set rowgate.token = '1'"));
    expect(await run(peer, P('execute s', 'e'), B([], '', 'e'), E(), S())).toEqual(['1', '4', '7']);
    await ask(peer, Q("set rowgate.token = '2'"));
    expect(await run(peer, B([], '', 'e'), E(), S())).toEqual(['2', '5', '8']);
    expect(await run(peer, Q('execute s'))).toEqual(['2', '5', '8']);
    await ask(peer, Q('reset rowgate.token'));
    expect(await run(peer, B([], '', 'e'), E(), S())).toEqual(['ErrorResponse:28000']);
    expect(peer.faults).toEqual([]);
    await peer.close();
  });

  test('a name that means another statement by now is none of its', async () => {
    const peer = await open();
    await ask(peer, P(OWN, 's'), P('execute s', 'e'), S());
    await ask(peer, CS('s'), P('select id from pupils where id = $1::int', 's'), S());
    expect(await run(peer, B([], '', 'e'), E(), S())).toEqual(['ErrorResponse:0A000']);
    expect(await run(peer, CS('s'), P(OWN, 's'), S())).toEqual([]);
    expect(await run(peer, B([], '', 'e'), E(), S())).toEqual(['1', '4', '7']);
    await peer.close();
  });

  test('by the policy of now', async () => {
    const peer = await open();
    await ask(peer, P(OWN, 's'), P('execute s', 'e'), S());
    const relations = [await grantOf(database, 'pupils')];
    peer.policy = policyOf({ attributes: { school: '2' }, relations });
    expect(await run(peer, B([], '', 'e'), E(), S())).toEqual(['2', '5', '8']);
    expect(await run(peer, Q('execute s'))).toEqual(['2', '5', '8']);
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
