/** Tests what an operator does about one end user of an account: lock and release, show and raise limits; the others go on over the same connection. */
import { readFile, rm } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import type pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Key } from '../identity/issuer.ts';
import { familyPolicies, seedFamilies, tokenOf } from '../portal/families.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { type Operated, operateWith } from './served.ts';

const me = userInfo().username;
let database: FreshDatabase;
let guard: Operated;
let key: Key;

beforeAll(async () => {
  database = await freshDatabase();
  await seedFamilies(database, 20);
  const policies = await familyPolicies();
  key = policies.key;
  guard = await operateWith(policies.folder, database, 'state: memory\n');
  await rm(policies.folder, { recursive: true });
});
afterAll(async () => {
  await guard?.stop();
  await database?.drop();
});

/** The number of the family's pupils, or the error. */
async function pupilsOf(client: pg.Client, family: number): Promise<number | pg.DatabaseError> {
  try {
    await client.query(`BEGIN; SET LOCAL rowgate.token = '${tokenOf(key, family)}'`);
    return (await client.query('SELECT id, name FROM pupils')).rows.length;
  } catch (error) {
    return error as pg.DatabaseError;
  } finally {
    await client.query('ROLLBACK');
  }
}

it('locks one person out on every connection, and lets them in again', async () => {
  const client = await guard.connect('portal');
  expect([await pupilsOf(client, 1), await pupilsOf(client, 2)]).toEqual([2, 2]);
  const added = await guard.rowgate(['locks', 'add', 'portal/f1', '--reason', 'phone was stolen', '--for', '2h']);
  expect(added).toMatchObject({ code: 0, stdout: expect.stringContaining('user "portal/f1" is locked out until 2') });
  for (const each of [client, await guard.connect('portal')]) {
    expect(await pupilsOf(each, 1)).toMatchObject({
      code: '28000',
      message: 'user "portal/f1" is locked out: phone was stolen',
    });
    expect(await pupilsOf(each, 2)).toBe(2);
  }
  const { locks } = await guard.done<{ locks: object[] }>('locks.list');
  expect(locks).toMatchObject([{ principal: 'portal', user: 'f1', by: me, reason: 'phone was stolen' }]);
  expect((await guard.rowgate(['locks', 'list'])).stdout).toMatch(/^portal\/f1 /m);
  expect(await guard.done('limits.show', { principal: 'portal/f1' })).toMatchObject({
    locked: { reason: 'phone was stolen' },
  });
  const released = await guard.rowgate(['locks', 'release', 'portal/f1', '--reason', 'it was found']);
  expect(released).toMatchObject({ code: 0, stdout: '"portal/f1" is released; it was locked for: phone was stolen\n' });
  expect(await pupilsOf(client, 1)).toBe(2);
  expect(await guard.recorded('lock')).toMatchObject([
    { principal: 'portal', user: 'f1', by: me, until: expect.any(String) },
  ]);
  expect(await guard.recorded('release')).toMatchObject([
    { principal: 'portal', user: 'f1', by: me, reason: 'it was found' },
  ]);
});

it('ends the result of a locked user in the middle, and nothing else of the connection', async () => {
  const client = await guard.connect('portal');
  await client.query(`SET rowgate.token = '${tokenOf(key, 5)}'`);
  const long = client.query('SELECT p.id FROM pupils AS p, generate_series(1, 5000000) AS n');
  const ended = expect(long).rejects.toMatchObject({ code: '28000', message: 'user "portal/f5" is locked out: x' });
  await new Promise((done) => setTimeout(done, 200));
  await guard.done('locks.add', { principal: 'portal/f5', reason: 'x' });
  await ended;
  await client.query('RESET rowgate.token');
  expect(await pupilsOf(client, 6)).toBe(2);
  await guard.done('locks.release', { principal: 'portal/f5', reason: 'x' });
});

