/** Tests the PROXY protocol: from which addresses a header is believed, what it changes, and what is refused. */
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { sslRequest, startupMessage } from '../../src/protocol/startup.ts';
import type { StartOptions } from '../../src/server/start.ts';
import { localState } from '../../src/server/start.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { describeWith } from '../support/tools.ts';
import { type Certificates, makeCertificates } from './certificates.ts';
import { HAPROXY_ADDRESS, haproxy, type RunningHaproxy, startHaproxy } from './haproxy.ts';
import {
  errorIn,
  eventually,
  policyOf,
  principal,
  psql,
  startTestProxy,
  type TestProxy,
  talk,
  verifierOf,
} from './support.ts';

let database: FreshDatabase;
let account: { user: string; password: string; database: string };
let proxy: TestProxy | undefined;
const servers: Server[] = [];

beforeAll(async () => {
  database = await freshDatabase();
  account = { ...(await database.createLogin()), database: database.name };
});

afterEach(async () => {
  for (const server of servers.splice(0)) server.close();
  await proxy?.stop(1_000);
  proxy = undefined;
});

afterAll(() => database?.drop());

async function start(extra: Partial<StartOptions> = {}): Promise<TestProxy> {
  const verifier = await verifierOf('secret');
  const policy = policyOf([
    principal('app', [verifier]),
    principal('inside', [verifier], { from: ['10.0.0.0/8', '2001:db8::/32'] }),
    principal('beside', [verifier], { from: ['127.0.0.0/8'] }),
  ]);
  proxy = await startTestProxy(account, policy, { proxies: ['127.0.0.1/32'], ...extra });
  return proxy;
}

const SIGNATURE = Buffer.from('0d0a0d0a000d0a515549540a', 'hex');
const IPV4 = 0x11;
const IPV6 = 0x21;

function header(family: number, rest: string, command = 0x21): Buffer {
  const bytes = Buffer.from(rest, 'hex');
  return Buffer.concat([SIGNATURE, Buffer.from([command, family, bytes.length >> 8, bytes.length & 0xff]), bytes]);
}
/** From this port of 10.1.2.3, or 2001:db8::7, with a detail of an unknown type. */
const from4 = (port = 5555) => header(IPV4, `0a010203c0a80001${port.toString(16).padStart(4, '0')}1920e00001ff`);
const from6 = header(IPV6, `20010db8${'00'.repeat(11)}07${'00'.repeat(15)}0115b31920`);

/** Stands between psql and the proxy, and says this first: in one piece, or byte by byte. */
async function behind(running: TestProxy, says: Buffer, bytewise = false, path?: string): Promise<number> {
  const server = createServer((client) => {
    const target = path === undefined ? connect(running.port, '127.0.0.1') : connect(path);
    for (const socket of [client, target]) socket.on('error', () => client.destroy());
    target.setNoDelay(true);
    const say = async (): Promise<void> => {
      for (const byte of bytewise ? [...says].map((value) => Buffer.from([value])) : [says]) {
        target.write(byte);
        if (bytewise) await new Promise((done) => setImmediate(done));
      }
      client.pipe(target).pipe(client);
    };
    void say();
  }).listen(0, '127.0.0.1');
  servers.push(server);
  await once(server, 'listening');
  return (server.address() as { port: number }).port;
}

async function ask(port: number, user = 'app', more = ''): Promise<string> {
  const conninfo = `host=localhost hostaddr=127.0.0.1 port=${port} dbname=${database.name} user=${user} password=secret ${more}`;
  const { stdout, stderr } = await psql(conninfo, ['-c', 'SELECT 1']);
  return stdout || stderr;
}

describe('from a proxy that is believed', () => {
  test.each([
    ['IPv4', from4(), /^10\.1\.2\.3:5555$/, 'inside'],
    ['IPv6', from6, /^\[2001:db8::7\]:5555$/, 'inside'],
    ['its own connection, as health checks are', header(0, '', 0x20), /^127\.0\.0\.1:\d+$/, 'beside'],
    ['a client that it does not name', header(0, ''), /^127\.0\.0\.1:\d+$/, 'beside'],
  ])('%s is the client’s address, for "from" and for the log', async (_what, says, client, welcome) => {
    const running = await start();
    for (const port of [await behind(running, says), await behind(running, says, true)]) {
      expect(await ask(port, welcome)).toBe('1');
      expect(running.records.at(-1)).toMatchObject({
        kind: 'login',
        fields: { client: expect.stringMatching(client) },
      });
      const other = welcome === 'inside' ? 'beside' : 'inside';
      expect(await ask(port, other)).toContain('may not log in from this address');
      expect(running.records.at(-1)).toMatchObject({ kind: 'login-refused', fields: { reason: 'address' } });
    }
  });

  test.each([
    ['a startup packet', startupMessage(3, 0, [['user', 'app']])],
    ['SSLRequest alone', sslRequest()],
    ['version 1', Buffer.from('PROXY TCP4 10.1.2.3 10.0.0.1 5555 6432\r\n')],
    ['TLS at once', Buffer.from('16030100c8010000c40303000000000000', 'hex')],
  ])('%s in place of the header is refused', async (_what, bytes) => {
    const answer = errorIn(await talk((await start({ loginTimeoutMs: 60_000 })).port, bytes));
    expect(answer).toMatchObject({ C: '08P01', M: expect.stringContaining('PROXY protocol') });
  });

  test('a second header does not count', async () => {
    const running = await start();
    expect(await talk(running.port, Buffer.concat([from4(), from4()]))).toHaveLength(0);
  });

  test('a header that never ends is ended', async () => {
    const running = await start({ loginTimeoutMs: 300 });
    for (const length of [0, 5, 15, 16, 20]) {
      expect((await talk(running.port, from4().subarray(0, length))).toString()).toContain('login took too long');
    }
  });

  test('places and failed logins are counted for the address that it names', async () => {
    const shared = localState();
    const attempts: string[] = [];
    const limits = { connections: 9, connectionsPerAddress: 9, reservedConnections: 0, logins: 9, loginsPerAddress: 2 };
    const running = await start({
      limits,
      worker: {
        slot: 0,
        shared: {
          ...shared,
          attempted: (user, address, accepted) => {
            attempts.push(`${user} ${address} ${accepted}`);
            return shared.attempted(user, address, accepted);
          },
        },
      },
    });
    const waiting = [1, 2].map((port) => {
      const socket = connect(running.port, '127.0.0.1');
      socket.write(Buffer.concat([from4(port), startupMessage(3, 0, [['user', 'app']])]));
      return socket;
    });
    await Promise.all(waiting.map((socket) => once(socket, 'data')));
    expect(await ask(await behind(running, from4()), 'app', 'sslmode=disable')).toContain(
      'too many connections that have not logged in yet',
    );
    expect(await ask(await behind(running, from6))).toBe('1');
    for (const socket of waiting) socket.destroy();
    await eventually(async () => (await ask(await behind(running, from4()))) === '1', 'the places are free again');
    const wrong = await ask(await behind(running, from4()), 'app', 'password=wrong');
    expect(wrong).toContain('password authentication failed');
    expect(attempts.at(-1)).toBe('app 10.1.2.3 false');
  });
});

