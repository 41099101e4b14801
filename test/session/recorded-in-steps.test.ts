/** Tests that a message with many statements, or the end of many messages, is recorded in steps: other sessions are served between the steps. */
import { setImmediate } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { grantOf } from './grants.ts';
import { B, E, P, Q, S } from './messages.ts';
import { type PolicyOptions, policyOf } from './policies.ts';
import { type RelayedPeer, relayed } from './relay.ts';

const MANY = 600;
/** The most records between two turns of the event loop. */
const AT_ONCE = 100;

let database: FreshDatabase;
let options: PolicyOptions;
let peer: RelayedPeer;

beforeAll(async () => {
  database = await freshDatabase();
  await database.query('create table t (a int)');
  options = { relations: [await grantOf(database, 't')] };
});
afterAll(() => database.drop());
beforeEach(() => open(options));
afterEach(async () => {
  expect(peer.faults).toEqual([]);
  await peer.close();
});

async function open(options: PolicyOptions): Promise<void> {
  peer = await relayed(database.url, policyOf(options), Infinity, undefined, undefined, true);
}

/** Nothing is verified, so that all of a pipeline is sent before the first of it is answered. */
const FREE: PolicyOptions = { access: 'unrestricted' };

const decisions = () => peer.records.filter(({ kind }) => kind === 'decision').length;

/** How many there are of each status. */
function outcomes(): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const entry of peer.records)
    if (entry.kind === 'outcome') counts[entry.status] = (counts[entry.status] ?? 0) + 1;
  return counts;
}

/** Sends it, and waits until `done`. @returns how many records were written at most before others were served. */
async function most(bytes: Uint8Array, done: () => boolean): Promise<number> {
  let [before, highest] = [peer.records.length, 0];
  const look = () => {
    highest = Math.max(highest, peer.records.length - before);
    before = peer.records.length;
  };
  peer.send(bytes);
  look();
  while (!done()) {
    await setImmediate();
    look();
  }
  return highest;
}

const settled = () => peer.session.isSettled();
const ready = () => peer.received.ready > 0;
const selects = (n = MANY) => 'select a from t;'.repeat(n);
const pipeline = (first: string) =>
  Buffer.concat([
    P(first, 'slow'),
    P('select a from t', 's'),
    B([], 'first', 'slow'),
    E('first'),
    ...Array.from({ length: MANY }, () => [B([], '', 's'), E()]).flat(),
    S(),
  ]);

test('the decisions of one message: none of it is sent before the last of them', async () => {
  let decided = 0;
  const { sent } = peer;
  peer.sent.push = (...bytes) => {
    decided = decisions();
    return Array.prototype.push.apply(sent, bytes);
  };
  expect(await most(Q(selects()), ready)).toBeLessThan(AT_ONCE);
  expect(decided).toBe(MANY);
  expect(outcomes()).toEqual({ ok: MANY });
});

test('statements skipped after an error in one message, before the client is told of its end', async () => {
  let known = 0;
  const done = () => {
    if (ready()) known ||= peer.records.length;
    return ready();
  };
  expect(await most(Q(`select 1/0;${selects()}`), done)).toBeLessThan(AT_ONCE);
  expect(known).toBe(2 * (MANY + 1));
  expect(outcomes()).toEqual({ error: 1, skipped: MANY });
});

test('statements skipped after an error in a pipeline', async () => {
  await peer.close();
  await open(FREE);
  const first = 'select 1 / (count(*) - 1000000) from generate_series(1, 1000000)';
  expect(await most(pipeline(first), ready)).toBeLessThan(AT_ONCE);
  expect(outcomes()).toEqual({ error: 1, skipped: decisions() - 1 });
});

test('Binds that were decided before, and never executed', async () => {
  const binds = Array.from({ length: MANY }, (_, i) => B([], `p${i}`, 's'));
  const bytes = Buffer.concat([P('select a from t /*user code*/', 's'), ...binds, S()]);
  expect(await most(bytes, () => ready() && peer.records.length >= 2 * decisions())).toBeLessThan(AT_ONCE);
  expect(decisions()).toBeGreaterThan(0);
});

test('statements lost with the connection; until they are recorded the session is not settled', async () => {
  await peer.close();
  await open(FREE);
  await most(pipeline('select pg_sleep(60)'), () => decisions() === MANY + 1);
  let [before, highest] = [peer.records.length, 0];
  peer.session.onClientClosed();
  highest = peer.records.length - before;
  expect(settled()).toBe(false);
  while (!settled()) {
    before = peer.records.length;
    await setImmediate();
    highest = Math.max(highest, peer.records.length - before);
  }
  expect(highest).toBeLessThan(AT_ONCE);
  expect(outcomes()).toEqual({ lost: MANY + 1 });
  await database.query(`select pg_terminate_backend(${peer.pid})`);
});

test('a policy that comes meanwhile judges the message again, and what was recorded by the old one never runs', async () => {
  peer.send(Q(selects()));
  while (decisions() === 0) await setImmediate();
  expect(decisions()).toBeLessThan(MANY);
  peer.policy = policyOf({ ...options, alsoRefuse: 'from t' });
  await peer.received.until(ready);
  expect(peer.received.words()).toEqual(['ErrorResponse:42501', 'ReadyForQuery:I']);
  expect(outcomes()).toEqual({ skipped: decisions() - 1, refused: 1 });
  expect(Buffer.concat(peer.sent).includes('from t')).toBe(false);
});

test('a client that leaves meanwhile', async () => {
  peer.send(Q(selects()));
  while (decisions() === 0) await setImmediate();
  peer.session.onClientClosed();
  while (!settled()) await setImmediate();
  expect(decisions()).toBeLessThan(MANY);
  expect(outcomes()).toEqual({ skipped: decisions() });
  expect(Buffer.concat(peer.sent).includes('from t')).toBe(false);
});

test('an error of what was sent before drops the message, and what was recorded of it', async () => {
  const { session } = peer;
  const onServer = session.onServer.bind(session);
  const late: Uint8Array[] = [];
  session.onServer = (chunk) => void late.push(chunk);
  peer.send(P('select nope'));
  while (late.length === 0) await setImmediate();
  peer.send(Buffer.concat([Q(selects()), S()]));
  while (decisions() === 0) await setImmediate();
  expect(decisions()).toBeLessThan(MANY);
  session.onServer = onServer;
  for (const chunk of late) onServer(chunk);
  await peer.received.until(ready);
  while (peer.records.length < 2 * decisions()) await setImmediate();
  expect(peer.received.words()).toEqual(['ErrorResponse:42703', 'ReadyForQuery:I']);
  expect(outcomes()).toEqual({ skipped: decisions() });
  expect(Buffer.concat(peer.sent).includes('from t')).toBe(false);
});
