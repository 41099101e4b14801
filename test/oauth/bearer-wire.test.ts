/** Tests OAUTHBEARER under attack: malformed messages, in pieces, too long, too many, on connections that others can read. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { policyOf, principal, startTestProxy, type TestProxy, verifierOf } from '../proxy/support.ts';
import {
  ASK,
  type BearerOutcome,
  bearerLogin,
  exchange,
  initialResponse,
  message,
  passwordMessage,
  withToken,
} from './bearer-client.ts';
import { makeWorld, standardPrincipals, type World } from './world.ts';

let world: World;
const folder = mkdtempSync(join(tmpdir(), 'rowgate-test-socket-'));
const socketFile = join(folder, '.s.PGSQL.6432');

beforeAll(async () => {
  world = await makeWorld(await standardPrincipals(), {
    listen: [{ host: '127.0.0.1', port: 0 }, { path: socketFile }],
    loginTimeoutMs: 3_000,
  });
});

afterAll(async () => {
  await world?.close();
  rmSync(folder, { recursive: true, force: true });
});

/** The first message is these bytes, whatever else is sent. */
const sending = (bytes: Uint8Array, then = message('p', Buffer.from('\x01'))): Promise<BearerOutcome> =>
  exchange(world.options('anna'), (kind) => (kind === 'sasl' ? bytes : then));

describe('a malformed message', () => {
  const good = (): string => withToken(world.token());
  const text = (data: string): Buffer => initialResponse('OAUTHBEARER', data);
  /** The length of the data as it is stated, whatever follows. */
  const stating = (length: number, data: string): Buffer => {
    const bytes = text(data);
    bytes.writeInt32BE(length, bytes.indexOf(0, 5) + 1);
    return bytes;
  };
  test.each<[string, () => Uint8Array]>([
    ['no data', () => text('')],
    ['the sign of one that gives up', () => text('\x01')],
    ['a zero byte at its end', () => text(`${good()}\0`)],
    ['a zero byte within', () => text(good().replace('Bearer', 'Bear\0er'))],
    ['no last separator', () => text(good().slice(0, -1))],
    ['no header', () => text(good().slice(3))],
    ['channel binding', () => text(good().replace('n,,', 'p=tls-server-end-point,,'))],
    ['an authorization identity', () => text(good().replace('n,,', 'n,a=teachers,'))],
    ['two tokens', () => text(good().replace(/auth=[^\x01]*\x01/, '$&$&'))],
    ['Basic', () => text(good().replace('Bearer', 'Basic'))],
    ['a message of SCRAM', () => text('n,,n=,r=rOprNGfwEbeRWgbNEkqO')],
    ['a length beyond its end', () => stating(100_000, good())],
    ['a length before its end', () => stating(10, good())],
    ['a length below -1', () => stating(-2, good())],
    ['no length', () => message('p', Buffer.from('OAUTHBEARER\0'))],
    ['no zero byte behind the mechanism', () => message('p', Buffer.from('OAUTHBEARER'))],
    ['nothing', () => message('p', Buffer.alloc(0))],
    ['bytes that are not UTF-8', () => message('p', Buffer.from('OAUTHBEARER\0\0\0\0\x02\xff\xfe', 'latin1'))],
    ['another mechanism', () => initialResponse('PLAIN', good())],
    ['its name in small letters', () => initialResponse('oauthbearer', good())],
    ['no mechanism', () => initialResponse('', good())],
    ['the token as a password', () => passwordMessage(world.token())],
    ['a query', () => message('Q', Buffer.from('SELECT 1\0'))],
    ['a message of more than 64 kB', () => text(withToken('a'.repeat(70_000)))],
    ['a message that says it is 1 GB', () => Buffer.from([0x70, 0x3f, 0xff, 0xff, 0xff])],
    ['a message shorter than its length', () => Buffer.from([0x70, 0, 0, 0, 3])],
  ])('%s', async (_, bytes) => {
    world.attempts.length = 0;
    const { error, session, said } = await sending(bytes());
    expect(session).toBeUndefined();
    expect(said).toEqual(['sasl', 'error']);
    expect(error.S).toBe('FATAL');
    expect(error.C).toMatch(/^(08P01|22021)$/);
    expect(world.attempts).toEqual([]);
  });

  test.each([
    ['an empty one', Buffer.alloc(0)],
    ['another byte', Buffer.from('\x02')],
    ['two of them', Buffer.from('\x01\x01')],
    ['a good token', Buffer.from('n,,\x01auth=Bearer x\x01\x01')],
  ])('in the place of its giving up: %s', async (_, bytes) => {
    for (const first of [ASK, withToken('a.b.c')]) {
      const { error, session } = await sending(text(first), message('p', bytes));
      expect(session).toBeUndefined();
      expect(error.C).toBe('08P01');
    }
  });

  test('a token with one changed byte lets no one in', async () => {
    const bytes = text(good());
    const end = bytes.length;
    const places = [
      0,
      3,
      5,
      10,
      16,
      17,
      20,
      21,
      22,
      24,
      25,
      27,
      29,
      32,
      40,
      60,
      120,
      end - 30,
      end - 3,
      end - 2,
      end - 1,
    ];
    for (const at of places) {
      for (const bit of [1, 0x80]) {
        const changed = Buffer.from(bytes);
        changed.writeUInt8(changed.readUInt8(at) ^ bit, at);
        const { session } = await sending(changed);
        // A letter of the scheme in capitals or not, and the last bits of base64 that mean nothing: none is among these.
        expect(session, `byte ${at}, bit ${bit}`).toBeUndefined();
      }
    }
  });
});

