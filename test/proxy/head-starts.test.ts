/** Tests preconnect: the server's session begins while the client proves its password, for principals and addresses that have logged in before; others cause nothing at the server. */
import { connect, type Socket } from 'node:net';
import type pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { SocketReader } from '../../src/net/socket-reader.ts';
import { decodeAuthentication, saslInitialResponse, saslResponse } from '../../src/protocol/authentication.ts';
import { Backend } from '../../src/protocol/message-types.ts';
import { answerServerFirst, clientFirst } from '../../src/protocol/scram-client.ts';
import { startupMessage } from '../../src/protocol/startup.ts';
import { Preconnects } from '../../src/server/preconnect.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { eventually, policyOf, principal, role, startTestProxy, type TestProxy, verifierOf } from './support.ts';

let database: FreshDatabase;
let admin: pg.Client;
let login: { user: string; password: string };
let verifier: string;
let proxy: TestProxy;
const sockets: Socket[] = [];

beforeAll(async () => {
  database = await freshDatabase();
  admin = await database.connect();
  login = await database.createLogin();
  verifier = await verifierOf('secret');
});

beforeEach(async () => {
  proxy = await startTestProxy({ ...login, database: database.name }, policy());
});

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await proxy.stop(1_000);
  await eventually(async () => (await backends()).length === 0, 'the server has no session of the account');
});

afterAll(() => database?.drop());

function policy(extra: Parameters<typeof role>[1] = {}) {
  return policyOf([principal('app', [verifier]), principal('other', [verifier])], [role('app', extra)]);
}

function ofApp(extra: Parameters<typeof principal>[2]) {
  return policyOf([principal('app', [verifier], extra)], [role('app')]);
}

/** Server processes of the guard's account. */
async function backends(): Promise<number[]> {
  const found = await admin.query('SELECT pid FROM pg_stat_activity WHERE usename = $1', [login.user]);
  return found.rows.map(({ pid }) => pid);
}

interface Asked {
  /** Proves the password; gives what comes then, up to ReadyForQuery or an error. */
  prove(password: string): Promise<{ readonly pid?: number; readonly error?: string }>;
  leave(): void;
}

/** Comes as far as the proof. */
async function asked(user: string, settings: Readonly<Record<string, string>> = {}, name?: string): Promise<Asked> {
  const socket = connect({ port: proxy.port, host: '127.0.0.1' });
  sockets.push(socket);
  socket.on('error', () => {});
  const reader = new SocketReader(socket);
  const entries = Object.entries({ user, database: name ?? database.name, ...settings });
  socket.write(startupMessage(3, 0, entries));
  await reader.readMessage();
  const input = { mechanism: 'SCRAM-SHA-256', nonce: 'fromatest', channelBinding: undefined, password: '' } as const;
  socket.write(saslInitialResponse('SCRAM-SHA-256', clientFirst(input)));
  const challenge = decodeAuthentication((await reader.readMessage()).bytes);
  if (challenge.kind !== 'sasl-continue') throw new Error(challenge.kind);
  return {
    async prove(password) {
      const final = await answerServerFirst({ ...input, password }, Buffer.from(challenge.data));
      socket.write(saslResponse(final?.message ?? ''));
      for (;;) {
        const { type, bytes } = await reader.readMessage();
        if (type === Backend.ErrorResponse) return { error: bytes.toString('latin1') };
        if (type === Backend.ReadyForQuery) return { pid: await processOf(socket, reader) };
      }
    },
    leave: () => socket.destroy(),
  };
}

/** The process ID of the server's session. */
async function processOf(socket: Socket, reader: SocketReader): Promise<number> {
  const text = Buffer.from('SELECT pg_backend_pid()\0');
  const head = Buffer.from([0x51, 0, 0, 0, text.length + 4]);
  socket.write(Buffer.concat([head, text]));
  let pid = 0;
  for (;;) {
    const { type, bytes } = await reader.readMessage();
    // A DataRow of one column: header, count of columns, length of the text, the text.
    if (type === Backend.DataRow) pid = Number(bytes.subarray(5 + 2 + 4).toString());
    if (type === Backend.ReadyForQuery) return pid;
  }
}

async function comeIn(user = 'app'): Promise<void> {
  const client = await asked(user);
  expect(await client.prove('secret')).toHaveProperty('pid');
  client.leave();
  await eventually(async () => (await backends()).length === 0, 'the session is over');
}

async function oneBegins(): Promise<number> {
  await eventually(async () => (await backends()).length === 1, 'a session begins at the server');
  return (await backends())[0]!;
}

/** Time enough for a session to begin. */
async function noneBegins(): Promise<void> {
  await new Promise((wake) => setTimeout(wake, 300));
  expect(await backends()).toEqual([]);
}

