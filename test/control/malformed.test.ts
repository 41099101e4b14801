/** Sends forty broken requests to the control socket: each is refused or cut off, and the next valid one is answered. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pino from 'pino';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { askGuard } from '../../src/operations/control/client.ts';
import {
  type ControlReply,
  type ControlRequest,
  done,
  LONGEST_REQUEST,
} from '../../src/operations/control/protocol.ts';
import { openControl, type RunningControl } from '../../src/operations/control/server.ts';
import { proven, speakTo } from './raw-socket.ts';

const folder = mkdtempSync(join(tmpdir(), 'rowgate-test-malformed-'));
const path = join(folder, 'rowgate.sock');
const seen: ControlRequest[] = [];
let control: RunningControl;

beforeAll(async () => {
  const answer = async (request: ControlRequest): Promise<ControlReply> => {
    if (request.command === 'throw') throw new Error('a bug');
    seen.push(request);
    return done({});
  };
  control = await openControl({ path, log: pino({ level: 'silent' }), timeZone: 'UTC', answer });
});

afterAll(async () => {
  await control.close();
  rmSync(folder, { recursive: true, force: true });
});

const request = (changes: object): string =>
  `${JSON.stringify({ version: 1, command: 'who', arguments: {}, ...changes })}\n`;

const NONE: readonly (string | Buffer)[] = [
  '\n',
  ' \n',
  'null\n',
  'true\n',
  '0\n',
  '1e999\n',
  '""\n',
  '[]\n',
  '{}\n',
  '{\n',
  '}\n',
  '{"version":1\n',
  `${'['.repeat(30_000)}\n`,
  `${'{"a":'.repeat(10_000)}\n`,
  'reload\n',
  'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n',
  Buffer.from([0, 0, 0, 8, 4, 0xd2, 0x16, 0x2f, 10]),
  Buffer.from([0xff, 0xfe, 0xfd, 10]),
  Buffer.concat([Buffer.alloc(1000), Buffer.from('\n')]),
  request({ version: 0 }),
  request({ version: 2 }),
  request({ version: '1' }),
  request({ version: null }),
  request({ command: undefined }),
  request({ command: null }),
  request({ command: 7 }),
  request({ command: ['who'] }),
  request({ command: 'x'.repeat(65) }),
  request({ arguments: undefined }),
  request({ arguments: null }),
  request({ arguments: [] }),
  request({ arguments: 'who' }),
  request({ behalf: '' }),
  request({ behalf: 'two words' }),
  request({ behalf: 'ines)' }),
  request({ behalf: 'x'.repeat(65) }),
  request({ behalf: null }),
  request({ by: 'root' }),
  request({ more: 1 }),
  request({ command: 'throw' }),
];

const TOO_LONG = request({ arguments: { a: 'x'.repeat(LONGEST_REQUEST) } });

async function isAnswered(): Promise<void> {
  expect(await askGuard(path, { command: 'fine', arguments: {} })).toMatchObject({ ok: true });
}

it.each(NONE.map((bytes, n) => ({ n, bytes })))('request $n is refused', async ({ bytes }) => {
  const before = seen.length;
  const raw = await proven(path);
  raw.send(bytes);
  expect(await raw.reply()).toMatchObject({ ok: false });
  raw.socket.destroy();
  expect(seen.length).toBe(before);
});

it('one that is too long is cut off, whole or without an end', async () => {
  for (const bytes of [TOO_LONG, TOO_LONG.trimEnd()]) {
    const raw = await proven(path);
    raw.send(bytes);
    expect(await raw.reply()).toBeUndefined();
  }
  await isAnswered();
});

it('silent connections are limited in number, and block no other request', async () => {
  const idle: Awaited<ReturnType<typeof speakTo>>[] = [];
  for (let i = 0; i < 40; i += 1) idle.push(await speakTo(path));
  await isAnswered();
  const open = () => idle.filter(({ socket }) => !socket.closed).length;
  await expect.poll(open).toBeLessThanOrEqual(16);
  expect(open()).toBeGreaterThan(10);
  for (const { socket } of idle) socket.destroy();
});

it('a client that leaves in the middle disturbs no other', async () => {
  for (const bytes of ['', '{"version":1', request({})]) {
    const raw = await proven(path);
    raw.send(bytes);
    raw.socket.destroy();
  }
  await isAnswered();
});
