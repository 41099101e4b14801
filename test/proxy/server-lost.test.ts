/** Tests what operators read when the database server ends sessions or is down: one line for each change. */
import { createServer, type Socket } from 'node:net';
import pino from 'pino';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { guardInFrontOf, type TestGuard } from '../support/guard.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { seedSmall } from '../support/seed.ts';
import { eventually } from './support.ts';

let database: FreshDatabase;
let guard: TestGuard | undefined;
let lines: { level: number; msg: string; principal?: string; err?: unknown }[] = [];
const log = () => pino({ level: 'info' }, { write: (line: string) => void lines.push(JSON.parse(line)) });
const warned = () => lines.filter(({ level }) => level >= 40);

beforeAll(async () => {
  database = await freshDatabase();
  await seedSmall(database.url);
});
afterEach(async () => {
  await guard?.stop();
  guard = undefined;
  lines = [];
});
afterAll(() => database?.drop());

test('a session that the server ends leaves a line, one that its client ends leaves none', async () => {
  guard = await guardInFrontOf(database, { log: log() });
  const [stays, leaves] = [await guard.connect('teacher'), await guard.connect('office')];
  await leaves.end();
  await stays.query('SELECT 1');
  const ended = new Promise<void>((done) => stays.once('end', () => done()));
  await database.query(
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`,
  );
  await ended;
  const said = () => lines.filter(({ msg }) => msg === 'the database server ended a session');
  await eventually(() => said().length > 0, 'the line is there');
  expect(said().map(({ principal }) => principal)).toEqual(['teacher']);
});

test('a database that is down while the guard starts is one line, however often it is tried', async () => {
  let tries = 0;
  const down = createServer((socket: Socket) => {
    tries += 1;
    socket.on('error', () => {});
    socket.destroy();
  });
  await new Promise<void>((done) => down.listen(0, '127.0.0.1', done));
  const { port } = down.address() as { port: number };
  try {
    guard = await guardInFrontOf(database, {
      log: log(),
      upstream: () => `{ url: "postgres://a:b@127.0.0.1:${port}/${database.name}" }`,
    });
    await eventually(() => tries >= 5, 'it is tried again and again');
    expect(warned().map(({ msg, err }) => [msg, err])).toEqual([
      ['the database server cannot be reached; logins are refused until it can', undefined],
    ]);
  } finally {
    await new Promise((done) => down.close(done));
  }
});
