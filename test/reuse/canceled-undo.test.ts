/** Tests a cancel that hits the guard's own rollback after a plan has failed: the client is told that the transaction has failed by the cancel. */
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { grantOf } from '../session/grants.ts';
import { B, E, P, Q, S } from '../session/messages.ts';
import { ask } from '../session/peer.ts';
import { policyOf } from '../session/policies.ts';
import { relayed } from '../session/relay.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';

/** It takes long enough to be struck. */
vi.mock('../../src/session/reuse/savepoint.ts', async (original) => {
  const { UNDO, ...rest } = await original<typeof import('../../src/session/reuse/savepoint.ts')>();
  return { ...rest, UNDO: UNDO.replace(';', () => '; DO $$ BEGIN PERFORM pg_sleep(600); END $$;') };
});

let database: FreshDatabase;
beforeAll(async () => {
  database = await freshDatabase();
  await database.query('create table t (a int)');
});
afterAll(() => database.drop());

test.each([
  ['a Query', [Q('select a from t')]],
  ['extended messages', [P('select a from t'), B(), E(), S()]],
])('%s', async (_, messages) => {
  const policy = policyOf({ relations: [await grantOf(database, 't')], reusable: true });
  const plans = { after: 0, perSession: 2 };
  const peer = await relayed(database.url, policy, Infinity, undefined, undefined, false, undefined, plans);
  let goesOn = true;
  const strike = async (): Promise<void> => {
    const running = `pid = ${peer.pid} AND state = 'active' AND query LIKE '%pg_sleep%'`;
    while (goesOn) await database.query(`SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE ${running}`);
  };
  try {
    await ask(peer, ...messages);
    await ask(peer, ...messages);
    await database.query('alter table t alter a type bigint');
    await ask(peer, Q('begin'));
    // A short text is run by its plan when it comes in the transaction for the second time.
    await ask(peer, ...messages);
    const strikes = strike();
    await ask(peer, ...messages);
    goesOn = false;
    await strikes;
    await ask(peer, Q('select 2'));
    expect(peer.received.errors().map((fields) => fields.get('C'))).toEqual(['57014', '25P02']);
    expect(await ask(peer, Q('rollback'))).toContain('CommandComplete:ROLLBACK');
  } finally {
    goesOn = false;
    await peer.close();
    await database.query('alter table t alter a type int');
  }
});