test('from any other address a header is refused as broken protocol', async () => {
  const running = await start({ proxies: ['192.0.2.1/32'] });
  const answer = await talk(running.port, Buffer.concat([from4(), startupMessage(3, 0, [['user', 'app']])]));
  expect(answer, 'as by PostgreSQL').toHaveLength(0);
  expect(await ask(running.port)).toBe('1');
});

describe('a proxy beside the guard, by a unix socket', () => {
  test('brings clients that came over a network: they need TLS, and have it', async () => {
    const certificates = makeCertificates();
    const path = join(certificates.folder, '.s.PGSQL.7432');
    const { cert, key } = certificates.server;
    const options = { listen: [{ path }], proxies: ['local'], tls: { cert, key }, tlsRequired: true };
    const running = await start(options);
    const port = await behind(running, from4(), false, path);
    expect(await ask(port, 'inside', 'sslmode=disable')).toContain('connection requires TLS');
    const bound = 'sslmode=require channel_binding=require';
    const answers = await Promise.all([1, 2, 3, 4].map(() => ask(port, 'inside', bound)));
    expect(answers).toEqual(['1', '1', '1', '1']);
    expect(running.records.at(-1)).toMatchObject({ fields: { client: '10.1.2.3:5555' } });
    // The proxy's own connections are as local as the proxy.
    const own = await behind(running, header(0, '', 0x20), false, path);
    expect(await ask(own, 'app', 'sslmode=disable')).toBe('1');
    rmSync(certificates.folder, { recursive: true, force: true });
  });
});

describeWith(haproxy)('HAProxy in front', () => {
  let certificates: Certificates;
  let front: RunningHaproxy;

  beforeAll(() => {
    certificates = makeCertificates();
  });
  afterEach(() => front?.stop());
  afterAll(() => rmSync(certificates.folder, { recursive: true, force: true }));

  const tls = () => ({ cert: certificates.server.cert, key: certificates.server.key, clientCa: certificates.ca });

  test('passes TLS through, with channel binding and the client certificate, and the guard sees the client', async () => {
    const running = await start({ proxies: [`${HAPROXY_ADDRESS}/32`], tls: tls(), tlsRequired: true });
    front = await startHaproxy(running.port, { checks: 'tls' });
    const { cert, key, fingerprint } = certificates.client;
    for (const negotiation of ['postgres', 'direct']) {
      const more = `sslmode=verify-full sslrootcert=${certificates.ca} sslcert=${cert} sslkey=${key} sslnegotiation=${negotiation}`;
      expect(await ask(front.port, 'beside', `${more} channel_binding=require`)).toBe('1');
      const { fields } = running.records.at(-1) ?? {};
      expect(fields).toMatchObject({ certificate: fingerprint, client: expect.stringMatching(/^127\.0\.0\.1:\d+$/) });
    }
    await eventually(async () => (await front.status()).check === 'L7OK', 'a check was answered');
    // A client that does not come through the proxy needs no header; if it sends one, it is not believed.
    expect(await ask(running.port, 'beside', 'sslmode=require sslcert=none')).toBe('1');
  });

  test("its checks find the guard well, in PostgreSQL's words, and are no logins", async () => {
    const running = await start({ proxies: [`${HAPROXY_ADDRESS}/32`] });
    front = await startHaproxy(running.port);
    await eventually(async () => (await front.status()).check === 'L7OK', 'a check was answered');
    expect(await front.status()).toMatchObject({ status: 'UP' });
    expect(running.records).toEqual([]);
    expect(await ask(front.port, 'beside')).toBe('1');
  });

  test('that sends no header is refused', async () => {
    const running = await start({ proxies: [`${HAPROXY_ADDRESS}/32`] });
    front = await startHaproxy(running.port, { sendProxy: false });
    const answer = await ask(front.port, 'beside', 'sslmode=disable');
    expect(answer).toMatch(/expected a header of the PROXY protocol|server closed/);
    expect(running.records).toEqual([]);
  });
});
