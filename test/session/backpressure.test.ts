/** Tests that a session's memory is bounded: it pauses the client while it waits, and reads on from the server after an answer was cut off. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { B, E, P, Q, S } from './messages.ts';
import { ask } from './peer.ts';
import { policyOf } from './policies.ts';
import { relayed } from './relay.ts';

let database: FreshDatabase;
beforeAll(async () => {
  database = await freshDatabase();
});
afterAll(() => database.drop());

test('the client is held back while a message must wait, and let go', async () => {
  const peer = await relayed(database.url, policyOf());
  peer.send(Buffer.concat([Q('select pg_sleep(0.05)'), Q('select 1')]));
  expect(peer.paused).toBe(true);
  await peer.received.until(() => peer.received.ready === 2);
  expect(peer.paused).toBe(false);
  await peer.close();
});

test('a client that never reads its answers is not listened to for ever', async () => {
  const peer = await relayed(database.url, policyOf());
  peer.send(Buffer.concat(Array.from({ length: 10_500 }, () => S())));
  expect(peer.paused).toBe(true);
  await peer.received.until(() => peer.received.ready === 10_500);
  expect(peer.paused).toBe(false);
  await peer.close();
});

test('statements without end are not remembered without end', async () => {
  const peer = await relayed(database.url, policyOf({ access: 'unrestricted' }));
  const text = `select '${'x'.repeat(900_000)}'`;
  const words: string[] = [];
  for (let i = 0; i < 11; i += 1) words.push(...(await ask(peer, P(text, `s${i}`), S())));
  expect(words.slice(-2)).toEqual(['ErrorResponse:54000', 'ReadyForQuery:I']);
  expect(await ask(peer, P(text), B(), E(), S())).toContain('CommandComplete:SELECT 1');
  await ask(peer, Q('deallocate all'));
  expect(await ask(peer, P('select 1', 'again'), S())).toContain('ParseComplete');
  await peer.close();
});

test('answers of one chunk leave in one write', async () => {
  const peer = await relayed(database.url, policyOf({ access: 'unrestricted' }));
  await ask(peer, Q('select generate_series(1, 20000)'));
  const chunks = peer.received.bytes.length;
  expect(peer.received.frames.length / chunks).toBeGreaterThan(100);
  await peer.close();
});

test('a million rows take no memory', async () => {
  const peer = await relayed(database.url, policyOf({ limits: { rowsPerStatement: 10_000_000 } }));
  const END = 'SELECT 1000000';
  let rows = 0;
  let last = '';
  peer.received.push = (chunk) => {
    rows += chunk.length;
    // It may come in two pieces.
    const text = last + Buffer.from(chunk).toString('latin1');
    if (text.includes(END)) peer.received.close();
    last = text.slice(-END.length);
  };
  const before = process.memoryUsage().rss;
  peer.send(Q('select i from generate_series(1, 1000000) i'));
  await peer.received.until(() => false);
  expect(rows).toBeGreaterThan(15_000_000);
  expect(process.memoryUsage().rss - before).toBeLessThan(80_000_000);
  await peer.close();
});
