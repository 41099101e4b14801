/** Tests broken input before and during a session: only its own connection ends, and everyone else's goes on. */
import { connect } from 'node:net';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Frontend } from '../../src/protocol/message-types.ts';
import { MessageWriter } from '../../src/protocol/message-writer.ts';
import { cancelRequest, sslRequest, startupMessage } from '../../src/protocol/startup.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import {
  errorIn,
  eventually,
  policyOf,
  principal,
  psql,
  startTestProxy,
  type TestProxy,
  talk,
  until,
  verifierOf,
} from './support.ts';

let database: FreshDatabase;
let proxy: TestProxy;

beforeAll(async () => {
  database = await freshDatabase();
  const login = await database.createLogin();
  const policy = policyOf([principal('app', [await verifierOf('secret')])]);
  const limits = { connections: 10, connectionsPerAddress: 10, reservedConnections: 0, logins: 8, loginsPerAddress: 4 };
  proxy = await startTestProxy({ ...login, database: database.name }, policy, { loginTimeoutMs: 2_000, limits });
});

afterAll(async () => {
  await proxy?.stop(1_000);
  await database?.drop();
});

const startup = (parameters: Record<string, string>, minor = 0) => startupMessage(3, minor, Object.entries(parameters));
const user = { user: 'app', database: 'x' };
const int32 = (value: number) => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};

/** Checks that other connections go on as before. */
async function expectHealthy(): Promise<void> {
  expect((await psql(proxy.url('app', 'secret'), ['-c', 'SELECT 1'])).stdout).toBe('1');
}

