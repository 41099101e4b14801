/** Tests logins by several drivers, and refused logins: the error, the record, and what neither of them tells. */
import pg from 'pg';
import postgres from 'postgres';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { eventually, policyOf, principal, psql, role, startTestProxy, type TestProxy, verifierOf } from './support.ts';

let database: FreshDatabase;
let proxy: TestProxy;

beforeAll(async () => {
  database = await freshDatabase();
  const login = await database.createLogin();
  const verifier = await verifierOf('secret');
  const policy = policyOf(
    [
      principal('app', [verifier]),
      principal('rotating', [await verifierOf('old'), await verifierOf('new')]),
      principal('elsewhere', [verifier], { from: ['10.0.0.0/8', 'fd00::/8'] }),
      principal('here', [verifier], { from: ['127.0.0.0/8'] }),
      principal('past', [verifier], { validUntil: Date.now() - 1 }),
      principal('closed', [verifier], { disabled: 'by hand' }),
      principal('roleless', [verifier], { role: 'broken' }),
      principal('bound', [verifier], { certificate: `sha256:${'0'.repeat(64)}` }),
      principal('two', [verifier], { limits: { connections: 2 } }),
      principal('slow', [verifier], { role: 'slow' }),
    ],
    [role('app'), role('broken', { disabled: 'an error' }), role('slow', { limits: { statementTimeout: 3000 } })],
  );
  proxy = await startTestProxy({ ...login, database: database.name }, policy);
});

afterAll(async () => {
  await proxy?.stop(2_000);
  await database?.drop();
});

async function errorOf(url: string): Promise<{ code?: string; message: string }> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => {});
  try {
    await client.connect();
    await client.end();
  } catch (error) {
    return error as { code?: string; message: string };
  }
  throw new Error('logged in');
}

