/** Tests the guard's connections to the server: errors that the client is told, logins without a password, and a server of another version. */
import { connect, createServer, type Server, type Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { errorResponse } from '../../src/protocol/error-response.ts';
import type { StartOptions } from '../../src/server/start.ts';
import { type FreshDatabase, freshDatabase, serverAddress, serverVersion } from '../support/postgres.ts';
import {
  eventually,
  policyOf,
  principal,
  psql,
  readingOf,
  startTestProxy,
  type TestProxy,
  verifierOf,
} from './support.ts';

let database: FreshDatabase;
let proxy: TestProxy | undefined;
let fake: Server | undefined;

beforeAll(async () => {
  database = await freshDatabase();
});

afterEach(async () => {
  await proxy?.stop(1_000);
  proxy = undefined;
  await new Promise<void>((done) => (fake ? fake.close(() => done()) : done()));
  fake = undefined;
});

afterAll(() => database?.drop());

const account = { user: 'upstream_account', password: 'upstream_password', database: 'ent' };

async function withUpstream(port: number, extra = {}): Promise<TestProxy> {
  const policy = policyOf([principal('app', [await verifierOf('secret')])]);
  const upstream = { hosts: [{ host: '127.0.0.1', port }], tls: { mode: 'disable' as const }, timeoutMs: 1_000 };
  proxy = await startTestProxy(account, policy, { upstream, ...extra });
  return proxy;
}

/** A server that does with each connection what the test says. */
async function fakeServer(behave: (socket: Socket) => void): Promise<number> {
  fake = createServer((socket) => {
    socket.on('error', () => {});
    socket.resume();
    behave(socket);
  });
  await new Promise<void>((done) => fake?.listen(0, '127.0.0.1', () => done()));
  const address = fake.address();
  return typeof address === 'object' && address ? address.port : 0;
}

async function clientSees(port: number): Promise<{ stderr: string; sqlstate: unknown }> {
  const running = await withUpstream(port);
  const { stderr } = await psql(running.url('app', 'secret'), ['-c', 'SELECT 1']);
  expect(stderr).not.toMatch(/upstream_account|upstream_password/);
  expect(running.sessions.size).toBe(0);
  return { stderr, sqlstate: running.records.at(-1)?.fields.sqlstate };
}

const error = (code: string, message: string) =>
  errorResponse(new Map(Object.entries({ S: 'FATAL', V: 'FATAL', C: code, M: message })));
const authentication = (code: number, rest = '') => {
  const body = Buffer.concat([Buffer.from([0, 0, 0, code]), Buffer.from(rest, 'latin1')]);
  return Buffer.concat([Buffer.from('R'), Buffer.from([0, 0, 0, body.length + 4]), body]);
};

describe('what the client is told of an upstream that', () => {
  test('is not there', async () => {
    // A port that was free may have been given to another test meanwhile.
    const seen = await clientSees(1);
    expect(seen).toMatchObject({
      sqlstate: '08001',
      stderr: expect.stringContaining('could not connect to the database server'),
    });
    expect(proxy?.lines.join('\n')).toContain('ECONNREFUSED');
  });

  test.each<[string, (socket: Socket) => void, string, string]>([
    ['closes at once', (socket) => socket.end(), '08006', 'closed the connection during login'],
    [
      'closes in the middle of a message',
      (socket) => socket.end('R\0\0'),
      '08006',
      'closed the connection during login',
    ],
    ['never answers', () => {}, '08001', 'could not connect to the database server'],
    ['stops in the middle of a message', (socket) => socket.write('R\0\0'), '08001', 'could not connect'],
    [
      'ends our session',
      (socket) => socket.end(error('57P01', 'terminating')),
      '57P03',
      'not accepting connections now',
    ],
    [
      'speaks HTTP',
      (socket) => socket.write('HTTP/1.1 400 Bad Request\r\n\r\n'),
      '08006',
      'does not speak the PostgreSQL protocol',
    ],
    ['sends 2 GB', (socket) => socket.write(Buffer.from('R\x7f\xff\xff\xff', 'latin1')), '08006', 'does not speak'],
    [
      'is starting up',
      (socket) => socket.end(error('57P03', 'the database system is starting up')),
      '57P03',
      'not accepting connections now',
    ],
    [
      'is full',
      (socket) => socket.end(error('53300', 'sorry, too many clients already')),
      '53300',
      'no connection left',
    ],
    [
      'refuses our login',
      (socket) => socket.end(error('28P01', 'password authentication failed for user "upstream_account"')),
      '08001',
      'could not log in to the database server',
    ],
    ['asks for MD5', (socket) => socket.write(authentication(5, 'salt')), '08001', 'could not log in'],
    [
      'asks for the password in the clear, without TLS',
      (socket) => socket.write(authentication(3)),
      '08001',
      'could not log in',
    ],
    ['asks for GSSAPI', (socket) => socket.write(authentication(7)), '08001', 'could not log in'],
    [
      'offers other mechanisms only',
      (socket) => socket.write(authentication(10, 'OAUTHBEARER\0\0')),
      '08001',
      'could not log in',
    ],
    [
      'challenges with nonsense',
      (socket) =>
        socket.write(Buffer.concat([authentication(10, 'SCRAM-SHA-256\0\0'), authentication(11, 'r=x,s=,i=0')])),
      '08006',
      'does not speak',
    ],
    [
      'lets us in by SCRAM without proof',
      (socket) => {
        socket.write(authentication(10, 'SCRAM-SHA-256\0\0'));
        socket.on('data', () => socket.write(authentication(0)));
      },
      '08006',
      'does not speak',
    ],
  ])('%s', async (_what, behave, sqlstate, message) => {
    const port = await fakeServer(behave);
    expect(await clientSees(port)).toMatchObject({ sqlstate, stderr: expect.stringContaining(message) });
  });
});

test('a server that asks for no password is logged in to, and must show that what is pinned is in force', async () => {
  let sent = '';
  const ready = Buffer.from('Z\0\0\0\x05I', 'latin1');
  const port = await fakeServer((socket) => {
    socket.on('data', (chunk) => {
      sent += chunk.toString('latin1');
      if (chunk.includes('SHOW search_path'))
        socket.write(Buffer.concat([Buffer.from('C\0\0\0\x0dSELECT 0\0', 'latin1'), ready]));
    });
    socket.write(Buffer.concat([authentication(0), ready]));
  });
  const seen = await clientSees(port);
  expect(seen).toMatchObject({ sqlstate: '08001', stderr: expect.stringContaining('not as Rowgate needs it') });
  expect(sent).toContain('user\0upstream_account\0database\0ent\0');
  expect(sent).toContain('-c search_path=public -c standard_conforming_strings=on');
  expect(proxy?.lines.join('\n')).toContain('the settings cannot be read');
});

describe('a server of another major version than the one whose catalog was read', () => {
  const behindCatalogOf = async (version: number, extra: Partial<StartOptions> = {}) => {
    const login = await database.createLogin();
    const policy = policyOf([principal('app', [await verifierOf('secret')])]);
    const reading = readingOf(policy, version);
    const options = { ...extra, reading, read: async () => reading };
    proxy = await startTestProxy({ ...login, database: database.name }, policy, options);
    return { ...(await psql(proxy.url('app', 'secret'), ['-c', 'SELECT 1'])), login };
  };

  test.each([serverVersion() - 1, serverVersion() + 1])(
    'of %i: every login is refused, and no connection is left open',
    async (version) => {
      const { status, stdout, stderr, login } = await behindCatalogOf(version * 10_000);
      expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
      expect(stderr).toContain('the database server is of another version than the one that is known');
      const recorded = proxy?.records.map(({ kind, fields }) => [kind, fields.sqlstate]);
      expect(recorded).toEqual([['login-refused', '08001']]);
      const line = proxy?.lines.map((l): Record<string, unknown> => JSON.parse(l)).find((l) => 'reported' in l);
      expect(line).toMatchObject({ reported: expect.stringMatching(`^${serverVersion()}\\b`), known: version });
      expect(proxy?.sessions.size).toBe(0);
      const left = `SELECT count(*)::int AS n FROM pg_stat_activity WHERE usename = '${login.user}'`;
      await eventually(async () => (await database.query<{ n: number }>(left))[0]?.n === 0, 'no backend is left');
    },
  );

  test('another minor version is the same server', async () => {
    expect(await behindCatalogOf(serverVersion() * 10_000 + 77)).toMatchObject({ status: 0, stdout: '1' });
  });

  test('a server that does not report its version', async () => {
    const port = await fakeServer((socket) => {
      const real = connect({ ...serverAddress() });
      real.on('error', () => {}).on('close', () => socket.destroy());
      socket.on('close', () => real.destroy()).pipe(real);
      real.on('data', (chunk) =>
        socket.write(Buffer.from(chunk.toString('latin1').replace('server_version\0', 'server_versiom\0'), 'latin1')),
      );
    });
    const upstream = { hosts: [{ host: '127.0.0.1', port }], tls: { mode: 'disable' as const }, timeoutMs: 5_000 };
    const { stderr } = await behindCatalogOf(serverVersion() * 10_000, { upstream });
    expect(stderr).toContain('of another version');
  });
});

test('a port in use is an error', async () => {
  const running = await withUpstream(1);
  await expect(
    startTestProxy(account, policyOf([]), { listen: [{ host: '127.0.0.1', port: running.port }] }),
  ).rejects.toMatchObject({ cause: { code: 'EADDRINUSE' } });
});

test('each role may have an account of its own upstream', async () => {
  const [one, two] = [await database.createLogin(), await database.createLogin()];
  const policy = policyOf(
    [
      principal('first', [await verifierOf('secret')], { role: 'one' }),
      principal('second', [await verifierOf('secret')], { role: 'two' }),
    ],
    [],
  );
  const roles = new Map(['one', 'two'].map((name) => [name, { ...[...policyOf([]).roles.values()][0]!, name }]));
  proxy = await startTestProxy(
    { ...one, database: database.name },
    { ...policy, roles },
    { accountOf: (role) => (role === 'one' ? one : two) },
  );
  const whoAmI = async (user: string) => (await psql(proxy!.url(user, 'secret'), ['-c', 'SELECT current_user'])).stdout;
  expect(await whoAmI('first')).toBe(one.user);
  expect(await whoAmI('second')).toBe(two.user);
});
