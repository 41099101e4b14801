/** Tests that alarms reach a real HTTP server, signed, in their order, each at least once, also after an outage and over a restart. */
import { createHmac } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pino from 'pino';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Alarms } from '../../src/operations/alarms/alarms.ts';
import { Delivery } from '../../src/operations/alarms/delivery.ts';
import { AlarmQueue } from '../../src/operations/alarms/queue.ts';
import { eventually } from '../proxy/support.ts';

const SECRET = 'a secret of the receiver';
const LOCK = { kind: 'lock', principal: 'vendor', text: 'principal "vendor" is locked out', reason: 'canary' } as const;
const log = pino({ level: 'silent' });

interface Got {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

let folder: string;
let server: Server;
let url: string;
let got: Got[];
/** The receiver's answer. */
let status: number;
/** The receiver's answer to alarms that it refuses. */
let badStatus: number;
const running: Delivery[] = [];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'rowgate-test-alarms-'));
  got = [];
  status = 200;
  badStatus = 400;
  server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk) => {
      body += chunk;
    });
    request.on('end', () => {
      got.push({ headers: request.headers, body });
      response
        .writeHead(body.includes('not liked') ? badStatus : status, { location: `${url}elsewhere` })
        .end('x'.repeat(100_000));
    });
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
});

afterEach(async () => {
  for (const delivery of running.splice(0)) delivery.stop();
  server.closeAllConnections();
  await new Promise((done) => server.close(done));
  rmSync(folder, { recursive: true, force: true });
});

function alarms(most?: number) {
  const lost: number[] = [];
  const queue = new AlarmQueue(folder, most);
  return { queue, lost, sink: new Alarms({ guard: 'g1', queue, log, lost: (count) => lost.push(count) }) };
}

function deliver(format: 'rowgate' | 'slack' = 'rowgate'): void {
  const queue = new AlarmQueue(folder);
  running.push(new Delivery({ queue, receiver: { url, secret: SECRET }, format, log, firstWaitMs: 20 }));
}

const texts = () => got.map(({ body }) => (JSON.parse(body) as { text: string }).text);
const waiting = () => readdirSync(folder).length;

it('is signed: a receiver with the secret can check its sender and its time', async () => {
  alarms().sink.raise(LOCK);
  deliver();
  await eventually(() => got.length === 1 && waiting() === 0, 'it was delivered');
  const [{ headers, body }] = got as [Got];
  expect(JSON.parse(body)).toMatchObject({ ...LOCK, guard: 'g1', id: expect.stringMatching(/^[0-9A-Z]{26}$/) });
  const timestamp = String(headers['rowgate-timestamp']);
  expect(Math.abs(Number(timestamp) * 1000 - Date.now())).toBeLessThan(10_000);
  const expected = createHmac('sha256', SECRET).update(`${timestamp}.${body}`).digest('hex');
  expect(headers['rowgate-signature']).toBe(`sha256=${expected}`);
});

it('waits while the receiver fails, then comes in its order, and says nothing twice that was taken', async () => {
  const { sink } = alarms();
  status = 500;
  deliver();
  for (let n = 0; n < 5; n++) sink.raise({ ...LOCK, text: `alarm ${n}` });
  await eventually(() => got.length >= 3, 'it was tried');
  expect(new Set(texts())).toEqual(new Set(['alarm 0']));
  expect(waiting()).toBe(5);
  got.splice(0);
  status = 204;
  await eventually(() => waiting() === 0, 'all were delivered');
  expect([...new Set(texts())]).toEqual([0, 1, 2, 3, 4].map((n) => `alarm ${n}`));
  expect(got.length).toBeLessThanOrEqual(6); // one may have been under way when the receiver changed
});

it('an alarm that the receiver does not take delays no other, and is tried again', async () => {
  const { sink } = alarms();
  sink.raise({ ...LOCK, text: 'not liked' });
  for (const text of ['a', 'b']) sink.raise({ ...LOCK, text });
  deliver();
  await eventually(() => texts().filter((text) => text === 'not liked').length > 2, 'it is tried again');
  expect(texts().filter((text) => text !== 'not liked')).toEqual(['a', 'b']);
  expect(waiting()).toBe(1);
  badStatus = 200;
  await eventually(() => waiting() === 0, 'it is taken');
});

it('outlives the process that raised it', async () => {
  alarms().sink.raise(LOCK);
  // The rest of a crash in the middle of a write is no alarm, and harms none.
  writeFileSync(join(folder, '01ARZ3NDEKTSV4RRFFQ69G5FAV.new'), '{"kind":');
  writeFileSync(join(folder, '01ARZ3NDEKTSV4RRFFQ69G5FAV.json'), '{"kind":');
  deliver();
  await eventually(() => got.length === 1, 'it was delivered');
  expect(texts()).toEqual([LOCK.text]);
});

it.each([301, 302, 400, 404, 429])('an answer of %d does not confirm: the alarm stays', async (answer) => {
  status = answer;
  alarms().sink.raise(LOCK);
  deliver();
  await eventually(() => got.length >= 2, 'it was tried again');
  expect(waiting()).toBe(1);
  expect(got.every(({ headers }) => headers.host === new URL(url).host)).toBe(true);
});

it('is bounded: the oldest make room, and that is said', async () => {
  const { sink, queue, lost } = alarms(10);
  for (let n = 0; n < 50; n++) {
    sink.raise({ ...LOCK, text: `alarm ${n}` });
    await new Promise((done) => setTimeout(done, 2));
  }
  const left = queue.names().length;
  expect(left).toBeLessThanOrEqual(20);
  expect(left + lost.reduce((sum, count) => sum + count, 0)).toBe(50);
  expect(queue.read(queue.names().at(-1) ?? '')).toContain('alarm 49');
});

it('never throws, also where nothing can be written', () => {
  const { sink } = alarms();
  rmSync(folder, { recursive: true });
  writeFileSync(folder, 'in the way');
  expect(() => sink.raise(LOCK)).not.toThrow();
});

it('shows in Slack and Mattermost as text that mentions no user and holds no link', async () => {
  alarms().sink.raise({ ...LOCK, text: 'principal "<!channel> @all <https://evil|x>" is locked out' });
  deliver('slack');
  await eventually(() => got.length === 1, 'it was delivered');
  const [text = ''] = texts();
  expect(Object.keys(JSON.parse(got[0]?.body ?? '{}'))).toEqual(['text']);
  expect(text).not.toMatch(/<|>|@all/);
  expect(text).toContain('is locked out');
  expect(text).toContain('reason: canary');
});