describe('a client logs in', () => {
  test('node-postgres', async () => {
    const client = new pg.Client({ connectionString: proxy.url('app', 'secret') });
    await client.connect();
    expect((await client.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
    await client.end();
  });

  test('postgres.js', async () => {
    const sql = postgres(proxy.url('app', 'secret'), { max: 2, fetch_types: false });
    expect([...(await sql`SELECT ${'x'}::text AS x`)]).toEqual([{ x: 'x' }]);
    await sql.end();
  });

  test('psql, with what it sends at startup', async () => {
    const ran = await psql(proxy.url('app', 'secret'), ['-c', 'SHOW application_name', '-c', 'SHOW search_path'], {
      PGOPTIONS: '-c statement_timeout=5s',
      PGTZ: 'Europe/Paris',
      PGDATESTYLE: 'ISO, DMY',
      PGCLIENTENCODING: 'UTF8',
      PGAPPNAME: "o'brien \\ é",
    });
    expect(ran).toMatchObject({ status: 0, stderr: '' });
    expect(ran.stdout.split('\n')[1]).toBe('public');
  });

  test('during a rotation, by either password', async () => {
    for (const password of ['old', 'new']) {
      expect((await psql(proxy.url('rotating', password), ['-c', 'SELECT 1'])).stdout).toBe('1');
    }
  });

  test('each login is recorded', () => {
    expect(proxy.records.find(({ kind }) => kind === 'login')).toMatchObject({
      fields: {
        principal: 'app',
        role: 'app',
        database: database.name,
        client: expect.stringMatching(/^127\.0\.0\.1:\d+$/),
      },
    });
  });
});

describe('a login is refused', () => {
  test.each([
    ['wrong password', 'app', 'wrong', '28P01', 'password authentication failed for user "app"'],
    ['no such principal', 'nobody', 'secret', '28P01', 'password authentication failed for user "nobody"'],
    ['another address', 'elsewhere', 'secret', '28000', 'user "elsewhere" may not log in from this address'],
    ['no longer valid', 'past', 'secret', '28000', 'login of user "past" is no longer valid'],
    ['principal disabled', 'closed', 'secret', '28000', 'user "closed" is disabled'],
    ['role disabled', 'roleless', 'secret', '28000', 'role "broken" is disabled'],
    ['certificate missing', 'bound', 'secret', '28000', 'user "bound" must show its own client certificate'],
    [
      'bound, but wrong password: nothing told',
      'bound',
      'wrong',
      '28P01',
      'password authentication failed for user "bound"',
    ],
  ])('%s', async (_what, user, password, code, message) => {
    expect(await errorOf(proxy.url(user, password))).toMatchObject({ code, message });
    const known = user === 'nobody' ? {} : { principal: user };
    expect(proxy.records.at(-1)).toMatchObject({ kind: 'login-refused', fields: { ...known, sqlstate: code } });
  });

  test('an unknown user name is not logged: it may be a password', async () => {
    const before = proxy.lines.length;
    await errorOf(proxy.url('hunter2', 'secret'));
    expect(JSON.stringify(proxy.records.at(-1))).not.toContain('hunter2');
    expect(proxy.lines.slice(before).join('')).toContain('password authentication failed for user \\"…\\"');
  });

  test("a name that fills the startup packet does not fill the operators' log", async () => {
    const before = proxy.lines.length;
    expect(await errorOf(proxy.url('n'.repeat(9_000), 'secret'))).toMatchObject({ code: '28P01' });
    const said = proxy.lines.slice(before).join('');
    expect(said).toContain('login refused');
    expect(said.length).toBeLessThan(1_000);
  });

  test('another database', async () => {
    expect(await errorOf(proxy.url('app', 'secret', 'postgres'))).toMatchObject({ code: '3D000' });
    expect(await errorOf(proxy.url('app', 'wrong', 'postgres'))).toMatchObject({ code: '28P01' });
  });

  test('one connection too many; ended ones count no more', async () => {
    const clients = [1, 2].map(() => new pg.Client({ connectionString: proxy.url('two', 'secret') }));
    for (const client of clients) await client.connect();
    expect(await errorOf(proxy.url('two', 'secret'))).toMatchObject({ code: '53300' });
    await clients[0]!.end();
    await eventually(() => proxy.sessions.size === 1, 'the first is gone');
    const again = new pg.Client({ connectionString: proxy.url('two', 'secret') });
    await again.connect();
    await Promise.all([again.end(), clients[1]!.end()]);
  });

  test('an address inside `from` is let in', async () => {
    expect((await psql(proxy.url('here', 'secret'), ['-c', 'SELECT 1'])).stdout).toBe('1');
  });
});

test('a login that cannot be recorded is refused, and nothing is left open upstream', async () => {
  const login = await database.createLogin();
  const failing = await startTestProxy(
    { ...login, database: database.name },
    policyOf([principal('app', [await verifierOf('secret')])]),
    {
      records: {
        append: () => false,
        login: async () => false,
        session: () => ({ append: () => false, reachDisk: () => undefined, isOnDisk: () => true }),
      },
    },
  );
  expect(await errorOf(failing.url('app', 'secret'))).toMatchObject({ code: '58030' });
  await failing.stop(1_000);
  const left = `SELECT count(*)::int AS n FROM pg_stat_activity WHERE usename = '${login.user}'`;
  await eventually(async () => (await database.query<{ n: number }>(left))[0]?.n === 0, 'no backend is left');
});

describe('settings at startup', () => {
  test.each([
    ['client_encoding=LATIN1', '', '0A000'],
    ['', '-c search_path=public,,pg_catalog', '42501'],
    ['', '-c standard_conforming_strings=off', '42501'],
    ['', '-c log_statement=all', '42501'],
    ['', '-c role=postgres', '42501'],
    ['', '-f', '0A000'],
    ['replication=database', '', '0A000'],
    ['', '-c extra_float_digits=x', '22023'],
    ['', '-c TimeZone=No/Where', '22023'],
  ])('%s %s is refused: %s', async (parameter, options, code) => {
    const conninfo = `host=127.0.0.1 port=${proxy.port} user=app password=secret dbname=${database.name} ${parameter}`;
    const ran = await psql(conninfo, ['-v', 'VERBOSITY=verbose', '-c', 'SELECT 1'], { PGOPTIONS: options });
    expect(ran.status).toBe(2);
    expect(proxy.records.at(-1)).toMatchObject({ kind: 'login-refused', fields: { sqlstate: code } });
  });

  test.each([
    ['-c search_path=public', 'SHOW search_path', 'public'],
    ['-c search_path=public,pg_catalog', 'SHOW search_path', 'public, pg_catalog'],
    ['-c standard_conforming_strings=TRUE', 'SHOW standard_conforming_strings', 'on'],
    ['--extra-float-digits=2', 'SHOW extra_float_digits', '2'],
    ['-c client_min_messages=warning', 'SHOW client_min_messages', 'warning'],
    ['-c DateStyle=ISO,\\ DMY', 'SHOW DateStyle', 'ISO, DMY'],
    ['-c client_encoding=unicode', 'SHOW client_encoding', 'UTF8'],
  ])('%s is accepted', async (options, show, value) => {
    const ran = await psql(proxy.url('app', 'secret'), ['-c', show], { PGOPTIONS: options });
    expect(ran).toMatchObject({ status: 0, stdout: value });
  });

  test('pinned settings outrank ALTER ROLE, and DISCARD ALL returns to them', async () => {
    const login = await database.createLogin();
    await database.query(`ALTER ROLE ${login.user} SET search_path = pg_catalog`);
    await database.query(`ALTER ROLE ${login.user} SET standard_conforming_strings = off`);
    await database.query(`ALTER ROLE ${login.user} SET row_security = off`);
    const other = await startTestProxy(
      { ...login, database: database.name },
      policyOf([principal('app', [await verifierOf('secret')])]),
      { searchPath: ['public', 'My "Schema"'] },
    );
    const show = ['search_path', 'standard_conforming_strings', 'row_security'].flatMap((name) => [
      '-c',
      `SHOW ${name}`,
    ]);
    const ran = await psql(other.url('app', 'secret'), ['-c', 'SET row_security = off', '-c', 'DISCARD ALL', ...show]);
    await other.stop(2_000);
    expect(ran.stdout.split('\n').slice(2)).toEqual(['public, "My ""Schema"""', 'on', 'on']);
  });

  test('an account whose transactions are SERIALIZABLE serves no role whose people are counted', async () => {
    const login = await database.createLogin();
    await database.query(`ALTER ROLE ${login.user} SET default_transaction_isolation = serializable`);
    const verifier = await verifierOf('secret');
    const counted = role('counted', { access: 'restricted', limitedSubjects: new Set(['pupil']) });
    const other = await startTestProxy(
      { ...login, database: database.name },
      policyOf(
        [principal('app', [verifier]), principal('vendor', [verifier], { role: 'counted' })],
        [role('app'), counted],
      ),
    );
    const run = (user: string, options = '') =>
      psql(other.url(user, 'secret'), ['-c', 'SHOW transaction_isolation'], { PGOPTIONS: options });
    expect(await run('app')).toMatchObject({ stdout: 'serializable' });
    expect((await run('vendor')).stderr).toContain('not as Rowgate needs it');
    expect(other.lines.join('\n')).toContain('default_transaction_isolation is serializable');
    // What the client chooses is what RESET returns to.
    expect((await run('vendor', '-c default_transaction_isolation=repeatable\\ read')).stdout).toBe('repeatable read');
    await other.stop(2_000);
  });

  test("a role's statement_timeout is what RESET comes back to, and the most a client may ask for", async () => {
    const show = ['-c', 'SHOW statement_timeout', '-c', 'RESET ALL', '-c', 'SHOW statement_timeout'];
    const run = (options: string) => psql(proxy.url('slow', 'secret'), show, { PGOPTIONS: options });
    expect((await run('')).stdout).toBe('3s\nRESET\n3s');
    expect((await run('-c statement_timeout=0')).stdout).toBe('3s\nRESET\n3s');
    expect((await run('-c statement_timeout=1min')).stdout).toBe('3s\nRESET\n3s');
    expect((await run('-c statement_timeout=100ms')).stdout.split('\n')[0]).toBe('100ms');
  });
});
