/** Tests the relay with real clients: cancel, back pressure, large results, and the ends of a session on either side. */
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Judgement } from '../../src/guard/decision.ts';
import { Backend, Frontend } from '../../src/protocol/message-types.ts';
import { MessageWriter } from '../../src/protocol/message-writer.ts';
import { cancelRequest } from '../../src/protocol/startup.ts';
import { Session } from '../../src/session/session.ts';
import { type FreshDatabase, freshDatabase, serverVersion } from '../support/postgres.ts';
import { type RawClient, rawLogin } from './raw-client.ts';
import {
  eventually,
  passThrough,
  policyOf,
  principal,
  psqlProcess,
  startTestProxy,
  type TestProxy,
  talk,
  verifierOf,
} from './support.ts';

const query = (sql: string) => new MessageWriter(Frontend.Query).string(sql).finish();

/** Lets everything through, as for an unrestricted role. */
function allow(sql: string): Judgement {
  const statement = {
    effect: 'allow',
    kind: { kind: 'other' },
    command: 'SELECT',
    fingerprint: '',
    normalized: sql,
    tables: [],
    columns: [],
  } as const;
  return {
    effect: 'allow',
    statements: [statement],
    template: [sql],
    parameters: 0,
    edits: [],
  } as unknown as Judgement;
}

