/** Tests limits on connections: in all, per address, per principal, before login; the error when one is exceeded, and that slots are given back. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { openFiles, tooFewFiles } from '../../src/app/open-files.ts';
import type { ConnectionLimits } from '../../src/server/slots/connection-limits.ts';
import { SlotCounts, SlotHolding } from '../../src/server/slots/slot-counts.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { LINUX, testWith } from '../support/tools.ts';
import {
  errorIn,
  eventually,
  policyOf,
  principal,
  psql,
  role,
  startTestProxy,
  type TestProxy,
  until,
  verifierOf,
} from './support.ts';

const WIDE: ConnectionLimits = {
  connections: 100,
  connectionsPerAddress: 100,
  reservedConnections: 0,
  logins: 100,
  loginsPerAddress: 100,
};

let database: FreshDatabase;
let login: { user: string; password: string };
let verifier: string;
let proxy: TestProxy | undefined;
const clients: pg.Client[] = [];

beforeAll(async () => {
  database = await freshDatabase();
  login = await database.createLogin();
  verifier = await verifierOf('secret');
});

afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.end().catch(() => {})));
  await proxy?.stop(1_000);
  proxy = undefined;
});

afterAll(() => database?.drop());

async function start(limits: Partial<ConnectionLimits>): Promise<TestProxy> {
  const policy = policyOf(
    [
      principal('app', [verifier], { role: 'restricted' }),
      principal('few', [verifier], { limits: { connections: 1 } }),
      principal('dba', [verifier]),
    ],
    [role('app'), role('restricted', { access: 'restricted' })],
  );
  proxy = await startTestProxy({ ...login, database: database.name }, policy, {
    limits: { ...WIDE, ...limits },
    loginTimeoutMs: 60_000,
  });
  return proxy;
}

/** `in`, or what the client was told. */
async function come(to: TestProxy, user: string): Promise<string> {
  const client = new pg.Client({ connectionString: to.url(user, 'secret') });
  client.on('error', () => {});
  try {
    await client.connect();
    clients.push(client);
    return 'in';
  } catch (error) {
    const { code, message } = error as pg.DatabaseError;
    return `${code} ${message}`;
  }
}

const RESERVED = '53300 remaining connection slots are reserved for unrestricted roles';

test('the last connections are for unrestricted roles; then there are too many clients', async () => {
  const to = await start({ connections: 4, reservedConnections: 2 });
  expect([await come(to, 'app'), await come(to, 'app'), await come(to, 'app')]).toEqual(['in', 'in', RESERVED]);
  expect([await come(to, 'dba'), await come(to, 'dba')]).toEqual(['in', 'in']);
  expect(await come(to, 'dba')).toBe('53300 sorry, too many clients already');
  expect(await come(to, 'app')).toBe(RESERVED);
  await clients.shift()?.end();
  await eventually(() => to.sessions.size === 3, 'one has left');
  expect(await come(to, 'app')).toBe(RESERVED);
  expect(await come(to, 'dba')).toBe('in');
});

test('reserved connections stay free for their principals', async () => {
  const to = await start({ connections: 2, reservedConnections: 2 - 1 });
  expect([await come(to, 'dba'), await come(to, 'dba'), await come(to, 'app')]).toEqual(['in', 'in', RESERVED]);
});

test('of one address', async () => {
  const to = await start({ connectionsPerAddress: 2 });
  expect([await come(to, 'app'), await come(to, 'dba')]).toEqual(['in', 'in']);
  expect(await come(to, 'dba')).toBe('53300 too many connections from this address');
});

test('of a principal; a login that fails after its place was taken gives all of them back', async () => {
  const to = await start({ connections: 2 });
  expect([await come(to, 'few'), await come(to, 'few')]).toEqual(['in', '53300 too many connections for role "few"']);
  for (let i = 0; i < 5; i++) await come(to, 'few');
  expect(await come(to, 'app')).toBe('in');
  expect(to.records.at(-2)).toMatchObject({
    kind: 'login-refused',
    fields: { reason: 'connections', principal: 'few' },
  });
});

