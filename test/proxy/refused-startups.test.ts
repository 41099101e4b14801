/** Tests loops of refused startups: few records that add up, answers that come later and later, and no delay for other clients. */
import { once } from 'node:events';
import { connect, Socket } from 'node:net';
import pg from 'pg';
import pino from 'pino';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { protocolViolation } from '../../src/core/login-refusal.ts';
import type { RecordSink, RefusedLogin } from '../../src/decision-log/record-sink.ts';
import { SocketReader } from '../../src/net/socket-reader.ts';
import { decodeAuthentication, saslInitialResponse, saslResponse } from '../../src/protocol/authentication.ts';
import { answerServerFirst, clientFirst } from '../../src/protocol/scram-client.ts';
import { startupMessage } from '../../src/protocol/startup.ts';
import { RefusedLogins } from '../../src/server/login/refused-logins.ts';
import type { StartOptions } from '../../src/server/start.ts';
import { localState } from '../../src/server/start.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { rawLogin } from './raw-client.ts';
import { errorIn, eventually, policyOf, principal, startTestProxy, type TestProxy, verifierOf } from './support.ts';

let database: FreshDatabase;
let account: { user: string; password: string; database: string };
let proxy: TestProxy | undefined;
const open: Socket[] = [];

beforeAll(async () => {
  database = await freshDatabase();
  account = { ...(await database.createLogin()), database: database.name };
});

afterEach(async () => {
  for (const socket of open.splice(0)) socket.destroy();
  await proxy?.stop(5_000);
  proxy = undefined;
});

afterAll(() => database?.drop());

const policy = async () => policyOf([principal('app', [await verifierOf('secret')])]);

/** Behind a proxy that names its clients, so that a test has as many addresses as it likes. */
async function start(extra: Partial<StartOptions> = {}): Promise<TestProxy> {
  proxy = await startTestProxy(account, await policy(), {
    proxies: ['127.0.0.1/32'],
    loginTimeoutMs: 60_000,
    firstRefusals: 20,
    ...extra,
  });
  return proxy;
}

/** Connected, and said to come from this address. */
function from(address: string): Socket {
  const socket = new Socket();
  const bytes = Buffer.from('0d0a0d0a000d0a515549540a2111000c000000007f000001d4311920', 'hex');
  bytes.set(address.split('.').map(Number), 16);
  socket.on('error', () => {});
  socket.once('connect', () => socket.write(bytes));
  open.push(socket);
  return socket;
}

/** Ways to end a login before it has proved anything, by the record's reason. */
const BAD: Readonly<Record<string, (socket: Socket) => void>> = {
  'malformed SASL': (socket) => {
    socket.write(startupMessage(3, 0, [['user', 'app']]));
    socket.once('data', () => socket.write(saslInitialResponse('SCRAM-SHA-256', 'malformed')));
  },
  'a setting that may not be chosen': (socket) => {
    const settings = [
      ['user', 'app'],
      ['options', '-c log_statement=none'],
    ] as const;
    socket.write(startupMessage(3, 0, settings));
  },
  'another protocol': (socket) => socket.write(startupMessage(4, 0, [])),
  'no user': (socket) => socket.write(startupMessage(3, 0, [['database', 'x']])),
};

/** Resolves with what was told last, when the connection is closed. */
function refused(port: number, address: string, bad: (socket: Socket) => void): Promise<Record<string, string>> {
  const socket = from(address).connect(port, '127.0.0.1');
  socket.once('connect', () => bad(socket));
  const chunks: Buffer[] = [];
  socket.on('data', (chunk) => chunks.push(chunk));
  return once(socket, 'close').then(() => errorIn(Buffer.concat(chunks)));
}

async function logIn(port: number, address: string): Promise<void> {
  const connection = { host: '127.0.0.1', port, user: 'app', password: 'secret', database: account.database };
  const client = new pg.Client({ ...connection, stream: () => from(address) });
  await client.connect();
  await client.end();
}

const refusedIn = ({ records }: TestProxy) =>
  records.filter(({ kind }) => kind === 'login-refused').map(({ fields }) => fields as unknown as RefusedLogin);
const sumOf = (records: readonly RefusedLogin[]) => records.reduce((sum, { count = 1 }) => sum + count, 0);

