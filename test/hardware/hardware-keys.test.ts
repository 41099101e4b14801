/** Tests clients with a private key in a hardware token: they get in, and without the token no one does, whatever else was stolen. */
import { execFile, execFileSync, spawnSync } from 'node:child_process';
import { createPrivateKey } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parsePublicKey } from '../../src/pki/ssh-public-key.ts';
import { isSignedBy } from '../../src/pki/ssh-signature.ts';
import { python } from '../drivers/python.ts';
import { type Certificate, type Certificates, makeCertificates } from '../proxy/certificates.ts';
import type { Ran } from '../proxy/support.ts';
import { guardInFrontOf, type TestGuard } from '../support/guard.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { describeWith, testWith, tool } from '../support/tools.ts';
import { HARDWARE, type HardwareToken, newToken, openssl } from './token.ts';

const PSQL = tool('psql');
const PYTHON = python('psycopg');
const SUBJECT = '/O=School/CN=dba laptop';

describeWith(HARDWARE, PSQL)('a key in a token', () => {
  let database: FreshDatabase;
  let made: Certificates;
  let guard: TestGuard;
  let token: HardwareToken;
  let cert: string;
  let policies: string;

  beforeAll(async () => {
    made = makeCertificates();
    token = newToken();
    cert = certified(token, 'hardware');
    policies = mkdtempSync(join(tmpdir(), 'rowgate-test-policies-'));
    mkdirSync(join(policies, 'roles'));
    writeFileSync(join(policies, 'roles/dba.yaml'), 'role: dba\naccess: unrestricted\nlimits: none\n');
    const principals = '  dba: { role: dba, certificate: "subject:CN=dba laptop,O=School" }\n';
    writeFileSync(join(policies, 'principals.yaml'), `principals:\n${principals}`);
    database = await freshDatabase();
    const tls = { cert: made.server.cert, key: made.server.key, client_ca: made.ca };
    const configuration = `tls: ${JSON.stringify(tls)}\nrequire_certificate: unrestricted`;
    guard = await guardInFrontOf(database, { policies, configuration });
  });

  afterAll(async () => {
    await guard?.stop();
    await database?.drop();
    token?.destroy();
    for (const folder of [policies, made?.folder]) if (folder) rmSync(folder, { recursive: true, force: true });
  });

  /** A certificate for the token's key, from the authority that the guard trusts. */
  function certified(of: HardwareToken, name: string): string {
    const file = join(made.folder, `${name}.crt`);
    const by = ['-CA', made.ca, '-CAkey', join(made.folder, 'ca.key'), '-CAcreateserial', '-days', '2'];
    execFileSync(openssl.path ?? '', ['x509', '-req', '-in', of.request(SUBJECT), ...by, '-out', file], {
      stdio: 'ignore',
    });
    return file;
  }

  const conninfo = (key: string, certificate = cert) =>
    `host=localhost hostaddr=127.0.0.1 port=${guard.port} dbname=${database.name} user=dba ` +
    `sslmode=verify-full sslrootcert=${made.ca} sslcert=${certificate} sslkey='${key}'`;

  /** Without a terminal, so no PIN can be asked for. */
  function ask(key: string, environment = token.environment, certificate?: string): Promise<Ran> {
    return new Promise((done) => {
      const args = ['-X', '-A', '-t', '-w', '-d', conninfo(key, certificate), '-c', 'SELECT 1'];
      const child = execFile(PSQL.path ?? '', args, { timeout: 120_000, env: environment }, (_error, stdout, stderr) =>
        done({ status: child.exitCode, stdout: stdout.trim(), stderr: stderr.trim() }),
      );
      child.stdin?.end();
    });
  }

  const WAYS: [string, (pin?: string) => string][] = [
    ["OpenSSL's engine", (pin) => token.engineKey(pin)],
    ["OpenSSL's provider", (pin) => token.providerKey(pin)],
  ];

  describe.each(WAYS)('psql, by %s', (_way, key) => {
    test('gets in, and the record names the certificate', async () => {
      expect(await ask(key())).toMatchObject({ stdout: '1', stderr: '' });
      const logins = (await guard.records()).filter(({ kind }) => kind === 'login');
      expect(logins.at(-1)).toMatchObject({ principal: 'dba', certificate: expect.stringMatching(/^sha256:/) });
    });

    test.each<[string, () => Promise<Ran>]>([
      ['with a wrong PIN', () => ask(key('9999'))],
      [
        'without the token',
        async () => {
          token.unplug();
          try {
            return await ask(key());
          } finally {
            token.plug();
          }
        },
      ],
      [
        'without a module',
        () => {
          const settings = join(token.folder, 'no-module.cnf');
          writeFileSync(
            settings,
            readFileSync(token.environment.OPENSSL_CONF ?? '', 'utf8').replace(
              /^(pkcs11-module-path = ).*$/m,
              '$1/nowhere.so',
            ),
          );
          return ask(key(), { ...token.environment, PKCS11_MODULE_PATH: '/nowhere.so', OPENSSL_CONF: settings });
        },
      ],
      [
        'with another token of that name',
        async () => {
          const other = newToken();
          try {
            return await ask(key(), { ...token.environment, SOFTHSM2_CONF: other.environment.SOFTHSM2_CONF ?? '' });
          } finally {
            other.destroy();
          }
        },
      ],
    ])('does not %s', async (_what, asked) => {
      const before = (await guard.records()).length;
      const { status, stdout } = await asked();
      expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
      expect((await guard.records()).slice(before).filter(({ kind }) => kind === 'login')).toEqual([]);
    });
  });

  test('an RSA key does as well', async () => {
    const rsa = newToken('RSA:2048');
    const own = certified(rsa, 'rsa');
    expect(await ask(rsa.engineKey(), rsa.environment, own)).toMatchObject({ stdout: '1', stderr: '' });
    rsa.destroy();
  });

  testWith(PYTHON)('an application with psycopg', async () => {
    const run = (key: string) =>
      new Promise<{ stdout: string; failed: boolean }>((done) => {
        const args = [join(import.meta.dirname, 'application.py'), conninfo(key)];
        execFile(PYTHON.path ?? '', args, { env: token.environment, timeout: 120_000 }, (error, stdout) =>
          done({ stdout: stdout.trim(), failed: error !== null }),
        );
      });
    expect(await run(token.engineKey())).toEqual({ stdout: '12', failed: false });
    token.unplug();
    expect(await run(token.engineKey())).toEqual({ stdout: '', failed: true });
    token.plug();
  });

  test('the key does not leave the token', () => {
    const out = join(token.folder, 'stolen');
    try {
      token.tool('--read-object', '--type', 'privkey', '--id', '01', '--output-file', out);
    } catch {
      // the tool may say so
    }
    const read = existsSync(out) ? readFileSync(out) : Buffer.alloc(0);
    for (const type of ['pkcs8', 'sec1'] as const) {
      expect(() => createPrivateKey({ key: read, format: 'der', type })).toThrow();
    }
    expect(token.tool('--list-objects', '--type', 'privkey')).toMatch(/never extractable/);
  });

  test('a thief with the certificate, the name and the whole disk but no token is asked for a password that does not exist', async () => {
    const thief: Certificate = made.issue('thief', '/O=School/CN=thief');
    expect((await ask(thief.key, token.environment, cert)).stderr).toMatch(/does not match|mismatch/);
    expect((await ask(thief.key, token.environment, thief.cert)).stderr).toContain('no password supplied');
  });

  const agent = tool('ssh-agent');

  testWith(tool('ssh-keygen'), agent)('an approval is signed by it, through the agent', () => {
    const pin = join(token.folder, 'pin.sh');
    writeFileSync(pin, '#!/bin/sh\necho 1234\n', { mode: 0o755 });
    const script = `ssh-add -s "$MODULE" >/dev/null 2>&1 || exit 3
ssh-add -L >key.pub
ssh-keygen -q -Y sign -n rowgate-permit -f key.pub`;
    const sign = () =>
      spawnSync(agent.path ?? '', ['-P', '/usr/lib*/*', 'sh', '-c', script], {
        cwd: token.folder,
        env: { ...token.environment, MODULE: token.module, SSH_ASKPASS: pin, SSH_ASKPASS_REQUIRE: 'force' },
        input: 'rows: 100\n',
        encoding: 'utf8',
        timeout: 20_000,
      });
    const { stdout } = sign();
    const key = parsePublicKey(readFileSync(join(token.folder, 'key.pub'), 'utf8'));
    expect(key).toBeDefined();
    expect(key && isSignedBy(key, 'rows: 100\n', 'rowgate-permit', stdout)).toBe(true);
    expect(key && isSignedBy(key, 'rows: 101\n', 'rowgate-permit', stdout)).toBe(false);
    token.unplug();
    expect(sign()).toMatchObject({ status: 3, stdout: '' });
    token.plug();
  });
});