describe('before login', () => {
  const open = (to: TestProxy, count: number): Socket[] =>
    Array.from({ length: count }, () => connect({ port: to.port, host: '127.0.0.1' }).on('error', () => {}));

  test('one address has its share; when its connections are gone, so is what they held', async () => {
    const to = await start({ logins: 10, loginsPerAddress: 3 });
    const silent = open(to, 3);
    // They are before psql in the line.
    await Promise.all(silent.map((socket) => once(socket, 'connect')));
    await eventually(async () => (await psql(to.url('app', 'secret'), ['-c', 'SELECT 1'])).status === 2, 'it is full');
    const [more] = open(to, 1);
    expect(errorIn(await until(more!))).toMatchObject({
      C: '53300',
      M: 'too many connections that have not logged in yet',
    });
    for (const socket of silent) socket.destroy();
    await eventually(
      async () => (await psql(to.url('app', 'secret'), ['-c', 'SELECT 1'])).status === 0,
      'there is room',
    );
  });

  const COUNT = process.env.ROWGATE_LONG ? 5_000 : 1_000;

  test(`${COUNT} that come and go leave nothing`, async () => {
    const to = await start({ logins: 50, loginsPerAddress: 50 });
    const memory = process.memoryUsage().rss;
    for (let batch = 0; batch < COUNT / 100; batch++) {
      const sockets = open(to, 100);
      await Promise.all(
        sockets.map((socket) => new Promise((done) => socket.once('connect', done).once('close', done))),
      );
      for (const socket of sockets) socket.destroy();
    }
    await eventually(async () => (await psql(to.url('app', 'secret'), ['-c', 'SELECT 1'])).stdout === '1', 'it serves');
    await eventually(() => to.sessions.size === 0, 'no session is left');
    expect(process.memoryUsage().rss - memory).toBeLessThan(150 * 1024 * 1024);
  });
});

describe('places', () => {
  const a = { key: 'a', limit: 2 };
  const b = { key: 'b', limit: 1 };

  test('are taken all together or not at all', () => {
    const places = new SlotCounts();
    expect(places.take([a, b])).toBeUndefined();
    expect(places.take([a, b])).toBe(1);
    expect([places.count('a'), places.count('b')]).toEqual([1, 1]);
    expect(places.take([a, { key: 'c', limit: undefined }])).toBeUndefined();
    expect(places.take([a])).toBe(0);
    places.give(['a', 'b', 'c']);
    expect([places.count('a'), places.count('b'), places.count('c')]).toEqual([1, 0, 0]);
  });

  test('of a worker that has died are free, once, and it takes no more', () => {
    const places = new SlotCounts();
    const [dead, living] = [new SlotHolding(places), new SlotHolding(places)];
    expect([dead.take([a]), living.take([a]), living.take([a])]).toEqual([undefined, undefined, 0]);
    dead.giveAll();
    dead.give(['a']);
    expect(places.count('a')).toBe(1);
    expect(dead.take([a])).toBe(0);
    living.give(['a', 'a', 'b']);
    expect(places.count('a')).toBe(0);
  });
});

describe('open files', () => {
  test('are read as Linux tells them', () => {
    const line = (soft: string) =>
      `Limit  Soft Limit  Hard Limit  Units\nMax open files            ${soft}     524288     files\n`;
    expect(openFiles(line('1024'))).toBe(1024);
    expect(openFiles(line('unlimited'))).toBe(Number.POSITIVE_INFINITY);
    expect(openFiles('')).toBeUndefined();
  });

  testWith(LINUX)('a limit of open files that is too low for the configuration is reported', () => {
    const limits = { ...WIDE, connections: 5_000_000_000 };
    expect(tooFewFiles({ limits, workers: 1 })).toMatch(
      /may need 10000000364 open files, and this process may open \d+/,
    );
    expect(tooFewFiles({ limits: { ...WIDE, connections: 10, logins: 10 }, workers: 1 })).toBeUndefined();
  });
});
