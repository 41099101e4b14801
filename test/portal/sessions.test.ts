/** Tests tokens in a session of a real client: what is prepared, opened and kept for one end user, and what another gets of it. */
import { rm } from 'node:fs/promises';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Key, makeKey } from '../identity/issuer.ts';
import { B, P, S } from '../session/messages.ts';
import { ask, direct } from '../session/peer.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { type Served, serve } from '../workers/served.ts';
import { familyPolicies, seedFamilies, tokenOf } from './families.ts';

let database: FreshDatabase;
let guard: Served;
let key: Key;
let client: pg.Client;

beforeAll(async () => {
  database = await freshDatabase();
  await seedFamilies(database, 20);
  const policies = await familyPolicies();
  key = policies.key;
  guard = await serve(database, 'log: { file: ./decisions.jsonl }\n', {}, policies.folder);
  await rm(policies.folder, { recursive: true });
  if (!guard.port) throw new Error(guard.output.stderr);
});
afterAll(async () => {
  await guard?.stop();
  await database?.drop();
});
beforeEach(async () => {
  client = await guard.connect('portal');
});
afterEach(() => client.end());

const set = (family: number, local = ''): Promise<unknown> =>
  client.query(`SET ${local} rowgate.token = '${tokenOf(key, family)}'`);

/** The families of the rows that come back. */
async function families(text: string | pg.QueryConfig): Promise<number[]> {
  const { rows } = await client.query(text);
  return [...new Set(rows.map(({ family_id }) => Number(family_id)))];
}

const PUPILS = 'SELECT id, family_id FROM pupils ORDER BY id';
const NO_TOKEN = { code: '28000', message: 'no token says for whom this is' };

describe('what one person has prepared gives the rows of the person who runs it', () => {
  it('by the protocol', async () => {
    const named = { name: 'pupils', text: PUPILS };
    await expect(client.query(named)).rejects.toMatchObject(NO_TOKEN);
    for (const family of [1, 2, 1, 3]) {
      await set(family);
      expect(await families(named)).toEqual([family]);
    }
    await client.query('RESET rowgate.token');
    await expect(client.query(named)).rejects.toMatchObject(NO_TOKEN);
  });

  it('by PREPARE, outside of a transaction and inside, again and again', async () => {
    await set(1);
    await client.query(`PREPARE one AS ${PUPILS}; PREPARE two (bigint) AS SELECT family_id FROM pupils WHERE id > $1`);
    for (const family of [1, 2, 3, 1]) {
      await set(family);
      expect(await families('EXECUTE one')).toEqual([family]);
      expect(await families('EXECUTE two(0)')).toEqual([family]);
    }
    await client.query('BEGIN');
    await set(4, 'LOCAL');
    expect(await families('EXECUTE one')).toEqual([4]);
    expect(await families(PUPILS)).toEqual([4]);
    await client.query('ROLLBACK');
    expect(await families('EXECUTE one')).toEqual([1]);
    await client.query('RESET rowgate.token');
    await expect(client.query('EXECUTE one')).rejects.toMatchObject({ code: '28000' });
    await client.query('DEALLOCATE one');
    await expect(client.query('EXECUTE one')).rejects.toMatchObject({ code: '26000' });
  });

  it('no rows in a transaction that has failed, which stays as it is', async () => {
    await set(1);
    await client.query(`PREPARE one AS ${PUPILS}`);
    await set(2);
    await client.query('BEGIN');
    await expect(client.query('SELECT 1/0')).rejects.toMatchObject({ code: '22012' });
    await expect(client.query('EXECUTE one')).rejects.toMatchObject({ code: '25P02' });
    await client.query('ROLLBACK');
    expect(await families('EXECUTE one')).toEqual([2]);
  });

  it('no rows by a message with another person’s token in it', async () => {
    await set(1);
    await client.query(`PREPARE one AS ${PUPILS}`);
    const other = `BEGIN; SET LOCAL rowgate.token = '${tokenOf(key, 2)}'; EXECUTE one`;
    await expect(client.query(other)).rejects.toMatchObject({ code: '28000' });
    await client.query('ROLLBACK');
  });
});

describe('a cursor opened for one person is closed to another', () => {
  it('a cursor that outlives its transaction', async () => {
    await set(1);
    await client.query(`DECLARE c CURSOR WITH HOLD FOR ${PUPILS}`);
    expect(await families('FETCH 1 FROM c')).toEqual([1]);
    await set(2);
    await expect(client.query('FETCH ALL FROM c')).rejects.toMatchObject({ code: '28000' });
    await expect(client.query('MOVE ALL FROM c')).rejects.toMatchObject({ code: '28000' });
    await client.query('RESET rowgate.token');
    await expect(client.query('FETCH ALL FROM c')).rejects.toMatchObject({ code: '28000' });
    // The same person, by a token that was renewed.
    await client.query(`SET rowgate.token = '${tokenOf(key, 1, { jti: 'renewed' })}'`);
    expect(await families('FETCH ALL FROM c')).toEqual([1]);
    await client.query('CLOSE c');
  });

  it('a cursor inside a transaction', async () => {
    await client.query('BEGIN');
    await set(1, 'LOCAL');
    await client.query(`DECLARE c CURSOR FOR ${PUPILS}`);
    await set(2, 'LOCAL');
    await expect(client.query('FETCH ALL FROM c')).rejects.toMatchObject({ code: '28000' });
    await client.query('ROLLBACK');
  });
});

