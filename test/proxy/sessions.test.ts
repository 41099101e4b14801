/** Tests the cancel keys of sessions: the process ID is the server's, the secret decides, and no other fact about a session is used. */
import { expect, test } from 'vitest';
import type { Policy } from '../../src/policy/model/policy.ts';
import { type LiveSession, Sessions } from '../../src/server/sessions.ts';

const policy = { roles: new Map(), principals: new Map() } as unknown as Policy;
const session = () => ({ role: 'app' }) as LiveSession;

test('two servers that gave the same process ID: each secret finds its own session, and the end of one leaves the other', () => {
  const sessions = new Sessions();
  const both = [session(), session()] as const;
  const keys = both.map((one) => sessions.add(one, { serverProcessId: 4711, keyLength: 4 }, policy));
  expect(keys.map(({ processId }) => processId)).toEqual([4711, 4711]);
  const found = () => keys.map((key) => sessions.find(key));
  expect(found().map((one) => both.indexOf(one!))).toEqual([0, 1]);
  expect(sessions.live()).toEqual(both);
  sessions.remove(keys[0]!);
  sessions.remove(keys[0]!);
  expect([found()[0], found()[1] === both[1], sessions.size]).toEqual([undefined, true, 1]);
  sessions.remove(keys[1]!);
  expect([found()[1], sessions.size]).toEqual([undefined, 0]);
});

test('many sessions of one process ID: no two share a secret', () => {
  const sessions = new Sessions();
  // A secret of one byte: without care two of a hundred would be the same.
  const keys = Array.from({ length: 100 }, () => sessions.add(session(), { serverProcessId: 1, keyLength: 1 }, policy));
  expect(new Set(keys.map(({ secretKey }) => secretKey[0])).size).toBe(keys.length);
});

test('another process ID, another secret, a part of it or a longer one find no session', () => {
  const sessions = new Sessions();
  const { processId, secretKey } = sessions.add(session(), { serverProcessId: 7, keyLength: 4 }, policy);
  const wrong = Uint8Array.from(secretKey, (byte, i) => (i === 3 ? byte ^ 1 : byte));
  const tried = [
    { processId: 8, secretKey },
    { processId, secretKey: wrong },
    { processId, secretKey: secretKey.subarray(0, 3) },
    { processId, secretKey: Uint8Array.from([...secretKey, 0]) },
    { processId, secretKey: new Uint8Array(0) },
  ];
  expect(tried.map((key) => sessions.find(key))).toEqual(tried.map(() => undefined));
  expect(sessions.find({ processId, secretKey: Uint8Array.from(secretKey) })).toBeDefined();
});

test('a server that told no process ID: the client gets one that it can show', () => {
  const sessions = new Sessions();
  const key = sessions.add(session(), { serverProcessId: undefined, keyLength: 32 }, policy);
  expect(key.processId).toBeGreaterThan(0);
  expect(sessions.find(key)).toBeDefined();
});

test('waiting for the end of all sessions ends with the last one', async () => {
  const sessions = new Sessions();
  const keys = [1, 1, 2].map((serverProcessId) => sessions.add(session(), { serverProcessId, keyLength: 4 }, policy));
  let empty = false;
  const waiting = sessions.empty(60_000).then(() => {
    empty = true;
  });
  for (const key of keys) {
    expect(empty).toBe(false);
    sessions.remove(key);
    await Promise.resolve();
  }
  await waiting;
});