describe.each(Object.entries(BAD))('a loop of startups with %s', (_, bad) => {
  test('slows only its own address, and adds up in few records and lines', async () => {
    let told = 0;
    const limits = {
      connections: 9,
      connectionsPerAddress: 9,
      reservedConnections: 0,
      logins: 200,
      loginsPerAddress: 150,
    };
    const to = await start({ limits, loginRefused: () => (told += 1) });
    let ended = 0;
    const loop = Array.from({ length: 100 }, () =>
      refused(to.port, '10.0.0.1', bad).then((words) => {
        ended += 1;
        return words;
      }),
    );
    await eventually(() => told === 100, 'all were refused');
    // The control in the same run: what is served at once comes before those of the loop that wait.
    expect(await refused(to.port, '10.0.0.2', bad), 'another address').toMatchObject({ S: 'FATAL' });
    await logIn(to.port, '10.0.0.1');
    expect(ended, 'some of the loop wait still').toBeLessThan(100);
    const before = refusedIn(to);
    expect(before.length).toBe(21);
    // When the guard ends, waiting clients get an answer, and remaining counts are written.
    const [answers] = await Promise.all([Promise.all(loop), to.stop(20_000)]);
    for (const words of answers) expect(words).toMatchObject({ S: 'FATAL' });
    const records = refusedIn(to);
    expect(sumOf(records)).toBe(101);
    expect(records.slice(21)).toEqual([
      expect.objectContaining({ client: '10.0.0.1', count: 80, since: expect.stringMatching(/^\d{4}-.*Z$/) }),
    ]);
    const lines = to.lines.filter((line) => /logins? refused/.test(line));
    expect(lines).toHaveLength(22);
    expect(lines.at(-1)).toContain('"count":80');
  });
});

test('clients that wait hold no slot before login, and where there are too many the others are closed at once', async () => {
  let told = 0;
  const limits = { connections: 9, connectionsPerAddress: 9, reservedConnections: 0, logins: 40, loginsPerAddress: 10 };
  const to = await start({ limits, loginRefused: () => (told += 1) });
  const loop: Promise<Record<string, string>>[] = [];
  const bad = BAD['malformed SASL']!;
  while (told < 60) {
    const before = told;
    loop.push(refused(to.port, '10.0.0.1', bad));
    await eventually(() => told > before, 'one more was refused');
  }
  await logIn(to.port, '10.0.0.1');
  const silent = (await Promise.all([Promise.all(loop), to.stop(20_000)]))[0].filter(({ S }) => S === undefined);
  expect(silent.length).toBeGreaterThan(0);
  expect(sumOf(refusedIn(to))).toBe(60);
});

test('a wrong password waits by its own rule and not by that of refused startups too', async () => {
  let told = 0;
  const to = await start({ loginRefused: () => (told += 1) });
  // Ten at a time: as many as one address may have, and less.
  for (let round = 1; round <= 3; round++) {
    for (let i = 0; i < 10; i++) void refused(to.port, '10.0.0.1', BAD['another protocol']!);
    await eventually(() => told === 10 * round, 'all were refused');
  }
  const waits = refused(to.port, '10.0.0.1', BAD['another protocol']!).then(() => 'a refused startup');
  await eventually(() => told === 31, 'it was refused');
  const connection = { host: '127.0.0.1', port: to.port, user: 'app', password: 'wrong', database: account.database };
  const client = new pg.Client({ ...connection, stream: () => from('10.0.0.1') });
  const wrong = client.connect().catch(({ code }: pg.DatabaseError) => code);
  expect(await Promise.race([waits, wrong])).toBe('28P01');
});

