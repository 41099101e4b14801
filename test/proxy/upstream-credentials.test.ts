/** Tests the guard's own credentials at the server: a certificate, or a password that a command gives; each can be replaced while it runs. */
import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import pino from 'pino';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { serverAccount } from '../../src/demo/account.ts';
import { type Server, startServer } from '../../src/demo/server.ts';
import type { PasswordSource } from '../../src/upstream/password.ts';
import type { UpstreamTlsOptions } from '../../src/upstream/tls.ts';
import { guardInFrontOf, type TestGuard } from '../support/guard.ts';
import { type FreshDatabase, freshDatabase, serverVersion } from '../support/postgres.ts';
import { otherServer } from '../support/versions.ts';
import { type Certificate, type Certificates, makeCertificates } from './certificates.ts';
import { eventually, policyOf, principal, psql, startTestProxy, type TestProxy, verifierOf } from './support.ts';

const ONE = ['-c', 'SELECT 1'];

describe('a server that asks for a client certificate', () => {
  let made: Certificates;
  let server: Server;
  let superuser: pg.Client;
  let proxy: TestProxy | undefined;
  let right: Certificate;

  beforeAll(async () => {
    made = makeCertificates();
    right = made.issue('right', '/CN=certified');
    const hba = join(made.folder, 'hba.conf');
    const lines = [
      'host all postgres all scram-sha-256',
      'hostssl all certified all cert',
      'hostssl all both all scram-sha-256 clientcert=verify-ca',
    ];
    writeFileSync(hba, `${lines.join('\n')}\n`);
    const account = await serverAccount();
    chmodSync(made.folder, 0o755);
    for (const file of [made.server.cert, made.server.key, made.ca, hba]) {
      if (account.uid !== undefined && account.gid !== undefined) chownSync(file, account.uid, account.gid);
    }
    chmodSync(made.server.key, 0o600);
    const other = otherServer(serverVersion());
    server = await startServer({
      ...(other && { other }),
      folder: mkdtempSync(join(tmpdir(), 'rowgate-test-')),
      settings: {
        ssl: 'on',
        ssl_cert_file: made.server.cert,
        ssl_key_file: made.server.key,
        ssl_ca_file: made.ca,
        hba_file: hba,
      },
      temporary: true,
    });
    superuser = new pg.Client({ connectionString: server.url });
    await superuser.connect();
    await superuser.query(`CREATE ROLE certified LOGIN; CREATE ROLE "both" LOGIN PASSWORD 'theirs'`);
    await superuser.query('GRANT pg_read_all_stats TO certified');
  });

  afterEach(async () => {
    await proxy?.stop(1_000);
    proxy = undefined;
  });

  afterAll(async () => {
    await superuser?.end();
    await server?.stop();
    rmSync(made.folder, { recursive: true, force: true });
  });

  async function through(account: { user: string; password?: string }, shown?: Pick<Certificate, 'cert' | 'key'>) {
    const own = shown && { cert: shown.cert, key: shown.key };
    const tls: UpstreamTlsOptions = { mode: 'verify-full', ca: made.ca, ...own };
    const upstream = { hosts: [{ host: 'localhost', port: server.port }], tls, timeoutMs: 5_000 };
    const policy = policyOf([principal('app', [await verifierOf('secret')])]);
    proxy = await startTestProxy({ ...account, database: 'postgres' }, policy, { upstream });
    return proxy;
  }

  const SERIAL = ['-c', 'SELECT client_serial FROM pg_stat_ssl WHERE pid = pg_backend_pid()'];

  test('gets it, and no password where it wants none', async () => {
    const running = await through({ user: 'certified' }, right);
    expect(await psql(running.url('app', 'secret'), ONE)).toMatchObject({ stdout: '1', stderr: '' });
  });

  test('gets certificate and password where it wants both', async () => {
    const running = await through({ user: 'both', password: 'theirs' }, made.client);
    expect(await psql(running.url('app', 'secret'), ONE)).toMatchObject({ stdout: '1', stderr: '' });
  });

  test.each<[string, { user: string; password?: string }, () => Certificate | undefined]>([
    ['none', { user: 'certified' }, () => undefined],
    ['another’s', { user: 'certified' }, () => made.client],
    ['one of an unknown authority', { user: 'certified' }, () => made.selfSign('nobody', '/CN=certified')],
    ['none beside the password', { user: 'both', password: 'theirs' }, () => undefined],
  ])('is not let in upon with %s', async (_what, account, shown) => {
    const running = await through(account, shown());
    const { status, stderr } = await psql(running.url('app', 'secret'), ONE);
    expect({ status, stderr }).toEqual({ status: 2, stderr: expect.stringMatching(/could not|closed the connection/) });
    expect(stderr).not.toMatch(/certif|both|theirs/);
  });

  test('the certificate is replaced on the disk: new sessions show the new one, and a pair that does not fit changes nothing', async () => {
    const live = { cert: join(made.folder, 'live.crt'), key: join(made.folder, 'live.key') };
    const put = ({ cert, key }: Pick<Certificate, 'cert' | 'key'>) => {
      copyFileSync(cert, live.cert);
      copyFileSync(key, live.key);
    };
    put(right);
    const running = await through({ user: 'certified' }, live);
    const serial = async () => (await psql(running.url('app', 'secret'), SERIAL)).stdout;
    const first = await serial();
    const next = made.issue('next', '/CN=certified');
    copyFileSync(next.cert, live.cert);
    expect(running.reloadTls().problems).toEqual([
      expect.stringMatching(/towards the database server not reloaded.*key/),
    ]);
    expect(await serial()).toBe(first);
    put(next);
    expect(running.reloadTls()).toEqual({ notes: [expect.stringContaining('reloaded')], problems: [] });
    expect(await serial()).toMatch(/^\d+$/);
    expect(await serial()).not.toBe(first);
    writeFileSync(live.cert, 'no certificate');
    expect(running.reloadTls().problems).toHaveLength(1);
    rmSync(live.key);
    expect(running.reloadTls().problems).toHaveLength(1);
    expect(await psql(running.url('app', 'secret'), ONE)).toMatchObject({ stdout: '1' });
  });

  test('the whole guard reads its catalog by it', async () => {
    const database = await freshDatabase(undefined, server.url);
    const { port } = server;
    const mapping = (url: string) => {
      const tls = `{ mode: verify-full, ca: ${made.ca}, cert: ${right.cert}, key: ${right.key} }`;
      return `{ url: "postgres://certified@localhost:${port}${new URL(url).pathname}", tls: ${tls} }`;
    };
    const guard = await guardInFrontOf(database, { upstream: mapping });
    try {
      expect(await psql(guard.url('dba'), ['-c', 'SELECT current_user'])).toMatchObject({ stdout: 'certified' });
    } finally {
      await guard.stop();
      await database.drop();
    }
  });
});

