/** Tests that a session opened by a token ends with it: idle, in a transaction, in the middle of a result; and never in the middle of a row. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { keySet, makeKey, token } from '../identity/issuer.ts';
import { type BearerSession, bearerLogin, withToken } from './bearer-client.ts';
import { type WholeGuard, wholeGuard } from './whole-guard.ts';

const key = makeKey('EdDSA');
/** How far clocks may differ: a token is accepted for so long after its end. */
const SKEW_S = 30;

const principals = (more = ''): string => `principals:
  staff:
    role: staff
    token:
      issuer: https://id.example
      keys: jwks.json
      user: sub
      claims: { person: sub }
      login: {}
${more}`;

let world: WholeGuard;

beforeAll(async () => {
  world = await wholeGuard(principals(), { 'jwks.json': keySet(key) });
});

afterAll(() => world?.close());

/** Logs in with a token that is accepted for `seconds` more. */
async function login(seconds: number, user = 'anna'): Promise<BearerSession> {
  const now = Math.floor(Date.now() / 1000);
  const sent = token(key, { sub: user, iat: now - 60, exp: now - SKEW_S + seconds });
  const { session, error } = await bearerLogin(world.options(user), withToken(sent));
  if (!session) throw new Error(JSON.stringify(error));
  return session;
}

/** Reads until the connection is closed: the number of rows, and the last message's fields. */
async function untilClosed(session: BearerSession): Promise<{ rows: number; types: string; last: string }> {
  let rows = 0;
  let types = '';
  let last = '';
  for (;;) {
    const read = await session.next();
    if (!read) return { rows, types, last };
    if (read.type === 'D') rows += 1;
    else types += read.type;
    if (read.type === 'E') last = read.body.toString('utf8');
  }
}

const EXPIRED = /SFATAL\0.*C57P01\0Mterminating connection because its token has expired\0/;

test('an idle one', async () => {
  const session = await login(3);
  expect((await session.query('SELECT count(*) FROM notes')).rows).toEqual([['10000']]);
  const started = Date.now();
  const { types, last } = await untilClosed(session);
  expect(types).toBe('E');
  expect(last).toMatch(EXPIRED);
  expect(Date.now() - started).toBeLessThan(15_000);
});

test('one in a transaction, which is undone', async () => {
  const session = await login(3);
  await session.query('BEGIN');
  expect((await session.query(`INSERT INTO notes (id, owner, body) VALUES (0, 'anna', 'x')`)).error).toEqual({});
  expect((await untilClosed(session)).last).toMatch(EXPIRED);
  const after = await login(60);
  expect((await after.query('SELECT count(*) FROM notes WHERE id = 0')).rows).toEqual([['0']]);
  after.close();
});

test('one in the middle of a result: whole rows, then why', async () => {
  const session = await login(3);
  session.begin('SELECT a.id, a.body FROM notes a, notes b, notes c');
  const { rows, types, last } = await untilClosed(session);
  expect(rows).toBeGreaterThan(1_000);
  expect(types).toBe('TE');
  expect(last).toMatch(EXPIRED);
});

test('not before its time, nor at the end of another token', async () => {
  const long = await login(60);
  const short = await login(2, 'boris');
  expect((await untilClosed(short)).last).toMatch(EXPIRED);
  expect((await long.query('SELECT DISTINCT owner FROM notes')).rows).toEqual([['anna']]);
  long.close();
});