test('a login byte by byte', async () => {
  const { session } = await world.login('anna', world.token(), { dribbling: true });
  expect((await session!.query('SELECT 1')).rows).toEqual([['1']]);
  session!.close();
});

test('a client that sends nothing more is cut off in time', async () => {
  const { said, error } = await exchange(world.options('anna'), (kind) =>
    kind === 'sasl' ? initialResponse('OAUTHBEARER', ASK) : undefined,
  );
  expect(said).toEqual(['sasl', 'continue', 'error']);
  expect(error.C).toBe('08006');
});

describe('where others could read a token', () => {
  /** The mechanisms offered to a client that looks, and does not log in. */
  const offeredTo = async (options: Parameters<typeof exchange>[0]): Promise<readonly string[]> =>
    (await exchange(options, () => message('X', Buffer.alloc(0)))).offered;

  test('is taken over TLS, by a unix socket, and on this machine', async () => {
    const plain = { port: world.proxy.port, user: 'anna', database: world.database.name };
    for (const options of [world.options('anna'), plain, { ...plain, path: socketFile }]) {
      const { session } = await bearerLogin(options, withToken(world.token()));
      expect(session).toBeDefined();
      session!.close();
    }
  });

  test('is neither offered nor taken elsewhere', async () => {
    const { cert, key } = world.certificates.server;
    const login = await world.database.createLogin();
    const guard = await startTestProxy(
      { ...login, database: world.database.name },
      policyOf(await standardPrincipals()),
      { tls: { cert, key }, listen: [{ host: '0.0.0.0', port: 0 }], proxies: ['127.0.0.1/32'] },
    );
    try {
      for (const [from, isTaken] of [
        ['10.1.2.3', false],
        ['127.0.0.1', true],
      ] as const) {
        const options = { port: guard.port, user: 'anna', database: world.database.name, prefix: proxyHeader(from) };
        expect((await offeredTo(options)).includes('OAUTHBEARER'), from).toBe(isTaken);
        const refused = await bearerLogin(options, withToken(world.token()));
        if (!isTaken) expect(refused.error).toMatchObject({ C: '08P01' });
        for (const settings of [{ 'rowgate.login': 'oauth' }, { 'rowgate.login': 'token' }]) {
          const { said, error } = await exchange({ ...options, settings }, () => message('X', Buffer.alloc(0)));
          if (isTaken && settings['rowgate.login'] === 'oauth') expect(said[0]).toBe('sasl');
          else {
            expect(said).toEqual(['error']);
            expect(error).toMatchObject({ C: '28000', M: 'a token is taken over TLS only' });
          }
        }
      }
    } finally {
      await guard.stop(2_000);
    }
  });
});

