/** Tests what `docs/applications.md` says of tokens, transactions, statements and poolers, with node-postgres. */
import { rm } from 'node:fs/promises';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import type { Key } from '../identity/issuer.ts';
import { familyPolicies, seedFamilies, tokenOf } from '../portal/families.ts';
import { pooledGuard } from '../servers/pooled.ts';
import { guardInFrontOf, type TestGuard } from '../support/guard.ts';
import { PGBOUNCER, startPgBouncer } from '../support/pgbouncer.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { testWith } from '../support/tools.ts';

const SET = "SELECT set_config('rowgate.token', $1, true)";
const SET_SESSION = "SELECT set_config('rowgate.token', $1, false)";
let database: FreshDatabase;
let guard: TestGuard;
let folder: string;
let key: Key;
let client: pg.Client;

beforeAll(async () => {
  database = await freshDatabase();
  await seedFamilies(database, 2);
  ({ folder, key } = await familyPolicies());
  guard = await guardInFrontOf(database, { policies: folder });
});
afterAll(async () => {
  await guard?.stop();
  await database?.drop();
  await rm(folder, { recursive: true });
});
beforeEach(async () => {
  client = await guard.connect('portal');
});
afterEach(() => client.end());

/** The families that show, or the refusal. */
async function read(by: pg.Client = client): Promise<string> {
  const statement = { name: 'pupils', text: 'SELECT id, family_id FROM pupils' };
  return by.query(statement).then(({ rows }) => rows.map((row) => row.family_id).join(' '), inWords);
}

const inWords = ({ code, message }: { code?: string; message: string }): string => `${code} ${message}`;
const NO_TOKEN = '28000 no token says for whom this is';

it('outside a transaction, a local token holds for its own statement', async () => {
  await client.query(SET, [tokenOf(key, 1)]);
  expect(await read()).toBe(NO_TOKEN);
});

it('a local token ends with the transaction, however that ends', async () => {
  for (const end of ['COMMIT', 'ROLLBACK']) {
    await client.query('BEGIN');
    await client.query(SET, [tokenOf(key, 1)]);
    expect(await read()).toBe('1 1');
    await client.query(end);
    expect(await read()).toBe(NO_TOKEN);
  }
});

it.each(['RESET rowgate.token', 'RESET ALL', 'DISCARD ALL'])(
  'the session’s token is taken away by %s',
  async (reset) => {
    await client.query(SET_SESSION, [tokenOf(key, 1)]);
    expect(await read()).toBe('1 1');
    await client.query(reset);
    // By a text of its own: DISCARD ALL has dropped what was prepared.
    expect(await client.query('SELECT id FROM pupils').catch(inWords)).toBe(NO_TOKEN);
  },
);

it('a statement that was prepared for one person gives the other’s rows', async () => {
  for (const family of [1, 2, 1]) {
    await client.query(SET_SESSION, [tokenOf(key, family)]);
    expect(await read()).toBe(`${family} ${family}`);
  }
});

it('a cursor that was opened for one person gives the other nothing', async () => {
  await client.query(SET_SESSION, [tokenOf(key, 1)]);
  await client.query('BEGIN');
  await client.query('DECLARE c CURSOR FOR SELECT id FROM pupils');
  await client.query(SET, [tokenOf(key, 2)]);
  const fetched = await client.query('FETCH ALL FROM c').catch(inWords);
  expect(fetched).toBe('28000 it was opened for another person than the one of the present token');
});

it.each([null, ''])('%j removes the end user, also where the login has brought a token along', async (nothing) => {
  const url = new URL(guard.url('portal'));
  url.searchParams.set('options', `-c rowgate.token=${tokenOf(key, 1)}`);
  const other = new pg.Client({ connectionString: url.href });
  await other.connect();
  try {
    expect(await read(other)).toBe('1 1');
    await other.query('BEGIN');
    await other.query(SET, [nothing]);
    expect(await read(other)).toBe(NO_TOKEN);
  } finally {
    await other.end();
  }
});

it('several people may follow each other in a transaction, in messages of their own', async () => {
  await client.query('BEGIN');
  for (const family of [1, 2]) {
    await client.query(SET, [tokenOf(key, family)]);
    expect(await read()).toBe(`${family} ${family}`);
  }
  const each = [1, 2].map((family) => `SET LOCAL rowgate.token = '${tokenOf(key, family)}'; SELECT id FROM pupils`);
  expect(await client.query(each.join('; ')).catch(inWords)).toMatch(/^0A000 statements for several people/);
});

