/** Tests revocation lists: which logins they refuse, which sessions they end, and what happens when a list runs out. */
import { copyFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Alarm } from '../../src/core/alarm-sink.ts';
import type { Principal } from '../../src/policy/model/policy.ts';
import type { TlsFiles } from '../../src/server/login/server-tls.ts';
import { guardInFrontOf } from '../support/guard.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import {
  type Certificate,
  type Certificates,
  FOR_AUTHORITIES,
  IN_THE_FUTURE,
  LONG_AGO,
  makeCertificates,
} from './certificates.ts';
import { type RevokingAuthority, revokingAuthority } from './revoking.ts';
import { eventually, policyOf, principal, psql, startTestProxy, type TestProxy, verifierOf } from './support.ts';

describe('revocation lists', () => {
  let database: FreshDatabase;
  let account: { user: string; password: string; database: string };
  let made: Certificates;
  let authority: RevokingAuthority;
  let verifier: string;
  let proxy: TestProxy | undefined;
  let alarms: Alarm[];

  beforeAll(async () => {
    made = makeCertificates();
    authority = revokingAuthority(made);
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

  async function start(principals: readonly Principal[], files: Partial<TlsFiles> = {}): Promise<TestProxy> {
    alarms = [];
    const { cert, key } = made.server;
    const tls = { cert, key, clientCa: made.ca, clientCrl: [authority.list], ...files };
    const told = { raise: (alarm: Alarm) => void alarms.push(alarm) };
    proxy = await startTestProxy(account, policyOf(principals), { tls, tlsRequired: true, alarms: told });
    return proxy;
  }

  async function ask({ port }: TestProxy, shown: Certificate | undefined): Promise<string> {
    const certificate = shown ? `sslcert=${shown.cert} sslkey=${shown.key}` : 'sslcert=none sslkey=none';
    const where = `host=localhost hostaddr=127.0.0.1 port=${port} dbname=${database.name}`;
    const { stdout, stderr } = await psql(`${where} user=app password=secret sslmode=require ${certificate}`, [
      '-c',
      'SELECT 1',
    ]);
    return stdout || stderr;
  }

  /** A session with this certificate, and what ends it. */
  async function session(running: TestProxy, { cert, key }: Certificate) {
    const ssl = { rejectUnauthorized: false, cert: readFileSync(cert), key: readFileSync(key) };
    const client = new pg.Client({ connectionString: running.url('app', 'secret'), ssl });
    const ended = new Promise<Error>((done) => client.on('error', done));
    await client.connect();
    return { client, ended };
  }

  const REVOKED = expect.stringContaining('client certificate is revoked');
  const UNKNOWN = expect.stringContaining('could not be checked against a current revocation list');
  const NOT_TRUSTED = expect.stringContaining('client certificate is not trusted');

  test.each([
    ['a fingerprint', (one: Certificate): Principal => principal('app', [verifier], { certificate: one.fingerprint })],
    ['a subject', (): Principal => principal('app', [verifier], { certificate: 'subject:CN=taken back' })],
    ['a fingerprint alone', (one: Certificate): Principal => principal('app', [], { certificate: one.fingerprint })],
    ['nothing', (): Principal => principal('app', [verifier])],
  ])('a revoked certificate opens nothing: bound by %s', async (_what, bound) => {
    const one = made.issue('one', '/CN=taken back');
    const running = await start([bound(one)]);
    expect(await ask(running, one)).toBe('1');
    authority.revoke(one.cert);
    authority.makeList();
    running.reloadTls();
    expect(await ask(running, one)).toEqual(REVOKED);
    expect(running.records.at(-1)).toMatchObject({
      kind: 'login-refused',
      fields: { reason: 'certificate', certificate: one.fingerprint },
    });
  });

  test('running sessions of a certificate that is taken back end, and no others', async () => {
    const [kept, lost] = [made.issue('kept', '/CN=app'), made.issue('lost', '/CN=app')];
    const running = await start([principal('app', [verifier], { certificate: 'subject:CN=app' })]);
    const [stays, goes] = [await session(running, kept), await session(running, lost)];
    authority.revoke(lost.cert);
    authority.makeList();
    expect(running.reloadTls().problems).toEqual([]);
    expect(await goes.ended).toMatchObject({ code: '57P01', message: expect.stringContaining('is revoked') });
    expect((await stays.client.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
    await stays.client.end();
  });

  test('sessions end as well when their authority is taken out of client_ca', async () => {
    const others = made.selfSign('others', '/CN=other authority');
    const theirs = made.issue('theirs', '/CN=app', { by: 'others' });
    const mine = made.issue('mine', '/CN=app');
    const both = join(made.folder, 'both.crt');
    writeFileSync(both, readFileSync(made.ca, 'utf8') + readFileSync(others.cert, 'utf8'));
    const app = principal('app', [verifier], { certificate: 'subject:CN=app' });
    const running = await start([app], { clientCa: both, clientCrl: [] });
    const [stays, goes] = [await session(running, mine), await session(running, theirs)];
    copyFileSync(made.ca, both);
    running.reloadTls();
    expect(await goes.ended).toMatchObject({ code: '57P01', message: expect.stringContaining('is not trusted') });
    expect((await stays.client.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
    await stays.client.end();
  });

  test('a certificate that is taken back while its client logs in opens no session', async () => {
    const one = made.issue('under-way', '/CN=app');
    const running = await start([principal('app', [verifier], { certificate: one.fingerprint })]);
    const client = new pg.Client({
      host: '127.0.0.1',
      port: running.port,
      user: 'app',
      database: database.name,
      ssl: { rejectUnauthorized: false, cert: readFileSync(one.cert), key: readFileSync(one.key) },
      password: async () => {
        authority.revoke(one.cert);
        authority.makeList();
        running.reloadTls();
        return 'secret';
      },
    });
    client.on('error', () => {});
    await expect(client.connect()).rejects.toMatchObject({ message: expect.stringContaining('is revoked') });
    expect(running.sessions.size).toBe(0);
  });

  describe('with an authority between', () => {
    let between: RevokingAuthority;
    let below: Certificate;
    let chained: Certificate;

    beforeAll(() => {
      made.issue('between', '/CN=between', { extensions: FOR_AUTHORITIES });
      between = revokingAuthority(made, 'between');
      below = made.issue('below', '/CN=app', { by: 'between' });
      const cert = join(made.folder, 'chained.crt');
      writeFileSync(cert, readFileSync(below.cert, 'utf8') + readFileSync(join(made.folder, 'between.crt'), 'utf8'));
      chained = { ...below, cert };
    });

    const app = () => principal('app', [verifier], { certificate: 'subject:CN=app' });

    test('each of the two needs its list', async () => {
      expect(await ask(await start([app()], { clientCrl: [authority.list] }), chained)).toEqual(UNKNOWN);
      await proxy?.stop(1_000);
      expect(await ask(await start([app()], { clientCrl: [between.list] }), chained)).toEqual(UNKNOWN);
      await proxy?.stop(1_000);
      expect(await ask(await start([app()], { clientCrl: [between.list, authority.list] }), chained)).toBe('1');
    });

    test('both lists may be in one file, and a list may be DER', async () => {
      const both = join(made.folder, 'lists.pem');
      writeFileSync(both, readFileSync(between.list, 'utf8') + readFileSync(authority.list, 'utf8'));
      expect(await ask(await start([app()], { clientCrl: [both] }), chained)).toBe('1');
      await proxy?.stop(1_000);
      const der = join(made.folder, 'ca.der');
      writeFileSync(der, authority.der());
      expect(await ask(await start([app()], { clientCrl: [between.list, der] }), chained)).toBe('1');
    });

    test('the one between may be known to the guard, and the client send its own certificate alone', async () => {
      const known = join(made.folder, 'known.crt');
      writeFileSync(known, readFileSync(made.ca, 'utf8') + readFileSync(join(made.folder, 'between.crt'), 'utf8'));
      const files = { clientCa: known, clientCrl: [between.list, authority.list] };
      const running = await start([app()], files);
      const { client, ended } = await session(running, below);
      running.expire();
      expect((await client.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
      between.revoke(below.cert);
      between.makeList();
      running.reloadTls();
      expect(await ended).toMatchObject({ code: '57P01', message: expect.stringContaining('is revoked') });
      below = made.issue('below-again', '/CN=app', { by: 'between' });
      const cert = join(made.folder, 'chained-again.crt');
      writeFileSync(cert, readFileSync(below.cert, 'utf8') + readFileSync(join(made.folder, 'between.crt'), 'utf8'));
      chained = { ...below, cert };
    });

    test('the one between is taken back: what it has signed opens nothing, and its sessions end', async () => {
      const running = await start([app()], { clientCrl: [between.list, authority.list] });
      const { ended } = await session(running, chained);
      authority.revoke(join(made.folder, 'between.crt'));
      authority.makeList();
      running.reloadTls();
      expect(await ask(running, chained)).toEqual(REVOKED);
      expect(await ended).toMatchObject({ code: '57P01' });
    });
  });

  describe('a list that has run out', () => {
    let app: Principal;
    let one: Certificate;

    beforeAll(() => {
      one = made.issue('steady', '/CN=app');
      app = principal('app', [verifier], { certificate: one.fingerprint });
    });
    afterEach(() => authority.makeList());

    test('keeps every certificate out and no other client, ends no session, and is reported', async () => {
      const running = await start([app, principal('other', [verifier])]);
      const { client } = await session(running, one);
      authority.makeList(LONG_AGO);
      running.reloadTls();
      expect(await ask(running, one)).toEqual(UNKNOWN);
      const { stdout } = await psql(`${running.url('other', 'secret')}?sslmode=require`, ['-c', 'SELECT 1']);
      expect(stdout).toBe('1');
      expect((await client.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
      await client.end();
      expect(running.lines.join('')).toMatch(/"level":50.*revocation list .*ca\.crl.* has run out at 2025-01-02/);
      expect(alarms).toEqual([{ kind: 'expiry', text: expect.stringContaining('has run out') }]);
    });

    test('is told of before, once', async () => {
      authority.makeList({ from: new Date(Date.now() - 86_400_000), until: new Date(Date.now() + 3_600_000) });
      const running = await start([app]);
      running.expire();
      expect(alarms).toEqual([
        { kind: 'expiry', text: expect.stringMatching(/revocation list .* runs out at .*; then clients with/) },
      ]);
      expect(await ask(running, one)).toBe('1');
    });

    test('a list of the future is treated in the same way', async () => {
      authority.makeList(IN_THE_FUTURE);
      expect(await ask(await start([app]), one)).toEqual(UNKNOWN);
    });
  });

  test.each<[string, (list: string) => void]>([
    ['no list', (list) => writeFileSync(list, 'no list')],
    ['nothing', (list) => writeFileSync(list, '')],
    ['a torn one', (list) => writeFileSync(list, readFileSync(list).subarray(0, 300))],
    [
      'nonsense in its place',
      (list) => writeFileSync(list, '-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n'),
    ],
    ['a certificate', (list) => copyFileSync(made.ca, list)],
    ['no file', (list) => rmSync(list)],
  ])('a file that holds %s changes nothing, and cannot be started with', async (_what, spoil) => {
    const [lost, kept] = [made.issue('lost-2', '/CN=lost'), made.issue('kept-2', '/CN=kept')];
    authority.revoke(lost.cert);
    authority.makeList();
    const list = join(made.folder, 'copy.crl');
    copyFileSync(authority.list, list);
    const running = await start([principal('app', [verifier])], { clientCrl: [list] });
    spoil(list);
    expect(running.reloadTls().problems).toEqual([expect.stringContaining('the one in use stays')]);
    expect(await ask(running, lost)).toEqual(REVOKED);
    expect(await ask(running, kept)).toBe('1');
    await running.stop(1_000);
    await expect(start([], { clientCrl: [list] })).rejects.toThrow();
  });

  test('a list of another authority of the same name keeps every certificate out', async () => {
    const twin = made.selfSign('twin', '/CN=test authority');
    expect(twin.cert).not.toBe(made.ca);
    const theirs = revokingAuthority(made, 'twin');
    const one = made.issue('of-ours', '/CN=app');
    const running = await start([principal('app', [verifier])], { clientCrl: [theirs.list] });
    expect(await ask(running, one)).toEqual(expect.stringMatching(/could not be checked|not trusted/));
    expect(await ask(running, undefined)).toBe('1');
  });

  test('a client with a stranger’s certificate is refused as before', async () => {
    expect(await ask(await start([principal('app', [verifier])]), made.stranger)).toEqual(NOT_TRUSTED);
  });

  test('are read again by themselves when the file changes', async () => {
    const one = made.issue('watched', '/CN=watched');
    const { cert, key } = made.server;
    const tls = { cert, key, client_ca: made.ca, client_crl: authority.list };
    const guard = await guardInFrontOf(database, { configuration: `tls: ${JSON.stringify(tls)}` });
    const as = `user=dba password=demo-dba sslmode=require sslcert=${one.cert} sslkey=${one.key}`;
    const asked = () => psql(`host=127.0.0.1 port=${guard.port} dbname=${database.name} ${as}`, ['-c', 'SELECT 1']);
    try {
      expect(await asked()).toMatchObject({ stdout: '1' });
      authority.revoke(one.cert);
      authority.makeList();
      await eventually(async () => (await asked()).stderr.includes('is revoked'), 'the list is read');
    } finally {
      await guard.stop();
    }
  });
});