describe('ends as well', () => {
  test.each([
    [
      'where other tokens are taken now',
      principals('      require: { groups: heads }\n').replace(/( +login: .*\n)( +require: .*\n)/, '$2$1'),
      'other tokens are taken now',
    ],
    [
      'where people log in to it no more',
      principals().replace(
        / +login: .*\n/,
        '    password: SCRAM-SHA-256$4096:5+4Cd5Gy5wirR+KOzUXXuw==$p0PIwuh2wr4MvPfFQ+ONaqTXyTgDM1RInczdhQCopYM=:XIIeRI/G53k2qvQn2a2NCs598Vwql9WIqZn/1hW0gLQ=\n',
      ),
      'other tokens are taken now',
    ],
    ['where it is gone', 'principals: {}\n', 'its principal was removed'],
  ])('%s', async (_, text, why) => {
    const session = await login(60);
    await world.writePrincipals(text);
    expect((await untilClosed(session)).last).toContain(`C57P01\0Mterminating connection because ${why}`);
    await world.writePrincipals(principals());
  });

  test('where its token is given back, by itself or elsewhere', async () => {
    const now = Math.floor(Date.now() / 1000);
    const sent = token(key, { sub: 'anna', iat: now - 60, exp: now + 60, jti: 'given back' });
    const one = await bearerLogin(world.options('anna'), withToken(sent));
    const other = await bearerLogin(world.options('staff'), withToken(sent));
    const { error: end } = await one.session!.query(`SET rowgate.logout = '${sent}'`);
    // The session may end before the answer is whole.
    const lasts = [
      end.M ? `M${end.M}` : (await untilClosed(one.session!)).last,
      (await untilClosed(other.session!)).last,
    ];
    for (const last of lasts) expect(last).toContain('Mterminating connection because the token was given back');
    const { error, session } = await bearerLogin(world.options('anna'), withToken(sent));
    expect(session).toBeUndefined();
    expect(error).toMatchObject({ C: '28000', D: 'The token was given back.' });
  });

  test('a session goes on where nothing has changed for it', async () => {
    const session = await login(60);
    await world.writePrincipals(`# a comment\n${principals().replace('rowgate-cli', 'cli, scope: openid x')}`);
    expect((await session.query('SELECT 1')).rows).toEqual([['1']]);
    session.close();
  });
});

test('RESET and DISCARD ALL come back to the token of the login', async () => {
  const session = await login(60);
  const shownOwner = async (): Promise<unknown> => {
    const { rows, error } = await session.query('SELECT DISTINCT owner FROM notes');
    return rows[0]?.[0] ?? error.C;
  };
  const now = Math.floor(Date.now() / 1000);
  const set = (text: string) => session.query(`SET rowgate.token = '${text}'`);
  await set(token(key, { sub: 'boris', iat: now - 60, exp: now + 60 }));
  expect(await shownOwner()).toBe('boris');
  await session.query('RESET rowgate.token');
  expect(await shownOwner()).toBe('anna');
  expect((await set('abc')).error.C).toBe('28000');
  expect(await shownOwner()).toBe('anna');
  await set('');
  expect(await shownOwner()).toBe('28000');
  await session.query('DISCARD ALL');
  expect(await shownOwner()).toBe('anna');
  session.close();
});

test('a token in the startup packet does not take the place of the one of the login', async () => {
  const now = Math.floor(Date.now() / 1000);
  const tokenOf = (sub: string) => token(key, { sub, iat: now - 60, exp: now + 60 });
  const settings = { 'rowgate.token': tokenOf('boris') };
  const { session } = await bearerLogin(world.options('anna', { settings }), withToken(tokenOf('anna')));
  expect((await session!.query('SELECT DISTINCT owner FROM notes')).rows).toEqual([['anna']]);
  session!.close();
});

test('the record of a login and of each statement names the end user', async () => {
  const session = await login(60, 'boris');
  await session.query('SELECT id FROM notes LIMIT 1');
  session.close();
  const records = await world.guard.records();
  const last = (kind: string) => records.filter((record) => record.kind === kind).at(-1);
  expect(last('login')).toMatchObject({ principal: 'staff', user: 'boris' });
  expect(last('decision')).toMatchObject({ principal: 'staff', user: 'boris', attributes: { person: 'boris' } });
  expect(JSON.stringify(records)).not.toContain('eyJ');
});