describe('the offered mechanisms', () => {
  const names = ['anna', 'teachers', 'app', 'portal', 'closed', 'nobody', 'ANNA'];
  const look = (user: string, settings: Record<string, string> = {}): Promise<BearerOutcome> =>
    exchange(world.options(user, { settings }), () => message('X', Buffer.alloc(0)));

  test.each([
    ['', ['SCRAM-SHA-256-PLUS', 'SCRAM-SHA-256', 'OAUTHBEARER']],
    ['oauth', ['OAUTHBEARER']],
  ])('is the same for every name: login "%s"', async (way, offered) => {
    for (const name of names) {
      expect((await look(name, way === '' ? {} : { 'rowgate.login': way })).offered, name).toEqual(offered);
    }
  });

  test('is OAUTHBEARER alone under names that are people’s, and their own issuer is told', async () => {
    for (const [name, issuer] of [
      ['nobody@school.example', 'https://id.example'],
      ['@school.example', 'https://id.example'],
      ['x_', 'https://elsewhere.example'],
      ['x_1', 'https://elsewhere.example'],
      ['boss', 'https://elsewhere.example'],
    ] as const) {
      expect((await look(name)).offered, name).toEqual(['OAUTHBEARER']);
      const { challenge } = await bearerLogin(world.options(name), ASK);
      expect(challenge?.['openid-configuration'], name).toBe(`${issuer}/.well-known/openid-configuration`);
    }
    for (const name of ['bosses', 'X_1', 'school.example', 'a@school.example.org']) {
      expect((await look(name)).offered.length, name).toBe(3);
    }
  });

  test('offers no OAUTHBEARER where no login by token is configured', async () => {
    const login = await world.database.createLogin();
    const { cert, key } = world.certificates.server;
    const guard: TestProxy = await startTestProxy(
      { ...login, database: world.database.name },
      policyOf([principal('app', [await verifierOf('secret')])]),
      { tls: { cert, key } },
    );
    try {
      const options = world.options('app', { port: guard.port });
      expect((await exchange(options, () => message('X', Buffer.alloc(0)))).offered).not.toContain('OAUTHBEARER');
      expect((await bearerLogin(options, withToken(world.token()))).error.C).toBe('08P01');
      for (const way of ['oauth', 'token']) {
        const { said, error } = await exchange({ ...options, settings: { 'rowgate.login': way } }, () => undefined);
        expect(said).toEqual(['error']);
        expect(error).toMatchObject({ C: '28000', M: 'logins by token are not configured here' });
      }
    } finally {
      await guard.stop(2_000);
    }
  });

  test('answers a refused token the same for every name', async () => {
    const tokens = [
      world.token({ sub: 'x', groups: [] }),
      world.token({ sub: 'x', groups: ['closed'] }),
      world.token({ iss: 'https://x.example' }),
      world.token({ exp: 1 }),
      `${world.token()}x`,
    ];
    for (const token of tokens) {
      const answers = await Promise.all(names.map((name) => world.login(name, token)));
      const seen = answers.map(({ said, challenge, error }, i) =>
        JSON.stringify([said, challenge, error]).replaceAll(names[i] ?? '', 'NAME'),
      );
      expect(new Set(seen).size, token).toBe(1);
    }
  });

  test('rowgate.login is one of two words', async () => {
    for (const way of ['OAUTH', 'password', '', 'oauth ', 'scram']) {
      const { said, error } = await look('anna', { 'rowgate.login': way });
      expect(said).toEqual(['error']);
      expect(error.C).toBe('22023');
    }
  });
});

/** The header of a proxy for a client at this address (PROXY protocol, version 2). */
function proxyHeader(from: string): Buffer {
  const signature = Buffer.from('0d0a0d0a000d0a515549540a', 'hex');
  const addresses = [...from.split('.'), ...'127.0.0.1'.split('.')].map(Number);
  return Buffer.concat([
    signature,
    Buffer.from([0x21, 0x11, 0, 12]),
    Buffer.from(addresses),
    Buffer.from([1, 0, 1, 0]),
  ]);
}
