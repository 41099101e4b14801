/** Tests PGPASSWORD with a token: over TLS, for clients that ask for it, and never where a password could be asked for in the clear. */
import pg from 'pg';
import postgres from 'postgres';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { psql } from '../proxy/support.ts';
import { exchange, message, passwordMessage } from './bearer-client.ts';
import { makeWorld, standardPrincipals, type World } from './world.ts';

let world: World;
const AS_PASSWORD = '-c rowgate.login=token';

beforeAll(async () => {
  world = await makeWorld(await standardPrincipals());
});

afterAll(() => world?.close());

const conninfo = (user: string, more = ''): string =>
  `host=localhost hostaddr=127.0.0.1 port=${world.proxy.port} dbname=${world.database.name} user=${user} ` +
  `sslmode=verify-full sslrootcert=${world.certificates.ca} ${more}`;

describe('lets in', () => {
  test.each(['anna', 'teachers'])('psql, as %s', async (user) => {
    const ran = await psql(conninfo(user), ['-c', 'SELECT 1'], {
      PGPASSWORD: world.token(),
      PGOPTIONS: `${AS_PASSWORD} -c statement_timeout=5s`,
    });
    expect(ran).toEqual({ status: 0, stdout: '1', stderr: '' });
    expect(world.proxy.records.at(-1)).toMatchObject({
      kind: 'login',
      fields: { principal: 'teachers', user: 'anna' },
    });
  });

  test('node-postgres', async () => {
    const client = new pg.Client({
      host: '127.0.0.1',
      port: world.proxy.port,
      database: world.database.name,
      user: 'anna',
      password: world.token(),
      options: AS_PASSWORD,
      ssl: { rejectUnauthorized: false },
    });
    await client.connect();
    expect((await client.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
    await client.end();
  });

  test('postgres.js', async () => {
    const sql = postgres({
      host: '127.0.0.1',
      port: world.proxy.port,
      database: world.database.name,
      user: 'anna',
      password: world.token(),
      connection: { 'rowgate.login': 'token' },
      ssl: { rejectUnauthorized: false },
      max: 1,
      fetch_types: false,
    });
    expect([...(await sql`SELECT 1 AS one`)]).toEqual([{ one: 1 }]);
    await sql.end();
  });

  test('a driver that sends settings in its startup packet', async () => {
    const { said, session } = await exchange(
      world.options('anna', { settings: { 'rowgate.login': 'token', 'RowGate.Login': 'token' } }),
      () => passwordMessage(world.token()),
    );
    expect(said).toEqual(['password', 'ok', 'key', 'ready']);
    session!.close();
  });
});

describe('keeps out', () => {
  test('a token that is not theirs, with the error of any other', async () => {
    for (const password of ['', 'secret', world.token({ sub: 'berta' }), world.token({ exp: 1 })]) {
      for (const user of ['anna', 'app', 'nobody']) {
        const options = world.options(user, { settings: { 'rowgate.login': 'token' } });
        const { said, error } = await exchange(options, () => passwordMessage(password));
        expect(said).toEqual(['password', 'error']);
        expect(error).toMatchObject({ C: '28000', M: `OAuth bearer authentication failed for user "${user}"` });
      }
    }
  });

  test('messages that are no password', async () => {
    for (const bytes of [
      message('p', Buffer.from('abc')),
      message('p', Buffer.from('a\0b\0')),
      message('Q', Buffer.from('x\0')),
    ]) {
      const options = world.options('anna', { settings: { 'rowgate.login': 'token' } });
      const { said, error } = await exchange(options, () => bytes);
      expect(said).toEqual(['password', 'error']);
      expect(error.C).toBe('08P01');
    }
  });
});

test('is never asked for in the clear', async () => {
  const plain = { port: world.proxy.port, user: 'anna', database: world.database.name };
  const { said, error } = await exchange({ ...plain, settings: { 'rowgate.login': 'token' } }, () => undefined);
  expect(said).toEqual(['error']);
  expect(error).toMatchObject({ C: '28000', M: 'a token is taken over TLS only' });
  const ran = await psql(`${conninfo('anna')} sslmode=disable`, ['-c', 'SELECT 1'], {
    PGPASSWORD: world.token(),
    PGOPTIONS: AS_PASSWORD,
  });
  expect(ran.stderr).toContain('a token is taken over TLS only');
});

test('a client that does not ask for it is never asked for a password in the clear', async () => {
  for (const user of ['app', 'anna', 'teachers', 'nobody']) {
    const { said } = await exchange(world.options(user), () => message('X', Buffer.alloc(0)));
    expect(said[0], user).toBe('sasl');
  }
  // libpq would not answer either, where it is told not to.
  const ran = await psql(conninfo('app', 'require_auth=scram-sha-256 password=secret'), ['-c', 'SELECT 1']);
  expect(ran).toMatchObject({ status: 0, stdout: '1' });
});

test('a token sent as a password without asking for it is a wrong password', async () => {
  const ran = await psql(conninfo('anna'), ['-c', 'SELECT 1'], { PGPASSWORD: world.token() });
  expect(ran.stderr).toContain('password authentication failed for user "anna"');
});
