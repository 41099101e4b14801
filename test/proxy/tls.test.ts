/** Tests TLS towards clients and towards the server: versions, channel binding, broken handshakes, and new certificates without a restart. */
import { once } from 'node:events';
import { chmodSync, chownSync, copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect as connectTcp } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { serverAccount } from '../../src/demo/account.ts';
import { type Server, startServer } from '../../src/demo/server.ts';
import { sslRequest, startupMessage } from '../../src/protocol/startup.ts';
import { type FreshDatabase, freshDatabase, serverVersion } from '../support/postgres.ts';
import { testWith } from '../support/tools.ts';
import { otherServer } from '../support/versions.ts';
import { type Certificate, type Certificates, FOR_SERVERS, LONG_AGO, makeCertificates } from './certificates.ts';
import {
  errorIn,
  eventually,
  PSQL,
  policyOf,
  principal,
  psql,
  startTestProxy,
  type TestProxy,
  talk,
  until,
  verifierOf,
} from './support.ts';

describe('TLS towards clients', () => {
  let database: FreshDatabase;
  let certificates: Certificates;
  let proxy: TestProxy;

  beforeAll(async () => {
    certificates = makeCertificates();
    database = await freshDatabase();
    const login = await database.createLogin();
    const verifier = await verifierOf('secret');
    const policy = policyOf([
      principal('app', [verifier]),
      principal('bound', [verifier], { certificate: certificates.client.fingerprint }),
    ]);
    const { server, ca } = certificates;
    proxy = await startTestProxy({ ...login, database: database.name }, policy, {
      tls: { cert: server.cert, key: server.key, clientCa: ca },
      tlsRequired: true,
      loginTimeoutMs: 3_000,
    });
  });

  afterAll(async () => {
    await proxy?.stop(2_000);
    await database?.drop();
    rmSync(certificates.folder, { recursive: true, force: true });
  });

  const conninfo = (more: string, user = 'app') =>
    `host=localhost hostaddr=127.0.0.1 port=${proxy.port} dbname=${database.name} user=${user} password=secret ` +
    `sslcert=none sslkey=none sslrootcert=${certificates.ca} ${more}`;
  const one = ['-c', 'SELECT 1'];

  test.each([
    ['negotiated, verified, bound to the channel', 'sslmode=verify-full channel_binding=require'],
    ['direct', 'sslmode=verify-full sslnegotiation=direct channel_binding=require'],
    ['without channel binding', 'sslmode=require channel_binding=disable'],
    ['after a declined GSSENCRequest', 'sslmode=require gssencmode=prefer'],
  ])('psql: %s', async (_what, more) => {
    expect(await psql(conninfo(more), one)).toMatchObject({ stdout: '1', stderr: '' });
  });

  test('node-postgres', async () => {
    const client = new pg.Client({
      connectionString: proxy.url('app', 'secret'),
      ssl: { rejectUnauthorized: false },
      enableChannelBinding: true,
    });
    await client.connect();
    expect((await client.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
    await client.end();
  });

  test('no client logs in without TLS', async () => {
    const { stderr } = await psql(conninfo('sslmode=disable'), one);
    expect(stderr).toContain('connection requires TLS');
  });

  test('a principal bound to a certificate shows it, and that one', async () => {
    const withCert = ({ cert, key }: { cert: string; key: string }) =>
      conninfo('sslmode=require', 'bound').replace('sslcert=none sslkey=none', `sslcert=${cert} sslkey=${key}`);
    expect((await psql(withCert(certificates.client), one)).stdout).toBe('1');
    expect(proxy.records.at(-1)).toMatchObject({
      kind: 'login',
      fields: { certificate: certificates.client.fingerprint },
    });
    expect((await psql(conninfo('sslmode=require', 'bound'), one)).stderr).toContain(
      'must show its own client certificate',
    );
    expect((await psql(withCert(certificates.server), one)).stderr).toMatch(/must show its own|not trusted/);
    expect((await psql(withCert(certificates.stranger), one)).stderr).toContain('client certificate is not trusted');
  });

  test('bytes in the clear behind SSLRequest are not taken for what comes inside TLS', async () => {
    const answer = await talk(proxy.port, Buffer.concat([sslRequest(), startupMessage(3, 0, [['user', 'app']])]));
    expect(errorIn(answer)).toMatchObject({ C: '08P01', M: 'received unencrypted data after SSL request' });
  });

  test('direct TLS that does not name the protocol is ended', async () => {
    const socket = connectTls({ port: proxy.port, host: '127.0.0.1', rejectUnauthorized: false });
    expect(await until(socket)).toHaveLength(0);
  });

  test('another protocol by name is refused in the handshake', async () => {
    const socket = connectTls({
      port: proxy.port,
      host: '127.0.0.1',
      rejectUnauthorized: false,
      ALPNProtocols: ['http/1.1'],
    });
    expect(await until(socket)).toHaveLength(0);
    expect(socket.authorized).toBe(false);
  });

  test('a handshake that never ends is ended, and one that is noise', async () => {
    const silent = connectTcp({ port: proxy.port, host: '127.0.0.1' });
    silent.write(sslRequest());
    expect((await until(silent, 10_000)).toString()).toMatch(/^S/);
    const noise = connectTcp({ port: proxy.port, host: '127.0.0.1' });
    noise.write(Buffer.concat([Buffer.from([0x16, 3, 1, 0, 5]), Buffer.from('noise')]));
    await until(noise);
    expect(await psql(conninfo('sslmode=require'), one)).toMatchObject({ stdout: '1' });
  });

  test('a client that goes in the middle of a handshake leaves its place at once', async () => {
    const { server } = certificates;
    const login = await database.createLogin();
    const limits = { connections: 9, connectionsPerAddress: 9, reservedConnections: 0, logins: 2, loginsPerAddress: 2 };
    const small = await startTestProxy(
      { ...login, database: database.name },
      policyOf([principal('app', [await verifierOf('secret')])]),
      { tls: { cert: server.cert, key: server.key }, limits, loginTimeoutMs: 60_000 },
    );
    for (let i = 0; i < 6; i++) {
      const socket = connectTcp({ port: small.port, host: '127.0.0.1' });
      socket.write(sslRequest());
      await once(socket, 'data');
      socket.write(Buffer.from('1603010200010001fc0303', 'hex'));
      socket.end();
      await until(socket);
    }
    const where = conninfo('sslmode=require').replace(/port=\d+/, `port=${small.port}`);
    await eventually(async () => (await psql(where, one)).stdout === '1', 'there is a place');
    await small.stop(500);
  });

  test('SSLRequest inside TLS is refused', async () => {
    const socket = connectTls({
      port: proxy.port,
      host: '127.0.0.1',
      rejectUnauthorized: false,
      ALPNProtocols: ['postgresql'],
    });
    socket.write(sslRequest());
    expect(errorIn(await until(socket))).toMatchObject({ C: '0A000' });
  });

  test('the certificate is read again on reload', () => {
    expect(() => proxy.reloadTls()).not.toThrow();
  });
});

describe('TLS towards the server', () => {
  let certificates: Certificates;
  let server: Server;
  let proxy: TestProxy | undefined;

  beforeAll(async () => {
    certificates = makeCertificates();
    const account = await serverAccount();
    chmodSync(certificates.folder, 0o755);
    for (const file of [certificates.server.cert, certificates.server.key]) {
      if (account.uid !== undefined && account.gid !== undefined) chownSync(file, account.uid, account.gid);
    }
    chmodSync(certificates.server.key, 0o600);
    const other = otherServer(serverVersion());
    server = await startServer({
      ...(other && { other }),
      folder: mkdtempSync(join(tmpdir(), 'rowgate-test-')),
      settings: { ssl: 'on', ssl_cert_file: certificates.server.cert, ssl_key_file: certificates.server.key },
      temporary: true,
    });
  });

  afterEach(async () => {
    await proxy?.stop(1_000);
    proxy = undefined;
  });

  afterAll(async () => {
    await server?.stop();
    rmSync(certificates.folder, { recursive: true, force: true });
  });

  async function through(host: string, tls: { mode: 'disable' | 'require' | 'verify-full'; ca?: string }, sql: string) {
    proxy = await startTestProxy(
      { user: 'postgres', password: decodeURIComponent(new URL(server.url).password), database: 'postgres' },
      policyOf([principal('app', [await verifierOf('secret')])]),
      { upstream: { hosts: [{ host, port: server.port }], tls, timeoutMs: 5_000 } },
    );
    return psql(proxy.url('app', 'secret'), ['-c', sql]);
  }

  test('each of several hosts must show a certificate of its own name', async () => {
    const hosts = ['127.0.0.1', 'localhost'].map((host) => ({ host, port: server.port }));
    proxy = await startTestProxy(
      { user: 'postgres', password: decodeURIComponent(new URL(server.url).password), database: 'postgres' },
      policyOf([principal('app', [await verifierOf('secret')])]),
      { upstream: { hosts, tls: { mode: 'verify-full', ca: certificates.ca }, timeoutMs: 5_000 } },
    );
    expect((await psql(proxy.url('app', 'secret'), ['-c', inUse])).stdout).toBe('t');
    await proxy.stop(1_000);
    proxy = await startTestProxy(
      { user: 'postgres', password: decodeURIComponent(new URL(server.url).password), database: 'postgres' },
      policyOf([principal('app', [await verifierOf('secret')])]),
      { upstream: { hosts: hosts.slice(0, 1), tls: { mode: 'verify-full', ca: certificates.ca }, timeoutMs: 5_000 } },
    );
    expect((await psql(proxy.url('app', 'secret'), ['-c', inUse])).stderr).toContain('could not connect');
    expect(proxy.lines.join()).toContain('not in the cert');
  });

  const inUse = 'SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()';

  test.each([
    ['disable', 'localhost', 'f'],
    ['require', 'localhost', 't'],
    ['verify-full', 'localhost', 't'],
  ] as const)('%s', async (mode, host, ssl) => {
    const tls = mode === 'verify-full' ? { mode, ca: certificates.ca } : { mode };
    expect(await through(host, tls, inUse)).toMatchObject({ stdout: ssl, stderr: '' });
  });

  test('verify-full refuses another name and another authority; so does require with an authority', async () => {
    expect((await through('127.0.0.1', { mode: 'verify-full', ca: certificates.ca }, inUse)).stderr).toContain(
      'could not connect',
    );
    expect(proxy?.lines.join('')).toContain('TLS handshake failed');
    await proxy?.stop(1_000);
    expect((await through('localhost', { mode: 'verify-full', ca: certificates.stranger.cert }, inUse)).status).toBe(2);
    await proxy?.stop(1_000);
    expect((await through('localhost', { mode: 'require', ca: certificates.stranger.cert }, inUse)).status).toBe(2);
    await proxy?.stop(1_000);
    expect((await through('127.0.0.1', { mode: 'require', ca: certificates.ca }, inUse)).stdout).toBe('t');
  });

  test('with an expired certificate no client gets through, and with a new one all do, without a restart', async () => {
    const expired = certificates.issue('expired', '/CN=localhost', {
      extensions: FOR_SERVERS,
      valid: LONG_AGO,
    });
    const { cert, key } = certificates.server;
    const superuser = new pg.Client({ connectionString: server.url });
    await superuser.connect();
    /** The server takes up its files at a reload; they keep their names, and the key its owner and mode. */
    const serve = async (from: Pick<Certificate, 'cert' | 'key'>) => {
      for (const [to, text] of [
        [cert, readFileSync(from.cert)],
        [key, readFileSync(from.key)],
      ] as const) {
        writeFileSync(to, text);
      }
      await superuser.query('SELECT pg_reload_conf()');
    };
    const good = { cert: join(certificates.folder, 'good.crt'), key: join(certificates.folder, 'good.key') };
    copyFileSync(cert, good.cert);
    copyFileSync(key, good.key);
    try {
      await serve(expired);
      const tls = { mode: 'verify-full', ca: certificates.ca } as const;
      await eventually(async () => {
        await proxy?.stop(1_000);
        return (await through('localhost', tls, inUse)).stderr.includes('could not connect');
      }, 'the expired certificate is seen');
      expect(proxy?.lines.join('')).toMatch(/certificate has expired/);
      await serve(good);
      const again = () => psql(proxy!.url('app', 'secret'), ['-c', inUse]);
      await eventually(async () => (await again()).stdout === 't', 'the new certificate is seen');
    } finally {
      await serve(good);
      await superuser.end();
    }
  });

  testWith(PSQL)('a statement is cancelled over TLS', async () => {
    const client = new pg.Client({ connectionString: server.url });
    await client.connect();
    const sleeping = async (): Promise<boolean> => {
      const { rows } = await client.query(
        "SELECT FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%pg_sleep%' AND pid <> pg_backend_pid()",
      );
      return rows.length > 0;
    };
    const running = through('localhost', { mode: 'require' }, 'SELECT pg_sleep(60)');
    await eventually(sleeping, 'the statement runs');
    proxy?.sessions.terminateAll({ reason: 'stopping', sqlstate: '57P01', message: 'bye' });
    expect((await running).stderr).toContain('bye');
    await eventually(async () => !(await sleeping()), 'it was stopped');
    await client.end();
  });
});
