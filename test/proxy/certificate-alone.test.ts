/** Tests a principal that logs in by its certificate without a password: which certificates are let in, what other clients see, and what ends its sessions. */
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect as connectTcp, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { SocketReader } from '../../src/net/socket-reader.ts';
import type { Principal } from '../../src/policy/model/policy.ts';
import { decodeAuthentication, saslInitialResponse, saslResponse } from '../../src/protocol/authentication.ts';
import { decodeErrorFields } from '../../src/protocol/error-response.ts';
import { Backend } from '../../src/protocol/message-types.ts';
import { answerServerFirst, clientFirst } from '../../src/protocol/scram-client.ts';
import { startupMessage } from '../../src/protocol/startup.ts';
import type { StartOptions } from '../../src/server/start.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import {
  type Certificate,
  type Certificates,
  type Dates,
  FOR_AUTHORITIES,
  FOR_SERVERS_ALONE,
  IN_THE_FUTURE,
  LONG_AGO,
  makeCertificates,
  UNKNOWN,
} from './certificates.ts';
import { eventually, policyOf, principal, psql, startTestProxy, type TestProxy, until, verifierOf } from './support.ts';

const SUBJECT = 'subject:CN=app,O=School';

describe('a certificate alone', () => {
  let database: FreshDatabase;
  let account: { user: string; password: string; database: string };
  let made: Certificates;
  let verifier: string;
  let right: Certificate;
  let proxy: TestProxy | undefined;

  beforeAll(async () => {
    made = makeCertificates();
    right = made.issue('right', '/O=School/CN=app');
    database = await freshDatabase();
    account = { ...(await database.createLogin()), database: database.name };
    verifier = await verifierOf('secret');
  });

  afterEach(async () => {
    await proxy?.stop(1_000);
    proxy = undefined;
  });

  afterAll(async () => {
    await database?.drop();
    rmSync(made.folder, { recursive: true, force: true });
  });

  const alone = (extra: Partial<Principal> = {}) => principal('app', [], { certificate: SUBJECT, ...extra });

  async function start(principals: readonly Principal[], extra: Partial<StartOptions> = {}): Promise<TestProxy> {
    const tls = { ...made.server, clientCa: made.ca };
    proxy = await startTestProxy(account, policyOf(principals), { tls, tlsRequired: false, ...extra });
    return proxy;
  }

  async function ask({ port }: TestProxy, shown: Certificate | undefined, more = ''): Promise<string> {
    const certificate = shown ? `sslcert=${shown.cert} sslkey=${shown.key}` : 'sslcert=none sslkey=none';
    const where = `host=localhost hostaddr=127.0.0.1 port=${port} dbname=${database.name} user=app sslmode=require`;
    const { stdout, stderr } = await psql(`${where} ${certificate} ${more}`, ['-w', '-c', 'SELECT 1']);
    return stdout || stderr;
  }

  const NO_PASSWORD = expect.stringContaining('no password supplied');
  const WRONG = expect.stringContaining('password authentication failed for user "app"');
  const NOT_TRUSTED = expect.stringContaining('client certificate is not trusted');

  test('opens the account, by subject and by fingerprint, and the record says by which', async () => {
    const running = await start([alone()]);
    expect(await ask(running, right)).toBe('1');
    expect(running.records.at(-1)).toMatchObject({ kind: 'login', fields: { certificate: right.fingerprint } });
    await running.setPolicy(policyOf([alone({ certificate: right.fingerprint })]));
    expect(await ask(running, right)).toBe('1');
    await running.setPolicy(policyOf([alone({ certificate: made.client.fingerprint })]));
    expect(await ask(running, right)).toEqual(NO_PASSWORD);
  });

  test('a password that is sent as well is ignored; a client that insists on a password exchange gets an error of its own driver', async () => {
    const running = await start([alone()]);
    expect(await ask(running, right, 'password=whatever')).toBe('1');
    expect(await ask(running, right, 'channel_binding=require')).toContain('channel binding required');
    expect(await ask(running, right, 'require_auth=scram-sha-256')).toContain('authentication method requirement');
    expect(await ask(running, right, 'require_auth=none')).toBe('1');
  });

  test('where there is a password as well, both are wanted', async () => {
    const running = await start([alone({ verifiers: [verifier] })]);
    expect(await ask(running, right)).toEqual(NO_PASSWORD);
    expect(await ask(running, right, 'password=secret')).toBe('1');
    expect(await ask(running, undefined, 'password=secret')).toContain('must show its own client certificate');
  });

  test('does nothing for another name', async () => {
    const running = await start([alone(), principal('other', [], { certificate: made.client.fingerprint })]);
    const where = `host=127.0.0.1 port=${running.port} dbname=${database.name} user=other sslmode=require`;
    const { stderr } = await psql(`${where} sslcert=${right.cert} sslkey=${right.key}`, ['-w', '-c', 'SELECT 1']);
    expect(stderr).toEqual(NO_PASSWORD);
  });

  test('what is closed stays closed, which only its own certificate is told', async () => {
    const told: [Partial<Principal>, ReturnType<typeof expect.stringContaining>][] = [
      [{ from: ['10.0.0.0/8'] }, expect.stringContaining('may not log in from this address')],
      [{ validUntil: 1 }, expect.stringContaining('no longer valid')],
      [{ role: 'gone' }, expect.stringContaining('role "gone" is disabled')],
      [{ disabled: 'an error' }, NO_PASSWORD],
    ];
    const running = await start([]);
    for (const [extra, expected] of told) {
      await running.setPolicy(policyOf([alone(extra)]));
      expect(await ask(running, right)).toEqual(expected);
      expect(await ask(running, undefined, 'password=secret')).toEqual(WRONG);
    }
  });

  describe('never without TLS', () => {
    test('over plain TCP', async () => {
      const running = await start([alone()]);
      const { stderr } = await psql(`${running.url('app', 'secret')}?sslmode=disable`, ['-c', 'SELECT 1']);
      expect(stderr).toEqual(WRONG);
      expect(running.records.at(-1)).toMatchObject({ kind: 'login-refused', fields: { reason: 'certificate' } });
    });

    test('by a unix socket', async () => {
      const folder = mkdtempSync(join(tmpdir(), 'rowgate-test-socket-'));
      const path = join(folder, '.s.PGSQL.5432');
      await start([alone()], { listen: [{ host: '127.0.0.1', port: 0 }, { path }] });
      const where = `host=${folder} dbname=${database.name} user=app password=secret`;
      const certificate = `sslmode=prefer sslcert=${right.cert} sslkey=${right.key}`;
      expect((await psql(`${where} ${certificate}`, ['-c', 'SELECT 1'])).stderr).toEqual(WRONG);
      rmSync(folder, { recursive: true, force: true });
    });
  });

  describe('a client without it cannot tell the name from one that does not exist', () => {
    interface Seen {
      readonly offered: readonly string[];
      readonly iterations: string | undefined;
      readonly saltLength: number;
      readonly again: boolean;
      readonly error: Record<string, string>;
    }

    async function secured(port: number, shown: Certificate | undefined): Promise<TLSSocket> {
      const own = shown && { cert: readFileSync(shown.cert), key: readFileSync(shown.key) };
      const socket = connectTls({ port, rejectUnauthorized: false, ALPNProtocols: ['postgresql'], ...own });
      socket.on('error', () => {});
      await once(socket, 'secureConnect');
      return socket;
    }

    /** The client's view of the exchange, without what depends on time or chance. */
    async function exchange(socket: Socket, user: string): Promise<Omit<Seen, 'again'> & { salt: string }> {
      const reader = new SocketReader(socket);
      const input = {
        mechanism: 'SCRAM-SHA-256',
        password: 'secret',
        nonce: 'abcdefgh',
        channelBinding: undefined,
      } as const;
      socket.write(
        startupMessage(3, 0, [
          ['user', user],
          ['database', database.name],
        ]),
      );
      const asked = decodeAuthentication((await reader.readMessage(Backend.Authentication)).bytes);
      socket.write(saslInitialResponse('SCRAM-SHA-256', clientFirst(input)));
      const challenge = decodeAuthentication((await reader.readMessage(Backend.Authentication)).bytes);
      const text = challenge.kind === 'sasl-continue' ? challenge.data : '';
      const [, salt = '', iterations] = /,s=([^,]*),i=(\d+)$/.exec(text) ?? [];
      socket.write(saslResponse((await answerServerFirst(input, Buffer.from(text)))?.message ?? ''));
      const fields = Object.fromEntries(decodeErrorFields((await reader.readMessage(Backend.ErrorResponse)).bytes));
      socket.destroy();
      return {
        offered: asked.kind === 'sasl' ? asked.mechanisms : [],
        iterations,
        saltLength: Buffer.from(salt, 'base64').length,
        salt,
        error: { ...fields, M: String(fields.M).replace(user, 'USER') },
      };
    }

    async function seen(open: () => Promise<Socket>, user: string): Promise<Seen> {
      const [{ salt, ...first }, { salt: second }] = [
        await exchange(await open(), user),
        await exchange(await open(), user),
      ];
      return { ...first, again: salt === second };
    }

    test.each<[string, (running: TestProxy) => Promise<Socket>]>([
      ['without a certificate', ({ port }) => secured(port, undefined)],
      ['with another’s', ({ port }) => secured(port, made.client)],
      ['without TLS', async ({ port }) => connectTcp({ port, host: '127.0.0.1' })],
    ])('%s', async (_what, open) => {
      const running = await start([alone(), principal('someone', [verifier])]);
      const [known, unknown] = [await seen(() => open(running), 'app'), await seen(() => open(running), 'unknown')];
      expect(known).toEqual(unknown);
      expect(known).toMatchObject({ again: true, iterations: '4096', error: { C: '28P01' } });
    });
  });

  describe('certificates that are not what they seem', () => {
    test.each<[string, () => Certificate]>([
      [
        'of an authority of the same name',
        () => {
          made.selfSign('false-ca', '/CN=test authority');
          return made.issue('by-false-ca', '/O=School/CN=app', { by: 'false-ca' });
        },
      ],
      ['signed by itself', () => made.selfSign('itself', '/O=School/CN=app')],
      [
        'signed by another client',
        () => {
          made.issue('signer', '/CN=signer');
          return bundled(made.issue('by-signer', '/O=School/CN=app', { by: 'signer' }), 'signer');
        },
      ],
      ['out of date', () => issued('expired', LONG_AGO)],
      ['not yet valid', () => issued('early', IN_THE_FUTURE)],
      ['for servers', () => made.issue('servers', '/O=School/CN=app', { extensions: FOR_SERVERS_ALONE })],
      ['with an unknown critical extension', () => made.issue('critical', '/O=School/CN=app', { extensions: UNKNOWN })],
    ])('%s', async (_what, make) => {
      expect(await ask(await start([alone()]), make(), 'password=secret')).toEqual(NOT_TRUSTED);
    });

    const issued = (name: string, valid: Dates) => made.issue(name, '/O=School/CN=app', { valid });
    const bundled = (one: Certificate, above: string): Certificate => {
      const cert = join(made.folder, `${above}-bundle.crt`);
      writeFileSync(cert, readFileSync(one.cert, 'utf8') + readFileSync(join(made.folder, `${above}.crt`), 'utf8'));
      return { ...one, cert };
    };

    test('one with an authority between is accepted', async () => {
      made.issue('between', '/CN=between', { extensions: FOR_AUTHORITIES });
      const below = bundled(made.issue('below', '/O=School/CN=app', { by: 'between' }), 'between');
      expect(await ask(await start([alone()]), below)).toBe('1');
    });

    test('one of two names is refused', async () => {
      const evil = made.issue('two-names', '/O=School/CN=evil/CN=app');
      expect(await ask(await start([alone()]), evil, 'password=secret')).toEqual(WRONG);
    });

    test('by fingerprint, without an authority: out of date is told', async () => {
      const { cert, key } = made.server;
      const old = made.selfSign('old', '/CN=old', {
        valid: LONG_AGO,
      });
      const running = await start([alone({ certificate: old.fingerprint })], { tls: { cert, key } });
      expect(await ask(running, old)).toContain('is out of date');
      const fresh = made.selfSign('fresh', '/CN=old');
      await running.setPolicy(policyOf([alone({ certificate: fresh.fingerprint })]));
      expect(await ask(running, fresh)).toBe('1');
    });
  });

  test('a recorded login cannot be replayed: each login must prove the key again', async () => {
    const running = await start([alone()]);
    const sent: Buffer[] = [];
    const recorder = createServer((client) => {
      const guard = connectTcp({ port: running.port, host: '127.0.0.1' });
      client.on('data', (chunk) => sent.push(chunk));
      client.on('error', () => {}).pipe(guard);
      guard.on('error', () => {}).pipe(client);
    });
    recorder.listen(0, '127.0.0.1');
    await once(recorder, 'listening');
    const { port } = recorder.address() as { port: number };
    const where = `host=127.0.0.1 port=${port} dbname=${database.name} user=app sslmode=require`;
    const through = await psql(`${where} sslcert=${right.cert} sslkey=${right.key}`, ['-w', '-c', 'SELECT 1']);
    expect(through.stdout).toBe('1');
    recorder.close();
    const logins = running.records.length;
    const socket = connectTcp({ port: running.port, host: '127.0.0.1' });
    const closed = until(socket);
    for (const chunk of sent) {
      if (!socket.destroyed) socket.write(chunk);
      await new Promise((done) => setTimeout(done, 50));
    }
    socket.end();
    await closed;
    expect(running.records.slice(logins)).toEqual([]);
    expect(running.sessions.size).toBe(0);
  });

  test('no other certificate takes its place on an open connection', async () => {
    const running = await start([alone()]);
    const socket = connectTls({
      port: running.port,
      rejectUnauthorized: false,
      maxVersion: 'TLSv1.2',
      ALPNProtocols: ['postgresql'],
    });
    socket.on('error', () => {});
    await once(socket, 'secureConnect');
    const renegotiated = await new Promise<boolean>((done) => {
      socket.once('close', () => done(false));
      socket.renegotiate({ rejectUnauthorized: false }, (error) => done(error === null));
      setTimeout(() => done(false), 2_000);
    });
    expect(renegotiated).toBe(false);
    socket.destroy();
  });

  test.each<[string, Partial<Principal>, string]>([
    ['has a password from now on', { verifiers: ['VERIFIER'] }, 'its certificate alone does not do any more'],
    ['has another certificate', { certificate: 'subject:CN=other' }, 'must show its own client certificate'],
    ['has a password instead', { verifiers: ['VERIFIER'], certificate: 'none' }, 'its certificate alone'],
    ['lets people in by tokens', { token: { login: {} } as Principal['token'] & {} }, 'its certificate alone'],
    ['is closed', { disabled: 'an error' }, 'is disabled'],
  ])('a session ends when its principal %s', async (_what, change, why) => {
    const running = await start([alone()]);
    const ssl = { rejectUnauthorized: false, cert: readFileSync(right.cert), key: readFileSync(right.key) };
    const client = new pg.Client({ connectionString: running.url('app', ''), ssl });
    const ended = new Promise<Error>((done) => client.on('error', done));
    await client.connect();
    const verifiers = change.verifiers ? [verifier] : [];
    const { certificate = SUBJECT, ...rest } = { ...change };
    const changed = principal('app', verifiers, { ...rest, verifiers, ...(certificate !== 'none' && { certificate }) });
    await running.setPolicy(policyOf([changed]));
    expect(await ended).toMatchObject({ code: '57P01', message: expect.stringContaining(why) });
    await eventually(() => running.sessions.size === 0, 'the session is gone');
  });
});
