/** Tests what a session reports of its activity (idle, running), which idle timeouts and an orderly shutdown read. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { B, E, H, P, Q, S } from './messages.ts';
import { ask } from './peer.ts';
import { policyOf } from './policies.ts';
import { relayed } from './relay.ts';

let database: FreshDatabase;
beforeAll(async () => {
  database = await freshDatabase();
});
afterAll(() => database.drop());

test.each([
  ['nothing', [], 'idle'],
  ['a Query', [Q('select 1')], 'idle'],
  ['BEGIN', [Q('begin')], 'in-transaction'],
  ['an error in a transaction', [Q('begin'), Q('select 1/0')], 'failed-transaction'],
  ['a refusal in a transaction', [Q('begin'), Q('select 1 /*refuse*/')], 'failed-transaction'],
  ['COMMIT', [Q('begin'), Q('commit')], 'idle'],
  ['a batch with its Sync', [P('select 1'), B(), E(), S()], 'idle'],
  ['an error and its Sync', [P('select 1/0'), B(), E(), S()], 'idle'],
] as const)('behind %s', async (_what, messages, activity) => {
  const peer = await relayed(database.url, policyOf());
  if (messages.length > 0) await ask(peer, ...messages);
  expect(peer.session.activity()).toBe(activity);
  await peer.close();
});

test.each([
  ['a Query that runs', [Q('select pg_sleep(0.05)')], 1],
  ['a Query that waits for another', [Q('select pg_sleep(0.05)'), Q('select 1')], 2],
  ['a batch before its answers', [P('select 1'), B(), E(), S()], 1],
] as const)('%s is active until it has ended', async (_what, messages, ready) => {
  const peer = await relayed(database.url, policyOf());
  peer.send(Buffer.concat(messages));
  expect(peer.session.activity()).toBe('active');
  await peer.received.until(() => peer.received.ready === ready);
  expect(peer.session.activity()).toBe('idle');
  await peer.close();
});

test('a batch without its Sync is active, answered or failed', async () => {
  for (const text of ['select 1', 'select nosuch']) {
    const peer = await relayed(database.url, policyOf());
    peer.send(Buffer.concat([P(text), H()]));
    await peer.received.until(() => peer.received.frames.length === 1);
    expect(peer.session.activity()).toBe('active');
    await ask(peer, S());
    expect(peer.session.activity()).toBe('idle');
    await peer.close();
  }
});

test('COPY is active until it has ended', async () => {
  const peer = await relayed(database.url, policyOf({ access: 'unrestricted' }));
  peer.send(Q('copy (select 1) to stdout'));
  expect(peer.session.activity()).toBe('active');
  await peer.received.until(() => peer.received.ready === 1);
  expect(peer.session.activity()).toBe('idle');
  await peer.close();
});