describe('what is made in a message that is sent in steps is made for its person', () => {
  // The row that PUPILS may not show any more must be undone by the guard: what is behind it is sent later.
  const made = (statement: string) =>
    `BEGIN; SET LOCAL rowgate.token = '${tokenOf(key, 1)}'; ${statement}; ${PUPILS}; COMMIT`;

  it('a statement', async () => {
    await client.query(made(`PREPARE one AS ${PUPILS}`));
    await set(2);
    expect(await families('EXECUTE one')).toEqual([2]);
    await client.query('RESET rowgate.token');
    await expect(client.query('EXECUTE one')).rejects.toMatchObject({ code: '28000' });
  });

  it('a cursor', async () => {
    await client.query(made(`DECLARE c CURSOR WITH HOLD FOR ${PUPILS}`));
    await set(2);
    await expect(client.query('FETCH ALL FROM c')).rejects.toMatchObject({ code: '28000' });
    await client.query('RESET rowgate.token');
    await expect(client.query('FETCH ALL FROM c')).rejects.toMatchObject({ code: '28000' });
    await set(1);
    expect(await families('FETCH ALL FROM c')).toEqual([1]);
  });
});

describe('messages of several statements', () => {
  it('for one person', async () => {
    const token = tokenOf(key, 5);
    const results = (await client.query(
      `BEGIN; SET LOCAL rowgate.token = '${token}'; ${PUPILS}; SELECT count(*)::int AS n FROM pupils; COMMIT`,
    )) as unknown as pg.QueryResult[];
    expect(results[2]?.rows.map(({ family_id }) => family_id)).toEqual(['5', '5']);
    expect(results[3]?.rows).toEqual([{ n: 2 }]);
    await expect(client.query(PUPILS)).rejects.toMatchObject(NO_TOKEN);
  });

  it.each(["TO ''", "= ''", 'TO DEFAULT'])(
    'with SET LOCAL … %s in them, word for word as the guard would send it',
    async (value) => {
      const text = `BEGIN; SET LOCAL rowgate.token ${value}; SELECT title FROM news; SELECT 1 AS one`;
      const results = (await client.query(text)) as unknown as pg.QueryResult[];
      expect(results.map(({ command }) => command)).toEqual(['BEGIN', 'SET', 'SELECT', 'SELECT']);
      await client.query('COMMIT');
      expect(results[2]?.rows).toEqual([{ title: 'Holidays begin on Friday' }]);
      expect(results[3]?.rows).toEqual([{ one: 1 }]);
      const outcomes = Object.values(await guard.records())
        .flat()
        .filter(({ kind }) => kind === 'outcome');
      expect(outcomes.slice(-2).map(({ rows }) => rows)).toEqual([1, 1]);
      await client.query('BEGIN');
      await client.query(`SET LOCAL rowgate.token ${value}`);
      expect((await client.query('SELECT title FROM news')).rows).toHaveLength(1);
      await client.query('COMMIT');
    },
  );

  it('several statements for two persons are refused', async () => {
    const [one, two] = [tokenOf(key, 5), tokenOf(key, 6)];
    const both = `SET rowgate.token = '${one}'; ${PUPILS}; SET rowgate.token = '${two}'; ${PUPILS}`;
    await expect(client.query(both)).rejects.toMatchObject({ code: '0A000' });
    await expect(client.query(PUPILS)).rejects.toMatchObject(NO_TOKEN);
  });

  it.each([
    ['ROLLBACK', 'BEGIN; SET rowgate.token = $2; ROLLBACK; $select', [], 1],
    ['ROLLBACK of what SET LOCAL says', 'BEGIN; SET LOCAL rowgate.token = $2; ROLLBACK; $select', [], 1],
    ['ROLLBACK without BEGIN', 'SET rowgate.token = $2; ROLLBACK; $select', [], 1],
    ['COMMIT', 'BEGIN; SET rowgate.token = $2; COMMIT; $select', [], 2],
    ['COMMIT of what SET LOCAL says', 'BEGIN; SET LOCAL rowgate.token = $2; COMMIT; $select', [], 1],
    ['COMMIT of a failed transaction', 'COMMIT; $select', ['BEGIN', 'SET rowgate.token = $2', 'SELECT 1/0'], 1],
    ['ROLLBACK TO', 'SAVEPOINT s; SET rowgate.token = $2; ROLLBACK TO s; $select', ['BEGIN'], 1],
    [
      'ROLLBACK TO what stood when it was made',
      'ROLLBACK TO s; $select',
      ['BEGIN', 'SET rowgate.token = $2', 'SAVEPOINT s', 'SELECT 1/0'],
      2,
    ],
    ['RELEASE', 'SAVEPOINT s; SET rowgate.token = $2; RELEASE s; $select', ['BEGIN'], 2],
  ])('behind %s in one message the rows are of the user in the setting', async (_, message, before, expected) => {
    await set(1);
    const filled = (text: string) => text.replace('$2', `'${tokenOf(key, 2)}'`).replace('$select', PUPILS);
    for (const text of before) await client.query(filled(text)).catch(() => {});
    const results = (await client.query(filled(message))) as unknown as pg.QueryResult[];
    expect(results.at(-1)?.rows.map(({ family_id }) => Number(family_id))).toEqual([expected, expected]);
    await client.query('ROLLBACK');
  });

  it('a failed message takes its token back', async () => {
    await set(1);
    const failing = `SET rowgate.token = '${tokenOf(key, 2)}'; SELECT 1/0`;
    await expect(client.query(failing)).rejects.toMatchObject({ code: '22012' });
    expect(await families(PUPILS)).toEqual([1]);
  });
});

