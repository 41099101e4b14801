/** Tests that a guard does not wait for ever for a server that answers no more: neither when it is told to stop, nor when it asks for the catalog. */
import { connect, createServer, type Server, type Socket } from 'node:net';
import pino from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import { watchCatalog } from '../../src/app/catalog-watch.ts';
import { parseConfig } from '../../src/config/load.ts';
import { type FreshDatabase, freshDatabase, serverAddress } from '../support/postgres.ts';

let database: FreshDatabase;
let login: { url: string };
beforeAll(async () => {
  database = await freshDatabase();
  login = await database.createLogin();
});
afterAll(() => database?.drop());

/** Between the guard and the server: while `frozen` it takes everything, and passes nothing on, no end either. */
let between: Server;
let frozen = false;
const late: (() => void)[] = [];
/** Connections of the guard that it has not closed. */
const open = new Set<Socket>();

const pass = (act: () => void): void => void (frozen ? late.push(act) : act());
function thaw(): void {
  frozen = false;
  for (const act of late.splice(0)) act();
}

beforeEach(async () => {
  between = createServer({ allowHalfOpen: true }, (guard) => {
    const { host, port } = serverAddress();
    const server = connect({ host, port, allowHalfOpen: true });
    open.add(guard);
    for (const [one, other] of [
      [guard, server],
      [server, guard],
    ] as const) {
      one.on('error', () => {});
      one.on('data', (bytes) => pass(() => other.write(bytes)));
      one.on('end', () => pass(() => other.end()));
    }
    guard.on('end', () => open.delete(guard));
    guard.on('close', () => server.destroy());
  });
  await new Promise<void>((done) => between.listen(0, '127.0.0.1', done));
});
afterEach(() => {
  thaw();
  for (const socket of open) socket.destroy();
  open.clear();
  between.close();
});

function watching() {
  const url = new URL(login.url);
  url.host = `127.0.0.1:${(between.address() as { port: number }).port}`;
  const text = `listen: 127.0.0.1:0\nupstream: { url: "${url}", tls: { mode: disable } }\n`;
  const { config } = parseConfig('/rowgate.yaml', text, {});
  let asked = 0;
  const watch = watchCatalog({
    upstream: config!.upstream,
    log: pino({ level: 'silent' }),
    version: () => '',
    changed: async () => {
      asked += 1;
    },
  });
  return { watch, asked: () => asked };
}

test('it stops while it connects: no connection stays', async () => {
  frozen = true;
  const { watch } = watching();
  await expect.poll(() => open.size).toBe(1);
  const stopped = watch.stop();
  thaw();
  await stopped;
  await expect.poll(() => open.size).toBe(0);
});

test('it stops, and does not wait for the server', async () => {
  const { watch, asked } = watching();
  await expect.poll(asked).toBe(1);
  frozen = true;
  await watch.stop();
  await expect.poll(() => open.size).toBe(0);
});

test('it asks over another connection where there is no answer to the last question', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
  const { watch, asked } = watching();
  await vi.advanceTimersByTimeAsync(1_000);
  await expect.poll(asked).toBe(1);
  await expect.poll(() => vi.getTimerCount()).toBe(1);
  frozen = true;
  await vi.advanceTimersByTimeAsync(1_000);
  await expect.poll(() => late.length).toBeGreaterThan(0);
  await vi.advanceTimersByTimeAsync(120_000);
  await expect.poll(() => watch.unreachable).toBe(true);
  thaw();
  await expect.poll(() => vi.getTimerCount()).toBe(1);
  await vi.advanceTimersByTimeAsync(10_000);
  await expect.poll(asked).toBe(2);
  expect(watch.unreachable).toBe(false);
  await watch.stop();
});