describe.each([
  ['a wrong password', 'wrong'],
  ['the right password', 'secret'],
])('a client that hangs up while the answer to %s is held back', (_, password) => {
  test.each([
    ['closes', (socket: Socket) => socket.destroy()],
    ['closes its own side alone, and listens', (socket: Socket) => socket.end()],
  ])('%s: it gets no answer, is recorded, counts as failed, and locks no one out', async (_how, hangUp) => {
    const shared = localState();
    const waited: string[] = [];
    let held = 0;
    const limits = { connections: 9, connectionsPerAddress: 9, reservedConnections: 0, logins: 1, loginsPerAddress: 1 };
    const to = await start({
      proxies: [],
      limits,
      worker: {
        slot: 0,
        shared: {
          ...shared,
          attempted: async (user, address, accepted) => {
            await shared.attempted(user, address, accepted);
            held += 1;
            return held === 1 ? 60_000 : 0;
          },
          waited: async (user, _address, stayed) => void waited.push(`${user} ${stayed}`),
        },
      },
    });
    const socket = connect(to.port, '127.0.0.1').on('error', () => {});
    const reader = new SocketReader(socket);
    const input = { mechanism: 'SCRAM-SHA-256', password, nonce: 'hangsuphangsup', channelBinding: undefined } as const;
    socket.write(
      startupMessage(3, 0, [
        ['user', 'app'],
        ['database', account.database],
      ]),
    );
    await reader.readMessage();
    socket.write(saslInitialResponse('SCRAM-SHA-256', clientFirst(input)));
    const challenge = decodeAuthentication((await reader.readMessage()).bytes);
    if (challenge.kind !== 'sasl-continue') throw new Error('no challenge');
    socket.write(saslResponse((await answerServerFirst(input, Buffer.from(challenge.data)))?.message ?? ''));
    await eventually(() => held === 1, 'the answer is held back');
    hangUp(socket);
    const again = () => rawLogin(to.port, 'app', 'secret', account.database).then(({ socket }) => socket.destroy());
    await eventually(
      () =>
        again().then(
          () => true,
          () => false,
        ),
      'another one may log in',
    );
    await expect(reader.read(1), 'it was told nothing').rejects.toThrow('connection closed');
    expect(waited).toEqual(password === 'secret' ? ['app false'] : []);
    expect(sumOf(refusedIn(to))).toBe(password === 'secret' ? 0 : 1);
  });
});

describe('records', () => {
  const records: RefusedLogin[] = [];
  let writes = true;
  const sink = {
    append: (_kind: string, fields: RefusedLogin) => {
      if (writes) records.push(fields);
      return writes;
    },
  } as unknown as RecordSink;

  async function refusals(): Promise<RefusedLogins> {
    records.length = 0;
    writes = true;
    const now = await policy();
    const log = pino({ level: 'silent' });
    return new RefusedLogins({ records: sink, log, policy: () => now, database: 'x', first: 20, clock: () => 0 });
  }
  const request = (user: string) => ({ user, database: 'x', application: 'stranger', settings: new Map() });
  const client = (address: string, user = 'app') => ({
    peer: { address, shown: `${address}:5` },
    request: request(user),
    certificate: undefined,
  });

  test('are few for any number of users and addresses, and add up', async () => {
    const refused = await refusals();
    for (let i = 0; i < 60_000; i++) {
      refused.add(protocolViolation('x'), client(`2001:db8:0:${i.toString(16)}::1`, i % 2 ? 'app' : `stranger ${i}`));
    }
    refused.close();
    expect(sumOf(records)).toBe(60_000);
    expect(records.length).toBeLessThan(2_000);
    expect(records.at(-1)).toEqual(expect.not.objectContaining({ client: expect.anything() }));
    expect(JSON.stringify(records)).not.toContain('stranger ');
  });

  test('take a /64 of IPv6 for one address, and keep principals and reasons apart', async () => {
    const refused = await refusals();
    for (let i = 0; i < 100; i++)
      refused.add(protocolViolation('x'), client(`2001:db8::${i.toString(16)}`, i % 2 ? 'app' : 'x'));
    refused.add({ ...protocolViolation('x'), reason: 'locked' }, client('2001:db8::1'));
    refused.close();
    const since = '1970-01-01T00:00:00.000Z';
    const counted = { client: '2001:db8:0:0::/64', sqlstate: '08P01', since };
    expect(records.slice(20)).toEqual([
      { ...counted, reason: 'protocol', count: 40 },
      { ...counted, principal: 'app', reason: 'protocol', count: 40 },
      { ...counted, principal: 'app', reason: 'locked', count: 1 },
    ]);
  });

  test('that could not be written are counted on', async () => {
    const refused = await refusals();
    writes = false;
    for (let i = 0; i < 50; i++) refused.add(protocolViolation('x'), client('10.0.0.1'));
    refused.close();
    writes = true;
    refused.close();
    expect(records).toEqual([expect.objectContaining({ client: '10.0.0.1', principal: 'app', count: 50 })]);
  });

  test('start again after each interval', async () => {
    const refused = await refusals();
    for (let interval = 0; interval < 2; interval++) {
      for (let i = 0; i < 30; i++) refused.add(protocolViolation('x'), client('10.0.0.1'));
      refused.close();
    }
    expect(records.map(({ count }) => count ?? 'whole')).toEqual([
      ...Array(20).fill('whole'),
      10,
      ...Array(20).fill('whole'),
      10,
    ]);
  });
});