describe('the startup packet', () => {
  const open = async (token: string): Promise<pg.Client> => {
    const opened = new pg.Client({ connectionString: guard.url('portal'), options: `-c rowgate.token=${token}` });
    opened.on('error', () => {});
    await opened.connect();
    return opened;
  };

  it('begins the session for an end user, to whom RESET and DISCARD ALL return', async () => {
    const own = client;
    client = await open(tokenOf(key, 3));
    expect(await families(PUPILS)).toEqual([3]);
    const logins = Object.values(await guard.records())
      .flat()
      .filter(({ kind }) => kind === 'login');
    expect(logins.at(-1)).toMatchObject({ principal: 'portal', user: 'f3' });
    for (const back of ['RESET rowgate.token', 'RESET ALL', 'DISCARD ALL', 'SET rowgate.token TO DEFAULT']) {
      await set(4);
      expect(await families(PUPILS)).toEqual([4]);
      await client.query(back);
      expect(await families(PUPILS)).toEqual([3]);
    }
    await client.end();
    client = own;
  });

  it.each([
    ['expired', () => tokenOf(key, 3, { exp: 1 }), 'the token has expired'],
    ['forged', () => tokenOf(makeKey('EdDSA'), 3), /signature|key/],
    ['no token at all', () => 'abc', /token/],
  ])('refuses a token that is %s', async (_, make, message) => {
    await expect(open(make())).rejects.toMatchObject({ code: '28000', message: expect.stringMatching(message) });
  });
});

it('warns as PostgreSQL does where SET LOCAL is outside of a transaction, and it has no effect', async () => {
  const notices: (string | undefined)[] = [];
  client.on('notice', ({ code }) => notices.push(code));
  await set(1, 'LOCAL');
  expect(notices).toEqual(['25P01']);
  await expect(client.query(PUPILS)).rejects.toMatchObject(NO_TOKEN);
});

it('never shows the token as a setting', async () => {
  await set(1);
  await expect(client.query('SHOW rowgate.token')).rejects.toMatchObject({ code: '42501' });
  await expect(client.query("SELECT current_setting('rowgate.token')")).rejects.toMatchObject({ code: '42501' });
  const { rows } = await client.query("SELECT setting FROM pg_settings WHERE name LIKE 'rowgate%'");
  expect(rows).toEqual([]);
});

it('writes to no other person’s rows', async () => {
  await set(7);
  expect((await client.query("UPDATE pupils SET note = 'seen'")).rowCount).toBe(2);
  expect((await client.query("UPDATE pupils SET note = 'seen' WHERE family_id = 8")).rowCount).toBe(0);
  const rows = await database.query<{ family_id: string }>("SELECT DISTINCT family_id FROM pupils WHERE note = 'seen'");
  expect(rows).toEqual([{ family_id: '7' }]);
});

it.each([
  ['many', 10_000, 1_000],
  ['one that no token is as long as', 20_000, 1],
])('keeps no values of Bind for tokens without end: %s', async (_, length, binds) => {
  const peer = await direct(guard.url('portal'));
  const all = Array.from({ length: binds }, (_, at) => B(['x'.repeat(length)], `p${at}`, 's'));
  const words = await ask(peer, P("SELECT set_config('rowgate.token', $1, true)", 's'), ...all, S());
  expect(words.filter((word) => word.startsWith('ErrorResponse'))).toEqual(['ErrorResponse:54000']);
  await peer.close();
});