describe('broken input before a user is named is answered as PostgreSQL answers it: most often not at all', () => {
  const request = (code: number, more = 0) => Buffer.concat([int32(8 + more), int32(code), Buffer.alloc(more)]);
  test.each<[string, Uint8Array | string]>([
    ['HTTP', 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'],
    ['a Terminate, as of a client that ends before it has connected', Buffer.from('X\0\0\0\x04')],
    ['a length of 2 GB', Buffer.concat([int32(0x7fffffff), int32(196608)])],
    ['a length of 4 GB', Buffer.concat([int32(0xffffffff), int32(196608)])],
    ['a length of 0', int32(0)],
    ['a length that covers itself alone', int32(4)],
    ['a length just above the most', Buffer.concat([int32(10_005), int32(196608), Buffer.alloc(9_997)])],
    ['the longest packet, of zeros', Buffer.concat([int32(10_004), int32(196608), Buffer.alloc(9_996)])],
    ['a TLS handshake where there is no TLS', Buffer.from('16030100c8010000c40303', 'hex')],
    ['a CancelRequest without a key', request(80877102)],
    ['SSLRequest twice', Buffer.concat([sslRequest(), sslRequest()])],
    ['GSSENCRequest twice', Buffer.concat([request(80877104), request(80877104)])],
    ['an unknown request code', request(80877199)],
    ['protocol 4.0', startupMessage(4, 0, [])],
    ['protocol 3.0 without a word', Buffer.concat([int32(8), int32(196608)])],
    ['no terminator', Buffer.concat([int32(13), int32(196608), Buffer.from('user\0')])],
    ['bytes behind the terminator', Buffer.concat([int32(12), int32(196608), Buffer.from('\0\0ab')])],
    ['no user', startup({ database: 'x' })],
  ])('%s', async (_what, bytes) => {
    const { port } = new URL(database.url);
    const words = (answer: Buffer) => {
      const { S, C } = errorIn(answer);
      return { before: answer.toString('latin1', 0, Math.max(0, answer.indexOf('E'))), S, C };
    };
    const [own, server] = await Promise.all([talk(proxy.port, bytes), talk(Number(port), bytes)]);
    expect(words(own)).toEqual(words(server));
    await expectHealthy();
  });

  test('a node-postgres client that ends before it has connected hears of no error', async () => {
    const client = new pg.Client({ connectionString: proxy.url('app', 'secret') });
    const errors: Error[] = [];
    client.on('error', (error) => errors.push(error));
    const ended = new Promise<void>((done) => client.once('end', () => done()));
    void client.connect().catch(() => {});
    await client.end();
    await ended;
    expect(errors).toEqual([]);
    await expectHealthy();
  });
});

describe('broken protocol ends its own connection, with an answer', () => {
  test.each([
    ['protocol 2.0', startupMessage(2, 0, []), '0A000'],
    ['protocol 4.0', startupMessage(4, 0, []), '0A000'],
    ['no user', startup({ database: 'x' }), '28000'],
    ['no terminator', Buffer.concat([int32(13), int32(196608), Buffer.from('user\0')]), '08P01'],
    [
      'a parameter twice',
      startupMessage(3, 0, [
        ['user', 'app'],
        ['user', 'other'],
      ]),
      '08P01',
    ],
    [
      'text that is not UTF-8',
      Buffer.concat([int32(17), int32(196608), Buffer.from('user\0\xff\xfe\0\0', 'latin1')]),
      '08P01',
    ],
    [
      'a query before login',
      Buffer.concat([startup(user), new MessageWriter(Frontend.Query).string('SELECT 1').finish()]),
      '08P01',
    ],
    ['a second startup inside SCRAM', Buffer.concat([startup(user), startup(user)]), '08P01'],
    ['a SASL response of 2 GB', Buffer.concat([startup(user), Buffer.from('p'), int32(0x7fffffff)]), '08P01'],
    [
      'an unknown mechanism',
      Buffer.concat([startup(user), new MessageWriter(Frontend.Password).string('PLAIN').int32(0).finish()]),
      '08P01',
    ],
    ['replication', startup({ ...user, replication: 'true' }), '0A000'],
  ])('%s', async (_what, bytes, code) => {
    const answer = await talk(proxy.port, bytes);
    expect(errorIn(answer)).toMatchObject({ S: 'FATAL', C: code });
    await expectHealthy();
  });

  test('an endless startup packet is cut off at its stated length', async () => {
    expect(await talk(proxy.port, Buffer.concat([int32(10_005), Buffer.alloc(200_000, 0x41)]))).toHaveLength(0);
  });

  test('a frame cut anywhere is waited for, and its sender hung up on', async () => {
    const bytes = startup(user);
    for (const cut of [0, 1, 3, 4, 7, bytes.length - 1]) {
      const socket = connect({ port: proxy.port, host: '127.0.0.1' });
      socket.end(bytes.subarray(0, cut));
      await until(socket);
    }
    await expectHealthy();
  });

  test('a login that never ends is ended', async () => {
    const answers = await Promise.all([
      talk(proxy.port, ''),
      talk(proxy.port, startup(user).subarray(0, 6)),
      talk(proxy.port, startup(user)),
    ]);
    for (const answer of answers) expect(answer.toString('utf8')).toContain('login took too long');
    await expectHealthy();
  });

  test('a CancelRequest with a wrong key is silence', async () => {
    expect(await talk(proxy.port, cancelRequest(4711, Buffer.alloc(4)))).toHaveLength(0);
    expect(await talk(proxy.port, cancelRequest(4711, Buffer.alloc(256)))).toHaveLength(0);
  });
});

test('connections that do not log in are bounded, by address too, and the bound is given back', async () => {
  const sockets = Array.from({ length: 12 }, () => connect({ port: proxy.port, host: '127.0.0.1' }));
  const answers = await Promise.all(sockets.map((socket) => until(socket)));
  const turnedAway = answers.filter((answer) => errorIn(answer).C === '53300');
  expect(turnedAway).toHaveLength(8); // four are what one address gets
  await expectHealthy();
});

test('GSSENCRequest and SSLRequest are declined, then the login goes on', async () => {
  const gssenc = new MessageWriter(undefined).int32(80877104).finish();
  const socket = connect({ port: proxy.port, host: '127.0.0.1', allowHalfOpen: true });
  const steps = [sslRequest(), Buffer.concat([startup({ user: 'app' }), Buffer.from('X\0\0\0\x04')])];
  socket.write(gssenc);
  socket.on('data', () => {
    const next = steps.shift();
    if (next) socket.write(next);
  });
  const answer = await until(socket);
  expect(answer.toString('latin1')).toMatch(/^NNR\0\0\0.\0\0\0\x0aSCRAM-SHA-256\0\0E/s);
});

test.each([
  [3, {}, 2],
  [9999, { '_pq_.test': '1' }, 2],
  [0, { '_pq_.other': '1' }, 0],
])('protocol 3.%i is negotiated down', async (minor, options, newest) => {
  const answer = await talk(
    proxy.port,
    Buffer.concat([startup({ ...user, ...options }, minor), Buffer.from('X\0\0\0\x04')]),
  );
  expect(answer.toString('latin1', 0, 1)).toBe('v');
  expect(answer.readUInt32BE(5)).toBe((3 << 16) | newest);
  expect(answer.readUInt32BE(9)).toBe(Object.keys(options).length);
});

test('guessing gets slower for any user name, and an unknown user is challenged like a known one', async () => {
  const challenge = async (name: string) => {
    const first = 'n,,n=,r=abcdefghijklmnop';
    const sasl = new MessageWriter(Frontend.Password)
      .string('SCRAM-SHA-256')
      .int32(first.length)
      .bytes(Buffer.from(first));
    const answer = await talk(
      proxy.port,
      Buffer.concat([startup({ ...user, user: name }), sasl.finish(), Buffer.from('X\0\0\0\x04')]),
    );
    return /s=([^,]+),i=(\d+)/.exec(answer.toString('latin1'))?.slice(1);
  };
  expect((await challenge('nobody'))?.[1]).toBe((await challenge('app'))?.[1]);
  expect((await challenge('nobody'))?.[0]).toHaveLength(((await challenge('app'))?.[0] ?? '').length);
  expect(await challenge('nobody')).toEqual(await challenge('nobody'));
  let took = 0;
  for (let attempt = 0; attempt < 5; attempt++) {
    const started = performance.now();
    await psql(proxy.url('guessed', 'wrong'), ['-c', 'SELECT 1']);
    took = performance.now() - started;
  }
  // The delay of the fifth, and no less, however busy the machine is.
  expect(took).toBeGreaterThan(390);
  await eventually(() => proxy.sessions.size === 0, 'no session is left');
});
