/** Ways to connect with psql: URLs, keywords, services, PGOPTIONS, TLS and channel binding; and what a wrong one is told. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Certificates, makeCertificates } from '../proxy/certificates.ts';
import { describeWith, testWith, tool } from '../support/tools.ts';
import { statementsIn } from './decision-log.ts';
import { PSQL_16, type Ran, run } from './psql.ts';
import { startWorld, type World } from './world.ts';

describeWith(PSQL_16)('psql connects', () => {
  let world: World;
  let strict: World;
  let certificates: Certificates;
  let home: string;

  beforeAll(async () => {
    certificates = makeCertificates();
    const { cert, key } = certificates.server;
    world = await startWorld({ tls: { cert, key, required: false } });
    strict = await startWorld({ tls: { cert, key, required: true } });
    home = await mkdtemp(join(tmpdir(), 'rowgate-home-'));
    const service = `[school]\nhost=127.0.0.1\nport=${world.port}\ndbname=${world.database.name}\nuser=teacher\n`;
    await writeFile(join(home, 'services'), service);
    await writeFile(join(home, 'passwords'), `*:*:*:teacher:demo-teacher\n`, { mode: 0o600 });
  });

  afterAll(async () => {
    await world?.stop();
    await strict?.stop();
    await rm(home, { recursive: true, force: true });
    await rm(certificates.folder, { recursive: true, force: true });
  });

  /** A connection by keywords; what `keywords` does not say is right. */
  function connect(keywords: Record<string, string>, sql = 'SELECT 1', env = {}, to = world): Promise<Ran> {
    const all = {
      host: '127.0.0.1',
      port: to.port,
      dbname: to.database.name,
      user: 'teacher',
      password: 'demo-teacher',
      ...keywords,
    };
    const conninfo = Object.entries(all)
      .filter(([, value]) => value !== '')
      .map(([name, value]) => `${name}='${value}'`)
      .join(' ');
    return run(PSQL_16.path!, ['-X', '-A', '-t', '-d', conninfo, '-c', sql], env);
  }

  const ok = { status: 0, stdout: '1\n', stderr: '' };

  it('by URL, with parameters', async () => {
    const ran = await run(
      PSQL_16.path!,
      [
        '-X',
        '-A',
        '-t',
        world.url('teacher', 'application_name=report&connect_timeout=5'),
        '-c',
        'SHOW application_name',
      ],
      {},
    );
    expect(ran).toEqual({ ...ok, stdout: 'report\n' });
  });

  it('by a service and a password file', async () => {
    const env = { PGSERVICEFILE: join(home, 'services'), PGPASSFILE: join(home, 'passwords') };
    expect(await run(PSQL_16.path!, ['-X', '-A', '-t', '-d', 'service=school', '-c', 'SELECT 1'], env)).toEqual(ok);
  });

  it('by the environment alone', async () => {
    const env = {
      PGHOST: '127.0.0.1',
      PGPORT: String(world.port),
      PGDATABASE: world.database.name,
      PGUSER: 'office',
      PGPASSWORD: 'demo-office',
    };
    expect(await run(PSQL_16.path!, ['-X', '-A', '-t', '-c', 'SELECT 1'], env)).toEqual(ok);
  });

  it.each([
    ['-c statement_timeout=1234', 'SHOW statement_timeout', '1234ms'],
    [
      '-c datestyle=German -c timezone=Asia/Tokyo',
      "SELECT '2026-01-02'::date || ' ' || current_setting('timezone')",
      '02.01.2026 Asia/Tokyo',
    ],
    ['--intervalstyle=iso_8601', "SELECT interval '1 day'", 'P1D'],
    ['-c search_path=public', 'SHOW search_path', 'public'],
  ])('PGOPTIONS %s', async (PGOPTIONS, sql, shown) => {
    expect(await connect({}, sql, { PGOPTIONS })).toEqual({ ...ok, stdout: `${shown}\n` });
  });

  it.each([
    '-c search_path=public,pg_catalog',
    '-c role=postgres',
    '-c session_replication_role=replica',
    '-c row_security=off',
    '-d 5',
    '-c work_mem=1GB',
  ])('PGOPTIONS %s is refused', async (PGOPTIONS) => {
    const ran = await connect({}, 'SELECT 1', { PGOPTIONS });
    expect(ran.status).toBe(2);
    expect(ran.stderr).toMatch(/FATAL: {2}.*(search_path|role|session_replication_role|row_security|-d|work_mem)/);
  });

  it('the role’s statement_timeout is a ceiling for PGOPTIONS', async () => {
    const ran = await connect({}, 'SHOW statement_timeout', { PGOPTIONS: '-c statement_timeout=1h' });
    expect(ran).toEqual({ ...ok, stdout: '5s\n' });
  });

  it.each(['disable', 'prefer', 'require', 'verify-ca', 'verify-full'])('sslmode=%s', async (sslmode) => {
    const ran = await connect({ host: 'localhost', hostaddr: '127.0.0.1', sslmode, sslrootcert: certificates.ca });
    expect(ran).toEqual(ok);
  });

  it('sslmode=verify-full, with a name that the certificate does not have', async () => {
    const ran = await connect({ sslmode: 'verify-full', sslrootcert: certificates.ca });
    expect(ran.status).toBe(2);
    expect(ran.stderr).toContain('does not match host name');
  });

  it('sslmode=verify-full, with an authority that did not sign it', async () => {
    const ran = await connect({ host: 'localhost', sslmode: 'verify-full', sslrootcert: certificates.stranger.cert });
    expect(ran.status).toBe(2);
    expect(ran.stderr).toContain('certificate verify failed');
  });

  testWith(tool('psql', { since: 17 }))('sslnegotiation=direct', async () => {
    const ran = await connect({
      host: 'localhost',
      hostaddr: '127.0.0.1',
      sslmode: 'verify-full',
      sslnegotiation: 'direct',
      sslrootcert: certificates.ca,
    });
    expect(ran).toEqual(ok);
  });

  it('channel_binding=require, over TLS', async () => {
    expect(await connect({ sslmode: 'require', channel_binding: 'require' })).toEqual(ok);
  });

  it('channel_binding=require, without TLS, is refused by psql', async () => {
    const ran = await connect({ sslmode: 'disable', channel_binding: 'require' });
    expect(ran.stderr).toContain('channel binding required');
  });

  it('require_auth=scram-sha-256', async () => {
    expect(await connect({ require_auth: 'scram-sha-256' })).toEqual(ok);
  });

  it('without TLS where it is required', async () => {
    const ran = await connect({ sslmode: 'disable' }, 'SELECT 1', {}, strict);
    expect(ran.status).toBe(2);
    expect(ran.stderr).toMatch(/FATAL: {2}.*(TLS|SSL)/);
    expect(await connect({ sslmode: 'prefer' }, 'SELECT 1', {}, strict)).toEqual(ok);
  });

  it('gssencmode=prefer and a replication connection', async () => {
    expect(await connect({ gssencmode: 'prefer' })).toEqual(ok);
    const ran = await connect({ replication: 'database' });
    expect(ran.status).toBe(2);
    expect(ran.stderr).toMatch(/FATAL: {2}.*replication/);
  });

  it('a wrong password and an unknown user are told the same', async () => {
    const wrong = await connect({ password: 'guess' });
    const unknown = await connect({ user: 'nobody_here', password: 'guess' });
    expect(wrong.status).toBe(2);
    expect(wrong.stderr).toContain('FATAL:  password authentication failed for user "teacher"');
    expect(unknown).toEqual({ ...wrong, stderr: wrong.stderr.replaceAll('"teacher"', '"nobody_here"') });
  });

  it('the server’s own accounts are unknown', async () => {
    const ran = await connect({ user: world.account.user, password: world.account.password });
    expect(ran.stderr).toContain(`password authentication failed for user "${world.account.user}"`);
  });

  it('a wrong database', async () => {
    const ran = await connect({ dbname: 'postgres' });
    expect(ran.status).toBe(2);
    expect(ran.stderr).toContain('FATAL:  database "postgres" does not exist');
  });

  it('no password', async () => {
    const ran = await run(
      PSQL_16.path!,
      ['-X', '-w', '-d', `host=127.0.0.1 port=${world.port} dbname=${world.database.name} user=teacher`],
      {},
    );
    expect(ran.stderr).toContain('no password supplied');
  });

  it('recorded: each login, each refused login, each statement', async () => {
    const log = await world.log();
    expect(log.filter(({ kind }) => kind === 'login').length).toBeGreaterThan(15);
    expect(log.filter(({ kind }) => kind === 'login-refused').length).toBeGreaterThan(8);
    expect(statementsIn(log).every(({ status, rows }) => status === 'ok' && rows === 1)).toBe(true);
  });
});