it('shows what a person has taken, and gives one more for a time', async () => {
  const client = await guard.connect('portal');
  await pupilsOf(client, 3);
  const shown = await guard.done('limits.show', { principal: 'portal/f3' });
  expect(shown).toEqual({
    principal: 'portal',
    user: 'f3',
    role: 'family',
    limits: [
      {
        name: 'subjects.pupil 8 per day',
        used: 2,
        of: 8,
        people: 2,
        questions: 0,
        values: 0,
        effect: 'deny',
        rule: expect.stringMatching(/^roles\/family.yaml:\d+$/),
      },
    ],
    statement: {},
  });
  const raise = ['limits', 'raise', 'portal/f3', '20 pupils per day', '--for', '1d', '--reason', 'heads the council'];
  expect(await guard.rowgate(raise)).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('now 20, of which 2 are used'),
  });
  expect((await guard.rowgate(['limits', 'show', 'portal/f3'])).stdout).toMatch(
    /^portal\/f3, role family\n[\s\S]* 20 .*raised from 8/,
  );
  expect(await guard.done('limits.show', { principal: 'portal/f4' })).toMatchObject({ limits: [{ of: 8 }] });
  expect(await guard.recorded('raise')).toMatchObject([{ principal: 'portal', user: 'f3', by: me, limit: { of: 20 } }]);
});

it.each<[string, Record<string, unknown>, string]>([
  ['locks.add', { principal: 'nobody/f1', reason: 'x' }, 'principal "nobody/f1" does not exist'],
  ['locks.add', { principal: 'portal/', reason: 'x' }, 'principal "portal/" does not exist'],
  ['locks.add', { principal: 'portal', user: 'f\u202e1', reason: 'x' }, 'user: expected a line of text'],
  ['locks.release', { principal: 'portal/f9', reason: 'x' }, '"portal/f9" is not locked out'],
  ['locks.release', { principal: 'portal', user: 'f9', reason: 'x' }, '"portal/f9" is not locked out'],
  [
    'limits.raise',
    { principal: 'portal/f1', limit: '99 rows per day', forMs: 1000, reason: 'x' },
    'user "portal/f1" has no limit of that kind',
  ],
  [
    'limits.raise',
    { principal: 'portal/f1', limit: '8 pupils per day', forMs: 1000, reason: 'x' },
    'that is not more than what holds',
  ],
])('%s %j is refused', async (command, given, message) => {
  expect(await guard.ask(command, given)).toMatchObject({
    ok: false,
    error: { message: expect.stringContaining(message) },
  });
});

it('names that hold slashes are told apart, or asked for', async () => {
  const text = await readFile(join(guard.folder, 'policies/principals.yaml'), 'utf8');
  const [, rule = '', password = ''] = /portal: (\{ role: family, (password: "[^"]*").*\})/.exec(text) ?? [];
  await guard.policy('roles/plain.yaml', 'role: plain\nlimits: none\n');
  const entries = [`portal: ${rule}`, `"portal/a": ${rule}`, `plain: { role: plain, ${password} }`];
  await guard.policy('principals.yaml', `principals:\n${entries.map((entry) => `  ${entry}\n`).join('')}`);
  expect(await guard.rowgate(['reload'])).toMatchObject({ code: 0 });
  const add = (given: object) => guard.ask('locks.add', { ...given, reason: 'x' });
  expect(await add({ principal: 'plain/f1' })).toMatchObject({
    error: { message: 'principal "plain" has no end users: it has no "token"' },
  });
  expect(await add({ principal: 'portal/a/b' })).toMatchObject({
    error: { message: '"portal/a/b" may be user "a/b" of principal "portal" or user "b" of principal "portal/a"' },
  });
  expect(await add({ principal: 'portal/a', user: 'b' })).toMatchObject({
    ok: true,
    result: { principal: 'portal/a', user: 'b' },
  });
  expect(await add({ principal: 'portal', user: 'a/b' })).toMatchObject({
    ok: true,
    result: { principal: 'portal', user: 'a/b' },
  });
  const release = (given: object) => guard.ask('locks.release', { ...given, reason: 'x' });
  expect(await release({ principal: 'portal/a/b' })).toMatchObject({
    error: { message: expect.stringContaining('may be user') },
  });
  expect((await guard.rowgate(['locks', 'release', 'portal', '--user', 'a/b', '--reason', 'x'])).code).toBe(0);
  expect(await release({ principal: 'portal/a/b' })).toMatchObject({ result: { principal: 'portal/a', user: 'b' } });
});