describe.each([
  ['a session that passes everything through', passThrough],
  ['the real session', (ports: ConstructorParameters<typeof Session>[0]) => new Session(ports)],
])('%s', (_name, makeSession) => {
  let database: FreshDatabase;
  let login: { user: string; password: string };
  let proxy: TestProxy;

  beforeAll(async () => {
    database = await freshDatabase();
    login = await database.createLogin();
    const policy = policyOf([principal('app', [await verifierOf('secret')])]);
    proxy = await startTestProxy({ ...login, database: database.name }, policy, {
      makeSession,
      makeJudge: () => ({ judge: allow }),
    });
  });

  afterAll(async () => {
    await proxy?.stop(1_000);
    await database?.drop();
  });

  const raw = (minor = 0): Promise<RawClient> => rawLogin(proxy.port, 'app', 'secret', database.name, minor);
  const backends = async (where = 'true'): Promise<number> => {
    const rows = await database.query<{ n: number }>(
      `SELECT count(*)::int AS n FROM pg_stat_activity WHERE usename = '${login.user}' AND ${where}`,
    );
    return rows[0]?.n ?? -1;
  };
  const sleeping = "state = 'active' AND query LIKE '%pg_sleep%'";

  test('Ctrl-C in psql', async () => {
    const child = psqlProcess(proxy.url('app', 'secret'), ['-c', 'SELECT pg_sleep(60)']);
    let stderr = '';
    child.stderr?.on('data', (chunk) => {
      stderr += chunk;
    });
    const ended = new Promise<void>((done) => child.once('exit', () => done()));
    await eventually(async () => (await backends(sleeping)) === 1, 'the statement runs');
    child.kill('SIGINT');
    await ended;
    expect(stderr).toContain('canceling statement due to user request');
  });

  test.each([
    [0, 4],
    [2, 32],
  ])('a CancelRequest with the key of protocol 3.%i; no other key will do', async (minor, length) => {
    const client = await raw(minor);
    expect(client.key.secretKey).toHaveLength(length);
    client.socket.write(query('SELECT pg_sleep(60)'));
    await eventually(async () => (await backends(sleeping)) === 1, 'the statement runs');
    const wrong = Uint8Array.from(client.key.secretKey);
    wrong[0]! ^= 1;
    await talk(proxy.port, cancelRequest(client.key.processId, wrong));
    await talk(proxy.port, cancelRequest(client.key.processId, client.key.secretKey.subarray(0, 3)));
    expect(await backends(sleeping)).toBe(1);
    const answer = talk(proxy.port, cancelRequest(client.key.processId, client.key.secretKey));
    let text = '';
    for (let message = await client.reader.readMessage(); ; message = await client.reader.readMessage()) {
      if (message.type === Backend.ErrorResponse) text = message.bytes.toString();
      if (message.type === Backend.ReadyForQuery) break;
    }
    expect(text).toContain('57014');
    expect(await answer).toHaveLength(0);
    client.socket.destroy();
  });

  test('the process ID is the one of the server, the secret is not', async () => {
    const client = await raw();
    client.socket.write(query('SELECT pg_sleep(60)'));
    await eventually(async () => (await backends(sleeping)) === 1, 'the statement runs');
    const [row] = await database.query<{ query: string }>(
      `SELECT query FROM pg_stat_activity WHERE pid = ${client.key.processId}`,
    );
    expect(row).toEqual({ query: 'SELECT pg_sleep(60)' });
    const server = Number(new URL(database.url).port);
    await talk(server, cancelRequest(client.key.processId, client.key.secretKey));
    expect(await backends(sleeping)).toBe(1);
    expect(client.parameters.get('server_version')).toMatch(new RegExp(`^${serverVersion()}\\b`));
    client.socket.end();
  });

  test('a client that does not read holds back the server; memory stays', async () => {
    const client = await raw();
    client.reader.detach();
    client.socket.pause();
    const before = process.memoryUsage().rss;
    client.socket.write(query("SELECT repeat('x', 1000) FROM generate_series(1, 150000)"));
    let held = 0;
    // In a row, so that it is not between two writes.
    await eventually(async () => {
      held = (await backends("wait_event = 'ClientWrite'")) === 1 ? held + 1 : 0;
      return held >= 10;
    }, 'the server waits');
    expect(process.memoryUsage().rss - before).toBeLessThan(100 * 1024 * 1024);
    let bytes = 0;
    await new Promise<void>((done) => {
      let last = Buffer.alloc(0);
      client.socket.on('data', (chunk) => {
        bytes += chunk.length;
        // The last message may come in two pieces.
        last = Buffer.concat([last, chunk.subarray(-6)]).subarray(-6);
        if (last.equals(Buffer.from([0x5a, 0, 0, 0, 5, 0x49]))) done();
      });
      client.socket.resume();
    });
    expect(bytes).toBeGreaterThan(150_000_000);
    client.socket.destroy();
  });

  test('the statement of a client that is gone is stopped soon', async () => {
    const client = await raw();
    client.socket.write(query('SELECT pg_sleep(60)'));
    await eventually(async () => (await backends(sleeping)) === 1, 'the statement runs');
    client.socket.destroy();
    await eventually(async () => (await backends(sleeping)) === 0, 'it was stopped');
  });

  test('statements sent before a Terminate run', async () => {
    const client = await raw();
    const work = query(`DO $$ BEGIN PERFORM pg_sleep(1.5); NOTIFY done; END $$`);
    const listener = await database.connect();
    const notified = new Promise<void>((done) => listener.on('notification', () => done()));
    await listener.query('LISTEN done');
    client.socket.end(Buffer.concat([work, Buffer.from('X\0\0\0\x04', 'latin1')]));
    await notified;
  });

  test('statements sent before a Terminate that comes byte by byte run', async () => {
    const client = await raw();
    client.socket.setNoDelay(true);
    const listener = await database.connect();
    const notified = new Promise<void>((done) => listener.on('notification', () => done()));
    await listener.query('LISTEN piecemeal');
    client.socket.write(query(`DO $$ BEGIN PERFORM pg_sleep(1.5); NOTIFY piecemeal; END $$`));
    for (const byte of [0x58, 0, 0, 0, 4]) {
      client.socket.write(Buffer.of(byte));
      await new Promise((wake) => setTimeout(wake, 50));
    }
    client.socket.end();
    await notified;
  });

  test('the server ends the session: the client hears why', async () => {
    const client = new pg.Client({ connectionString: proxy.url('app', 'secret') });
    await client.connect();
    const heard = new Promise<Error>((done) => client.on('error', done));
    await database.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '${login.user}'`);
    expect(await heard).toMatchObject({ code: '57P01' });
  });

  test('many at once, and none is left behind', async () => {
    const clients = Array.from({ length: 20 }, () => new pg.Client({ connectionString: proxy.url('app', 'secret') }));
    await Promise.all(clients.map((client) => client.connect()));
    const answers = await Promise.all(clients.map((client, i) => client.query(`SELECT ${i} AS i`)));
    expect(answers.map(({ rows }) => rows[0].i)).toEqual(clients.map((_client, i) => i));
    await Promise.all(clients.map((client) => client.end()));
    await eventually(async () => (await backends()) === 0, 'no backend is left');
    await eventually(() => proxy.sessions.size === 0, 'no session is left');
  });
});

test('a client that does not read what is answered here is not read either', async () => {
  const database = await freshDatabase();
  const login = await database.createLogin();
  let taken = 0;
  const proxy = await startTestProxy(
    { ...login, database: database.name },
    policyOf([principal('app', [await verifierOf('secret')])]),
    {
      makeSession: (ports) => ({
        ...passThrough(ports),
        onClient: (chunk) => {
          taken += chunk.length;
          ports.toClient(chunk);
        },
      }),
    },
  );
  const { socket, reader } = await rawLogin(proxy.port, 'app', 'secret', database.name);
  reader.detach();
  socket.pause();
  const piece = Buffer.alloc(64 * 1024);
  const MOST = 64 * 1024 * 1024;
  let full = false;
  while (!full && taken < MOST) {
    const before = taken;
    if (socket.write(piece)) await new Promise(setImmediate);
    else full = await Promise.race([once(socket, 'drain').then(() => false), stands(() => taken, before)]);
  }
  expect(taken).toBeLessThan(MOST);
  // It goes on where the client reads.
  const held = taken;
  socket.resume();
  await eventually(() => taken > held, 'the rest is taken');
  socket.destroy();
  await proxy.stop(1_000);
  await database.drop();
});

/** Resolves with true once a number has stood still for a second. */
async function stands(of: () => number, before: number): Promise<boolean> {
  for (let last = before, since = performance.now(); performance.now() - since < 1_000; await sleep(20))
    if (of() !== last) [last, since] = [of(), performance.now()];
  return true;
}
