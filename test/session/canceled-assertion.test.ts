/** Tests a cancel that comes late and hits the guard's own assertion behind a statement: the client is told of it, and of no error that follows from it alone. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { B, E, P, Q, S } from './messages.ts';
import { ask } from './peer.ts';
import { policyOf } from './policies.ts';
import { type RelayedPeer, relayed } from './relay.ts';

/** An assertion that runs until it is cancelled, while `slow` has a row. */
const SLOW = { assertion: () => 'select pg_sleep(600) from slow', namesIn: () => [], differs: () => false };
const CODE = 'select 1 /*user code*/';
const extended = (text: string) => [P(text), B(), E(), S()];

let database: FreshDatabase;
let peer: RelayedPeer;

beforeAll(async () => {
  database = await freshDatabase();
  await database.query('create table slow (id int); insert into slow values (1)');
});
afterEach(() => peer.close());
afterAll(() => database.drop());

/** Cancels each assertion that runs, while what is given goes on. */
async function cancelling(work: () => Promise<unknown>): Promise<void> {
  let goesOn = true;
  const cancels = (async () => {
    while (goesOn) {
      const running = `pid = ${peer.pid} AND state = 'active' AND query LIKE '%pg_sleep%'`;
      await database.query(`SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE ${running}`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  })();
  await work().finally(() => {
    goesOn = false;
  });
  await cancels;
}

const reason = () => {
  const fields = peer.received.errors().at(-1);
  return [fields?.get('C'), fields?.get('M')];
};

beforeEach(async () => {
  await database.query('delete from slow; insert into slow values (1)');
  peer = await relayed(database.url, policyOf(), Infinity, undefined, undefined, false, SLOW);
  await ask(peer, Q('begin'));
  await ask(peer, Q(CODE));
});

test.each([
  ['a Query', [Q('select 2')]],
  ['extended messages', extended('select 2')],
])('in a transaction, the next statement says why it has failed: %s', async (_, messages) => {
  await cancelling(() => ask(peer, ...messages));
  expect(reason()).toEqual(['57014', 'canceling statement due to user request']);
  await ask(peer, Q('select 3'));
  expect(reason()[0]).toBe('25P02');
  expect(await ask(peer, Q('rollback'))).toContain('CommandComplete:ROLLBACK');
});

test('a transaction that goes on from a savepoint has nothing to be told', async () => {
  await cancelling(() => ask(peer, Q('savepoint s')));
  await database.query('delete from slow');
  await ask(peer, Q('rollback'));
  await ask(peer, Q('begin'), Q('savepoint s'));
  await database.query('insert into slow values (1)');
  await ask(peer, Q(CODE));
  await cancelling(async () => {
    await ask(peer, Q('rollback to s'));
    await database.query('delete from slow');
  });
  await ask(peer, Q('select 1/0'));
  await ask(peer, Q('select 5'));
  expect(reason()[0]).toBe('25P02');
});

test('the log records the cancel as well', async () => {
  await cancelling(() => ask(peer, Q('select 2')));
  expect(peer.records.at(-1)).toMatchObject({ sqlstate: '57014' });
});

test('the end of the transaction makes it of no interest', async () => {
  await cancelling(async () => {
    await ask(peer, Q('rollback'));
    await database.query('delete from slow');
    await ask(peer, Q('begin'), Q('select 1/0'));
  });
  await ask(peer, Q('select 4'));
  expect(reason()[0]).toBe('25P02');
});