it('a token that was given back is good for nothing', async () => {
  const [gone, other] = [tokenOf(key, 1), tokenOf(key, 1, { jti: 'another' })];
  await client.query("SELECT set_config('rowgate.logout', $1, true)", [gone]);
  expect(await client.query(SET_SESSION, [gone]).catch(inWords)).toBe('28000 the token was given back');
  await client.query(SET_SESSION, [other]);
  expect(await read()).toBe('1 1');
});

it('a token that expires between two statements is refused at the second', async () => {
  // Clocks may differ by 30 seconds.
  await client.query(SET_SESSION, [tokenOf(key, 1, { exp: Math.floor(Date.now() / 1000) - 25 })]);
  expect(await read()).toBe('1 1');
  const isRefused = async (): Promise<boolean> => (await read()) === '28000 the token has expired';
  await vi.waitUntil(isRefused, { timeout: 120_000, interval: 500 });
  await client.query(SET_SESSION, [tokenOf(key, 1)]);
  expect(await read()).toBe('1 1');
});

it.each([
  ['SET LOCAL rowgate.token = $1', '22023'],
  ["SELECT set_config('rowgate.token', $1, true), 1", '42501'],
  ["SELECT set_config('rowgate.token', $1, true) AS token", '42501'],
  ["SELECT set_config('rowgate.token', $1, true) FROM news", '42501'],
  ["SELECT set_config('rowgate.token', $1 || '', true)", '42501'],
  ["SELECT length(set_config('rowgate.token', $1, true))", '42501'],
])('%s is not taken', async (text, code) => {
  await client.query('BEGIN');
  expect((await client.query(text, [tokenOf(key, 1)]).catch(inWords)).toString()).toContain(`${code} `);
  await client.query('ROLLBACK');
});

it.each([
  ['the setting’s name', 'SELECT set_config($1, $2, true)', (token: string) => ['rowgate.token', token]],
  ['its range', "SELECT set_config('rowgate.token', $1, $2)", (token: string) => [token, true]],
])('%s is not taken as a parameter either', async (_what, text, values) => {
  await client.query('BEGIN');
  expect((await client.query(text, values(tokenOf(key, 1))).catch(inWords)).toString()).toContain('42501 ');
  await client.query('ROLLBACK');
});

testWith(PGBOUNCER)('a pooler of transactions behind the guard changes nothing', async () => {
  const pooled = await pooledGuard(database, {
    program: PGBOUNCER.path!,
    mode: 'transaction',
    policies: folder,
    apart: false,
    settings: { default_pool_size: 1 },
  });
  try {
    const [one, two] = [await pooled.guard.connect('portal'), await pooled.guard.connect('portal')];
    for (const [by, family] of [[one, 1] as const, [two, 2] as const, [one, 1] as const]) {
      await by.query('BEGIN');
      await by.query(SET, [tokenOf(key, family)]);
      expect(await read(by)).toBe(`${family} ${family}`);
      await by.query('COMMIT');
      expect([await read(one), await read(two)]).toEqual([NO_TOKEN, NO_TOKEN]);
    }
    await one.query(SET_SESSION, [tokenOf(key, 1)]);
    expect([await read(one), await read(two)]).toEqual(['1 1', NO_TOKEN]);
  } finally {
    await pooled.stop();
  }
});

testWith(PGBOUNCER)('behind a pooler of transactions, a session’s token is left to the next session', async () => {
  const bouncer = await startPgBouncer({
    program: PGBOUNCER.path!,
    mode: 'transaction',
    server: { host: '127.0.0.1', port: guard.port },
    database: database.name,
    logins: [{ user: 'portal', password: 'demo-portal' }],
    settings: { default_pool_size: 1 },
  });
  const connect = async (): Promise<pg.Client> => {
    const other = new pg.Client({ connectionString: bouncer.through(guard.url('portal')) });
    await other.connect();
    return other;
  };
  const [one, two] = [await connect(), await connect()];
  try {
    await one.query(SET_SESSION, [tokenOf(key, 1)]);
    expect(await read(two)).toBe('1 1');
    await one.query('RESET rowgate.token');
    await one.query('BEGIN');
    await one.query(SET, [tokenOf(key, 1)]);
    await one.query('COMMIT');
    expect(await read(two)).toBe(NO_TOKEN);
  } finally {
    await one.end();
    await two.end();
    await bouncer.stop();
  }
});