describe('a password that a command gives', () => {
  const folder = mkdtempSync(join(tmpdir(), 'rowgate-test-command-'));
  const file = join(folder, 'password');
  const runs = join(folder, 'runs');
  const script = join(folder, 'token.sh');
  let database: FreshDatabase;
  let account: { user: string; password: string };
  let proxy: TestProxy | undefined;

  beforeAll(async () => {
    database = await freshDatabase();
    account = await database.createLogin();
    writeFileSync(script, `#!/bin/sh\necho run >>${runs}\nsleep 0.2\ncat ${file}\n`, { mode: 0o755 });
  });

  afterEach(async () => {
    await proxy?.stop(1_000);
    proxy = undefined;
    rmSync(runs, { force: true });
  });

  afterAll(async () => {
    await database?.drop();
    rmSync(folder, { recursive: true, force: true });
  });

  const howOften = () => (existsSync(runs) ? readFileSync(runs, 'utf8').split('\n').length - 1 : 0);

  async function start(password: PasswordSource, more = {}): Promise<TestProxy> {
    const policy = policyOf([principal('app', [await verifierOf('secret')])]);
    const asked = { user: account.user, password };
    proxy = await startTestProxy({ user: account.user, database: database.name }, policy, {
      accountOf: () => asked,
      ...more,
    });
    return proxy;
  }

  const source = (ttlMs = 60_000, ...command: string[]): PasswordSource => ({
    command: [command[0] ?? script, ...command.slice(1)],
    ttlMs,
  });
  const login = async (running: TestProxy) => psql(running.url('app', 'secret'), ONE);

  async function setPassword(next: string): Promise<void> {
    await database.query(`ALTER ROLE ${account.user} PASSWORD '${next}'`);
    writeFileSync(file, `${next}\n`);
  }

  test('is asked for once, by however many sessions', async () => {
    await setPassword('first one');
    const running = await start(source());
    const all = await Promise.all(Array.from({ length: 8 }, () => login(running)));
    expect(all.map(({ stdout }) => stdout)).toEqual(Array(8).fill('1'));
    expect(howOften()).toBe(1);
  });

  test('is asked for again when its time is over', async () => {
    await setPassword('second one');
    const running = await start(source(300));
    expect((await login(running)).stdout).toBe('1');
    await new Promise((done) => setTimeout(done, 350));
    expect((await login(running)).stdout).toBe('1');
    expect(howOften()).toBe(2);
  });

  test('is asked for again when the server refuses it: the client does not notice', async () => {
    await setPassword('before');
    const running = await start(source());
    expect((await login(running)).stdout).toBe('1');
    await new Promise((done) => setTimeout(done, 1_000));
    await setPassword('after');
    const all = await Promise.all(Array.from({ length: 4 }, () => login(running)));
    expect(all.map(({ stdout, stderr }) => stdout || stderr)).toEqual(['1', '1', '1', '1']);
    expect(howOften()).toBe(2);
  });

  test('a command that gives a wrong one is not asked for ever', async () => {
    await setPassword('right');
    writeFileSync(file, 'wrong\n');
    const running = await start(source());
    const all = await Promise.all(Array.from({ length: 6 }, () => login(running)));
    for (const { stderr } of all) expect(stderr).toContain('could not log in to the database server');
    expect(howOften()).toBeLessThanOrEqual(2);
  });

  test.each<[string, string[], string]>([
    [
      'fails, whatever it says',
      ['/bin/sh', '-c', 'echo geheim; echo geheim >&2; exit 3', 'geheim'],
      'ended with exit code 3',
    ],
    ['is killed', ['/bin/sh', '-c', 'kill -9 $$'], 'was ended by SIGKILL'],
    ['says nothing', ['/bin/true'], 'said nothing'],
    ['says blanks', ['/bin/echo', ' \t '], 'said nothing'],
    ['says several lines', ['/bin/echo', 'geheim\ngeheim'], 'said more than one line'],
    ['says a zero byte', ['/usr/bin/printf', 'ge\\0heim'], 'said more than one line'],
    ['is not there', ['/no/such/geheim'], 'could not be run (ENOENT)'],
    ['is no program', [file], 'could not be run (EACCES)'],
    ['never stops talking', ['/bin/sh', '-c', 'yes geheim | tr -d "\\n"'], 'said more than 65536 characters'],
    ['is not a shell', ['/bin/echo $(cat /etc/passwd)'], 'could not be run (ENOENT)'],
  ])('with a command that %s no client gets through, and no secret is told', async (_what, command, why) => {
    await setPassword('geheim');
    const running = await start(source(60_000, ...command));
    const { status, stderr } = await login(running);
    expect({ status, stderr }).toEqual({
      status: 2,
      stderr: expect.stringContaining('could not log in to the database server'),
    });
    const said = running.lines.join('');
    expect(said).toContain(why);
    expect(said + stderr + JSON.stringify(running.records)).not.toContain('geheim');
  });

  test('a command that never ends is ended, with all that it has started', async () => {
    const pid = join(folder, 'pid');
    const running = await start(source(60_000, '/bin/sh', '-c', `sleep 600 & echo $! >${pid}; wait`));
    const { stderr } = await login(running);
    expect(stderr).toContain('could not log in');
    expect(running.lines.join('')).toContain('has not ended in 10 seconds');
    const child = Number(readFileSync(pid, 'utf8'));
    const gone = () => {
      try {
        return readFileSync(`/proc/${child}/stat`, 'utf8').split(' ')[2] === 'Z';
      } catch {
        return true;
      }
    };
    await eventually(gone, 'its child has ended');
  });

  test('one that failed is asked again a moment later', async () => {
    await setPassword('comes back');
    const ready = join(folder, 'ready');
    const running = await start(source(60_000, '/bin/sh', '-c', `[ -e ${ready} ] && cat ${file}`));
    expect((await login(running)).stderr).toContain('could not log in');
    writeFileSync(ready, '');
    await eventually(async () => (await login(running)).stdout === '1', 'it is let in');
  });

  describe('in a whole guard', () => {
    let guard: TestGuard | undefined;
    let lines: string[];
    afterEach(async () => {
      await guard?.stop();
      guard = undefined;
    });

    const log = () => pino({ level: 'debug' }, { write: (line: string) => void lines.push(line) });

    test('the catalog is read with it as well, and it is written nowhere', async () => {
      lines = [];
      guard = await guardInFrontOf(database, {
        log: log(),
        upstream: (url) => {
          writeFileSync(file, `${new URL(url).password}\n`);
          return `{ url: "${url.replace(/:[^:@/]+@/, '@')}", password_command: [${script}] }`;
        },
      });
      expect((await psql(guard.url('dba'), ONE)).stdout).toBe('1');
      const secret = readFileSync(file, 'utf8').trim();
      expect(secret).toMatch(/^[0-9a-f]{16}$/);
      expect(lines.join('') + JSON.stringify(await guard.records())).not.toContain(secret);
      // Start, catalog and sessions have one between them.
      expect(howOften()).toBe(1);
    });

    test('a role with an account of its own has a command of its own', async () => {
      lines = [];
      const own = await database.createLogin();
      const ownFile = join(folder, 'own');
      writeFileSync(ownFile, own.password);
      guard = await guardInFrontOf(database, {
        log: log(),
        upstream: (url) =>
          `{ url: "${url}", logins: { dba: { user: ${own.user}, password_command: [cat, ${ownFile}] } } }`,
      });
      expect(await psql(guard.url('dba'), ['-c', 'SELECT current_user'])).toMatchObject({ stdout: own.user });
    });

    test('a password in rowgate.yaml is replaced there, and read on a reload: sessions stay, new ones use it', async () => {
      lines = [];
      let user = '';
      guard = await guardInFrontOf(database, {
        log: log(),
        upstream: (url) => {
          user = new URL(url).username;
          return `{ url: "${url}" }`;
        },
      });
      const client = await guard.connect('dba');
      await database.query(`ALTER ROLE ${user} PASSWORD 'quite new'`);
      expect((await psql(guard.url('dba'), ONE)).stderr).toContain('could not log in');
      const text = readFileSync(guard.configFile, 'utf8');
      writeFileSync(guard.configFile, text.replace(/(postgres:\/\/[^:]+:)[^@]+@/, '$1quite%20new@'));
      const report = await guard.reload();
      expect(report.problems).toEqual([]);
      expect(report.notes).toEqual(['passwords towards the database server reloaded']);
      expect((await psql(guard.url('dba'), ONE)).stdout).toBe('1');
      expect((await client.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
      expect(lines.join('') + JSON.stringify(await guard.records())).not.toContain('quite');
    });
  });
});
