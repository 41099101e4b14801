/** Tests client certificates: which one a principal may show, and when a session ends for its certificate. */
import { execFile, execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect } from 'node:tls';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { formatDistinguishedName, parseDistinguishedName, subjectOf } from '../../src/pki/distinguished-name.ts';
import type { Principal } from '../../src/policy/model/policy.ts';
import { startupMessage } from '../../src/protocol/startup.ts';
import { guardInFrontOf } from '../support/guard.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { testWith, tool } from '../support/tools.ts';
import {
  type Certificate,
  type Certificates,
  FOR_SERVERS,
  FOR_SERVERS_ALONE,
  makeCertificates,
} from './certificates.ts';
import { eventually, policyOf, principal, psql, startTestProxy, type TestProxy, verifierOf } from './support.ts';

const openssl = tool('openssl', { since: '1.1.1' });

describe('certificates', () => {
  let database: FreshDatabase;
  let account: { user: string; password: string; database: string };
  let made: Certificates;
  let verifier: string;
  let proxy: TestProxy | undefined;

  beforeAll(async () => {
    made = makeCertificates();
    database = await freshDatabase();
    account = { ...(await database.createLogin()), database: database.name };
    verifier = await verifierOf('secret');
  });

  afterEach(async () => {
    vi.useRealTimers();
    await proxy?.stop(1_000);
    proxy = undefined;
  });

  afterAll(async () => {
    await database?.drop();
    rmSync(made.folder, { recursive: true, force: true });
  });

  async function start(
    principals: readonly Principal[] = [principal('app', [verifier])],
    tls: { cert: string; key: string; clientCa?: string } = { ...made.server, clientCa: made.ca },
  ): Promise<TestProxy> {
    proxy = await startTestProxy(account, policyOf(principals), { tls, tlsRequired: true });
    return proxy;
  }

  async function ask(port: number, shown: Certificate | undefined, more = ''): Promise<string> {
    const certificate = shown ? `sslcert=${shown.cert} sslkey=${shown.key}` : 'sslcert=none sslkey=none';
    const where = `host=localhost hostaddr=127.0.0.1 port=${port} dbname=${database.name}`;
    const who = `user=app password=secret sslmode=require ${certificate} ${more}`;
    const { stdout, stderr } = await psql(`${where} ${who}`, ['-c', 'SELECT 1']);
    return stdout || stderr;
  }

  /** The fingerprint of the certificate that a new connection is shown. */
  async function shownBy(port: number): Promise<string> {
    const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false, ALPNProtocols: ['postgresql'] });
    await new Promise((done) => socket.once('secureConnect', done));
    const { fingerprint256 = '' } = socket.getPeerX509Certificate() ?? {};
    socket.destroy();
    return `sha256:${fingerprint256.replaceAll(':', '').toLowerCase()}`;
  }

  const bound = (certificate: string) => [principal('app', [verifier], { certificate })];
  const REFUSED = expect.stringContaining('must show its own client certificate');

  describe('a principal that is bound to a subject', () => {
    const SUBJECT = 'subject:CN=app,O=School';

    test('shows a certificate of just that subject', async () => {
      const { port, records } = await start(bound(SUBJECT));
      const right = made.issue('right', '/O=School/CN=app');
      expect(await ask(port, right)).toBe('1');
      expect(records.at(-1)).toMatchObject({ kind: 'login', fields: { certificate: right.fingerprint } });
      const renewed = made.issue('renewed', '/O=School/CN=app');
      expect(await ask(port, renewed)).toBe('1');
      expect(await ask(port, undefined)).toEqual(REFUSED);
    });

    test.each([
      ['the other order', '/CN=app/O=School'],
      ['a part of it', '/CN=app'],
      ['more than it', '/C=FR/O=School/CN=app'],
      ['two names, its own first', '/O=School/CN=app/CN=evil'],
      ['two names, its own last', '/O=School/CN=evil/CN=app'],
      ['a comma in the name', '/CN=app,O=School'],
      ['an escaped comma in the name', '/CN=app\\\\,O=School'],
      ['both in one set', '/O=School+CN=app'],
      ['another case', '/O=School/CN=App'],
      ['letters that look alike', '/O=School/CN=аpp'],
      ['a blank more', '/O=School/CN=app '],
    ])('is refused with %s', async (_what, subject) => {
      const { port } = await start(bound(SUBJECT));
      expect(await ask(port, made.issue('wrong', subject))).toEqual(REFUSED);
    });

    test('is refused with one from an unknown authority', async () => {
      const own = made.selfSign('own', '/O=School/CN=app');
      expect(await ask((await start(bound(SUBJECT))).port, own)).toContain('client certificate is not trusted');
      await proxy?.stop(1_000);
      const { cert, key } = made.server;
      expect(await ask((await start(bound(SUBJECT), { cert, key })).port, own)).toEqual(REFUSED);
    });

    test('is refused with one for servers only', async () => {
      const extensions = FOR_SERVERS_ALONE;
      const server = made.issue('server-only', '/O=School/CN=app', { extensions });
      expect(await ask((await start(bound(SUBJECT))).port, server)).toContain('client certificate is not trusted');
    });
  });

  testWith(openssl).each([
    ['/O=School/CN=app'],
    ['/CN=app,O=School'],
    ['/O=École primaire/CN=élève \\+ "x" <y>; # =z\\\\'],
    ['/DC=fr/DC=school/UID=7+CN=app/emailAddress=app@school.example'],
    ['/CN= # app '],
    ['/C=FR/ST=Paris/L=Paris/O=School/OU=a/OU=b/serialNumber=1/title=t/GN=g/SN=s/CN=app'],
  ])('subjects are read as openssl reads them: %s', (subject) => {
    const { cert } = made.issue('witness', subject);
    const args = ['x509', '-in', cert, '-noout', '-subject', '-nameopt', 'RFC2253'];
    const theirs = execFileSync(openssl.path ?? '', args, { encoding: 'utf8' }).replace(/^subject=|\n$/g, '');
    const der = Buffer.from(readFileSync(cert, 'latin1').replace(/-----[^-]+-----|\s/g, ''), 'base64');
    const [ours, read] = [subjectOf(der), parseDistinguishedName(theirs)];
    expect(ours).toBeDefined();
    expect(read && formatDistinguishedName(read)).toBe(ours && formatDistinguishedName(ours));
  });

  describe('a session ends', () => {
    async function connected(certificate: string): Promise<{ running: TestProxy; gone: Promise<Error> }> {
      const running = await start(bound(certificate));
      const { cert, key } = made.client;
      const ssl = { rejectUnauthorized: false, cert: readFileSync(cert), key: readFileSync(key) };
      const client = new pg.Client({ connectionString: running.url('app', 'secret'), ssl });
      const gone = new Promise<Error>((done) => client.on('error', done));
      await client.connect();
      return { running, gone };
    }

    test('when its certificate runs out', async () => {
      const { running, gone } = await connected('subject:CN=client');
      running.expire();
      expect(running.sessions.size).toBe(1);
      vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 3 * 86_400_000 });
      running.expire();
      expect(await gone).toMatchObject({ code: '57P01', message: expect.stringContaining('out of date') });
    });

    test('when the policy wants another one', async () => {
      const { running, gone } = await connected(made.client.fingerprint);
      await running.setPolicy(policyOf(bound(made.stranger.fingerprint)));
      expect(await gone).toMatchObject({ code: '57P01', message: expect.stringContaining('client certificate') });
    });
  });

  describe("the guard's own are read again", () => {
    const live = () => ({ cert: join(made.folder, 'live.crt'), key: join(made.folder, 'live.key'), clientCa: made.ca });
    const put = ({ cert, key }: Certificate) => {
      copyFileSync(cert, live().cert);
      copyFileSync(key, live().key);
    };

    test('for new connections, and what is open stays; a pair that does not fit changes nothing', async () => {
      put(made.server);
      const running = await start(undefined, live());
      const client = new pg.Client({
        connectionString: running.url('app', 'secret'),
        ssl: { rejectUnauthorized: false },
      });
      await client.connect();
      const second = made.issue('second', '/CN=localhost', { extensions: FOR_SERVERS });
      copyFileSync(second.cert, live().cert);
      running.reloadTls();
      expect(running.lines.at(-1)).toContain('certificate not reloaded');
      expect(await shownBy(running.port)).toBe(made.server.fingerprint);
      put(second);
      running.reloadTls();
      expect(await shownBy(running.port)).toBe(second.fingerprint);
      writeFileSync(live().cert, 'no certificate');
      running.reloadTls();
      rmSync(live().key);
      running.reloadTls();
      expect(await shownBy(running.port)).toBe(second.fingerprint);
      expect((await client.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
      await client.end();
    });

    test('between the handshake and the password, which is bound to the one that was shown', async () => {
      put(made.server);
      const running = await start(undefined, live());
      const password = async () => {
        put(made.issue('between', '/CN=localhost', { extensions: FOR_SERVERS }));
        running.reloadTls();
        return 'secret';
      };
      const client = new pg.Client({
        host: '127.0.0.1',
        port: running.port,
        user: 'app',
        database: database.name,
        password,
        ssl: { rejectUnauthorized: false },
        enableChannelBinding: true,
      });
      await client.connect();
      await client.end();
      expect(running.lines.join('')).toContain('certificate reloaded');
    });

    test('the authorities too', async () => {
      put(made.server);
      const authorities = join(made.folder, 'authorities.crt');
      copyFileSync(made.ca, authorities);
      const running = await start(bound('subject:CN=stranger'), { ...live(), clientCa: authorities });
      expect(await ask(running.port, made.stranger)).toContain('client certificate is not trusted');
      writeFileSync(authorities, readFileSync(made.ca, 'utf8') + readFileSync(made.stranger.cert, 'utf8'));
      running.reloadTls();
      expect(await ask(running.port, made.stranger)).toBe('1');
    });

    test('by themselves, when the files change', async () => {
      put(made.server);
      const configuration = `tls: ${JSON.stringify({ cert: live().cert, key: live().key })}`;
      const guard = await guardInFrontOf(database, { configuration });
      try {
        const third = made.issue('third', '/CN=localhost', { extensions: FOR_SERVERS });
        put(third);
        await eventually(async () => (await shownBy(guard.port)) === third.fingerprint, 'the new one is shown');
      } finally {
        await guard.stop();
      }
    });
  });

  test('a client that says goodbye over TLS and closes its side still gets its answers', async () => {
    const { cert, key } = made.server;
    const guard = await guardInFrontOf(database, { configuration: `tls: ${JSON.stringify({ cert, key })}` });
    const client = new pg.Client({ connectionString: guard.url('dba'), ssl: { rejectUnauthorized: false } });
    client.on('error', () => {});
    await client.connect();
    const answer = client.query('SELECT pg_sleep(0.3), 1 AS one');
    await new Promise((done) => setTimeout(done, 50));
    (client as unknown as { connection: { end(): void } }).connection.end();
    expect((await answer).rows).toMatchObject([{ one: 1 }]);
    await guard.stop();
  });

  describe('versions, ciphers, sessions', () => {
    /** The output of `openssl s_client` for a connection that it then ends. */
    const client = (port: number, ...args: string[]) =>
      new Promise<string>((done) => {
        const all = ['s_client', '-connect', `127.0.0.1:${port}`, '-starttls', 'postgres', ...args];
        const child = execFile(openssl.path ?? '', all, { timeout: 120_000 }, (_error, out, err) => done(out + err));
        child.stdin?.end();
      });

    testWith(openssl).each([
      ['TLS 1.1 is refused', ['-tls1_1', '-cipher', 'ALL:@SECLEVEL=0'], /no peer certificate available/],
      ['TLS 1.2 is the floor', ['-tls1_2'], /New, TLSv1.2, Cipher is ECDHE-ECDSA-AES\d+-GCM/],
      ['TLS 1.3', ['-tls1_3'], /New, TLSv1.3, Cipher is TLS_AES/],
      ['no CBC', ['-tls1_2', '-cipher', 'ECDHE-ECDSA-AES128-SHA256:ECDHE-ECDSA-AES128-SHA'], /Cipher is \(NONE\)/],
    ])('%s', async (_what, args, expected) => {
      expect(await client((await start()).port, ...args)).toMatch(expected);
    });

    test.each(['TLSv1.2', 'TLSv1.3'] as const)(
      'no session is resumed, so that each shows its certificate: %s',
      async (version) => {
        const { port } = await start();
        /** Whether it was resumed, and what could resume the next one. */
        const connected = async (session?: Buffer) => {
          const versions = { minVersion: version, maxVersion: version, ALPNProtocols: ['postgresql'] };
          const shown = { cert: readFileSync(made.client.cert), key: readFileSync(made.client.key) };
          const options = { port, host: '127.0.0.1', rejectUnauthorized: false, ...versions, ...shown };
          const socket = connect({ ...options, ...(session && { session }) });
          let next: Buffer | undefined;
          socket.on('session', (given) => {
            next = given;
          });
          socket.write(startupMessage(3, 0, [['user', 'app']]));
          await once(socket, 'data'); // tickets come before it
          const resumed = socket.isSessionReused();
          next ??= socket.getSession();
          socket.destroy();
          return { resumed, next };
        };
        const first = await connected();
        expect(first.next).toBeDefined();
        expect(await connected(first.next)).toMatchObject({ resumed: false });
      },
    );
  });

  describe('channel binding', () => {
    test('with RSASSA-PSS is by the hash that it names', async () => {
      const server = made.selfSign('pss', '/CN=localhost', { newKey: 'rsa-pss' });
      expect(await ask((await start(undefined, server)).port, undefined, 'channel_binding=require')).toBe('1');
    });

    test('is not offered with Ed25519, which has no channel binding', async () => {
      const server = made.selfSign('ed25519', '/CN=localhost', { newKey: 'ed25519' });
      const { port } = await start(undefined, server);
      expect(await ask(port, undefined)).toBe('1');
      expect(await ask(port, undefined, 'channel_binding=require')).toContain('channel binding');
    });
  });
});