describe('before the proof', () => {
  test('nothing is begun for a client that has not logged in before', async () => {
    await asked('app');
    await noneBegins();
  });

  test('nothing for another principal, one that does not exist, or another database', async () => {
    await comeIn();
    await asked('other');
    await asked('unknown');
    await asked('app', {}, 'postgres');
    await noneBegins();
  });

  test('one session for a client that has, and the client gets it', async () => {
    await comeIn();
    const client = await asked('app');
    const early = await oneBegins();
    expect(await client.prove('secret')).toEqual({ pid: early });
    expect(await backends()).toEqual([early]);
  });

  test('with the settings of this client', async () => {
    await comeIn();
    const client = await asked('app', { application_name: 'a second one' });
    await oneBegins();
    await client.prove('secret');
    const { rows } = await admin.query('SELECT application_name FROM pg_stat_activity WHERE usename = $1', [
      login.user,
    ]);
    expect(rows).toEqual([{ application_name: 'a second one' }]);
  });

  test.each([
    ['the role is closed', () => policy({ disabled: 'an error' })],
    ['the principal is closed', () => ofApp({ disabled: 'by hand' })],
    ['its time is over', () => ofApp({ validUntil: Date.now() - 1 })],
    ['it may come from elsewhere alone', () => ofApp({ from: ['10.0.0.0/8'] })],
    ['it is bound to a certificate', () => ofApp({ certificate: `sha256:${'0'.repeat(64)}` })],
  ])('nothing where meanwhile %s', async (_, next) => {
    await comeIn();
    await proxy.setPolicy(next());
    await asked('app');
    await noneBegins();
  });
});

describe('a preconnected session is closed', () => {
  test('after a wrong password, and the next guess begins nothing', async () => {
    await comeIn();
    const client = await asked('app');
    await oneBegins();
    expect((await client.prove('guess')).error).toContain('28P01');
    await eventually(async () => (await backends()).length === 0, 'the session is closed');
    await asked('app');
    await noneBegins();
    await comeIn();
    await asked('app');
    await oneBegins();
  });

  test('when the client leaves', async () => {
    await comeIn();
    const client = await asked('app');
    await oneBegins();
    client.leave();
    await eventually(async () => (await backends()).length === 0, 'the session is closed');
  });

  test.each([
    ['the client lets it wait', () => eventually(async () => (await backends()).length === 0, 'it is closed')],
    ['the server ends it', (early: number) => admin.query('SELECT pg_terminate_backend($1, 5000)', [early])],
  ])('when %s; the client gets in all the same', async (_, meanwhile) => {
    await comeIn();
    const client = await asked('app');
    const early = await oneBegins();
    await meanwhile(early);
    const { pid } = await client.prove('secret');
    expect(pid).toBeGreaterThan(0);
    expect(pid).not.toBe(early);
  });

  test('when the policy changes: the client gets one that is made for the new one', async () => {
    await comeIn();
    const client = await asked('app');
    const early = await oneBegins();
    await proxy.setPolicy(policy({ limits: { statementTimeout: 3_000 } }));
    const { pid } = await client.prove('secret');
    expect(pid).not.toBe(early);
    expect(await backends()).toEqual([pid]);
  });

  test('when the principal has all the sessions that it may have', async () => {
    await proxy.setPolicy(ofApp({ limits: { connections: 1 } }));
    const first = await asked('app');
    const { pid } = await first.prove('secret');
    const second = await asked('app');
    await eventually(async () => (await backends()).length === 2, 'a second session begins');
    expect((await second.prove('secret')).error).toContain('53300');
    await eventually(async () => (await backends()).length === 1, 'it is closed');
    expect(await backends()).toEqual([pid]);
  });
});

test('at most sixteen sessions are begun at once', async () => {
  await comeIn();
  for (let i = 0; i < 20; i += 1) await asked('app');
  await eventually(async () => (await backends()).length === 16, 'sixteen begin');
  await new Promise((wake) => setTimeout(wake, 300));
  expect(await backends()).toHaveLength(16);
});

test('where none could be begun, the client’s own attempt decides', async () => {
  await comeIn();
  const account = admin.escapeIdentifier(login.user);
  await admin.query(`ALTER ROLE ${account} CONNECTION LIMIT 0`);
  const client = await asked('app');
  await noneBegins();
  await admin.query(`ALTER ROLE ${account} CONNECTION LIMIT -1`);
  expect(await client.prove('secret')).toHaveProperty('pid');
});

test('sessions that are still being opened count, also when their client has left', async () => {
  const heads = new Preconnects();
  const who = { principal: 'app', address: '127.0.0.1' };
  const ours = role('app');
  const failure = { refusal: { reason: 'upstream', sqlstate: '08001', message: '' }, detail: '' } as const;
  const answers: (() => void)[] = [];
  const begin = () => heads.begin(who, ours, () => new Promise((done) => answers.push(() => done({ failure }))));
  for (let i = 0; i < 16; i += 1) {
    heads.cameIn(who);
    begin()?.letGo();
  }
  heads.cameIn(who);
  expect(answers).toHaveLength(16);
  expect(begin()).toBeUndefined();
  for (const answer of answers) answer();
  await new Promise((wake) => setImmediate(wake));
  expect(begin()).toBeDefined();
});
