/**
 * Tests `statement_timeout` when it strikes after the statement has ended: the server reports it when it has read the next message. Where that
 * message is the guard's own Flush, the error belongs to no message of the client.
 */
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { errorResponse } from '../../src/protocol/error-response.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { B, E, H, P, Q, S } from './messages.ts';
import { ask } from './peer.ts';
import { policyOf } from './policies.ts';
import { type RelayedPeer, relayed } from './relay.ts';

let database: FreshDatabase;
let peer: RelayedPeer;
beforeAll(async () => {
  database = await freshDatabase();
  await database.query(`
    create table t (a int);
    create function slow() returns trigger language plpgsql as $$
      declare long text := repeat(repeat('a', 10000), 1000);
      begin
        return case when ${Array(120).fill('md5(long)').join(' || ')} = '' then new end;
      end $$;
    create trigger slow after insert on t for each row execute function slow();
  `);
});
afterAll(() => database.drop());
afterEach(() => peer.close());

/** Its trigger comes last, and looks for no interrupt while it makes a hash. */
const SLOW = 'insert into t values (1)';

async function served(changedPerStatement: number): Promise<void> {
  peer = await relayed(database.url, policyOf({ access: 'unrestricted', limits: { changedPerStatement } }));
  await ask(peer, Q("set statement_timeout = '500ms'"));
}

async function answersTo(...messages: readonly Uint8Array[]): Promise<string[]> {
  const from = peer.received.frames.length;
  peer.send(Buffer.concat(messages));
  await peer.received.until(() => peer.received.errors().length > 0);
  if (messages.at(-1)?.[0] === H()[0]) peer.send(S());
  await peer.received.until(() => peer.received.ready > 1);
  return peer.received.words().slice(from);
}

const BEGUN = ['ParseComplete', 'BindComplete'];

test.each([
  ["behind the client's own Flush", [P(SLOW), B(), E(), H()], [...BEGUN, 'CommandComplete:INSERT 0 1'], 'ok'],
  ['with a Sync that waits', [P(SLOW), B(), E(), S()], [...BEGUN, 'CommandComplete:INSERT 0 1'], 'ok'],
  ['of a Query sent as extended messages', [Q(SLOW)], [], 'error'],
])('%s', async (_, messages, before, status) => {
  await served(10);
  expect(await answersTo(...messages)).toEqual([...before, 'ErrorResponse:57014', 'ReadyForQuery:I']);
  expect(peer.records.at(-1)).toMatchObject({ kind: 'outcome', status });
  // The session goes on, and nothing of the statement stays.
  expect(await ask(peer, Q('select from t'))).toContain('CommandComplete:SELECT 0');
});

test.each([
  ['by Execute', [P(SLOW), B(), E(), S()], BEGUN],
  ['by Query', [Q(SLOW)], []],
])('of what is cut off for its limit, %s', async (_, messages, before) => {
  await served(0);
  expect(await answersTo(...messages)).toEqual([...before, 'ErrorResponse:53400', 'ReadyForQuery:I']);
  expect(peer.records.at(-1)).toMatchObject({ kind: 'outcome', status: 'cut', sqlstate: '53400' });
  expect(await ask(peer, Q('select from t'))).toContain('CommandComplete:SELECT 0');
});

test('an error to nothing, from a server that was not asked to flush, ends the session', async () => {
  await served(10);
  const error = new Map([
    ['S', 'ERROR'],
    ['V', 'ERROR'],
    ['C', '57014'],
    ['M', 'late'],
  ]);
  peer.session.onServer(errorResponse(error));
  expect(peer.received.errors().at(-1)?.get('C')).toBe('08P01');
});
