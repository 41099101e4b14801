/** Tests logins by OAUTHBEARER: end users get in under the principal's name or their own, and no one else does. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeKey, token as signed } from '../identity/issuer.ts';
import { psql } from '../proxy/support.ts';
import { ASK, bearerLogin, exchange, initialResponse, message, withToken } from './bearer-client.ts';
import { makeWorld, OTHER_ISSUER, standardPrincipals, type World } from './world.ts';

let world: World;

beforeAll(async () => {
  world = await makeWorld(await standardPrincipals());
});

afterAll(() => world?.close());

describe('lets in', () => {
  test.each([
    ['under the principal’s name', 'teachers', {}, 'teachers'],
    ['under the person’s own', 'anna', {}, 'teachers'],
    ['by the group that the token names', 'anna', { groups: ['heads'] }, 'heads'],
    ['a person of another group', 'heads', { groups: ['x', 'heads'] }, 'heads'],
    ['of another issuer', 'boris', { sub: 'boris', iss: OTHER_ISSUER, groups: undefined }, 'others'],
    ['of two groups, by the name of one', 'heads', { groups: ['teachers', 'heads'] }, 'heads'],
    ['by a name with spaces and accents', 'Zoë Müller', { sub: 'Zoë Müller' }, 'teachers'],
  ])('%s', async (_, user, claims, principal) => {
    const { session, said, offered } = await world.login(user, world.token(claims));
    expect(said).toEqual(['sasl', 'ok', 'key', 'ready']);
    expect(offered).toContain('OAUTHBEARER');
    expect((await session!.query('SELECT 40 + 2')).rows).toEqual([['42']]);
    const sub = 'sub' in claims ? claims.sub : 'anna';
    expect(world.proxy.records.at(-1)).toMatchObject({ kind: 'login', fields: { principal, user: sub } });
    session!.close();
  });

  test('a client that sends its first message only when it is asked', async () => {
    const { session, said } = await exchange(world.options('anna'), (kind) =>
      kind === 'sasl' ? initialResponse('OAUTHBEARER', undefined) : message('p', Buffer.from(withToken(world.token()))),
    );
    expect(said).toEqual(['sasl', 'continue', 'ok', 'key', 'ready']);
    session!.close();
  });
});

describe('keeps out', () => {
  const refused: [string, string, () => string, string?][] = [
    ['another person’s name', 'berta', () => world.token()],
    ['a principal’s name that the token is not for', 'heads', () => world.token()],
    ['a principal that logs in by a password', 'app', () => world.token({ sub: 'app' })],
    ['a principal with tokens for its end users, not for itself', 'portal', () => world.token({ groups: ['portal'] })],
    ['a person of that principal’s', 'anna', () => world.token({ groups: ['portal'] })],
    ['a person of no group', 'anna', () => world.token({ groups: [] })],
    ['a person without groups', 'anna', () => world.token({ groups: undefined })],
    ['a disabled principal', 'closed', () => world.token({ groups: ['closed'] })],
    ['a person of a disabled principal', 'anna', () => world.token({ groups: ['closed'] })],
    ['a name in other letters', 'ANNA', () => world.token()],
    ['a name with a space', 'anna ', () => world.token()],
    ['a token of another issuer for this one’s principal', 'teachers', () => world.token({ iss: OTHER_ISSUER })],
    ['an unknown issuer', 'anna', () => world.token({ iss: 'https://x.example' }), 'The token is of another issuer.'],
    ['another audience', 'anna', () => world.token({ aud: 'portal' })],
    ['a token that has expired', 'anna', () => world.token({ exp: Math.floor(Date.now() / 1000) - 60 })],
    ['a token without a user', 'anna', () => world.token({ sub: undefined })],
    ['a key of another issuer', 'anna', () => signed(makeKey('ES256'), { iss: OTHER_ISSUER, exp: 4102444800 })],
    ['no JWT', 'anna', () => 'abc', 'The token is not a JWT: three parts in base64url, with a dot between them.'],
    ['an unsigned one', 'anna', () => `${world.token().split('.').slice(0, 2).join('.')}.`],
    ['its first half', 'anna', () => world.token().slice(0, 100)],
    ['nine thousand characters', 'anna', () => 'a'.repeat(9000), 'The token is longer than 8192 characters.'],
    ['an unknown user', 'nobody', () => world.token()],
  ];
  test.each(refused)('%s', async (_, user, token, detail) => {
    const sent = token();
    const before = world.proxy.records.length;
    world.attempts.length = 0;
    const { said, error, challenge } = await world.login(user, sent);
    expect(world.attempts).toEqual([{ user, accepted: false }]);
    expect(said).toEqual(['sasl', 'continue', 'error']);
    expect(challenge).toEqual({
      status: 'invalid_token',
      'openid-configuration': 'https://id.example/.well-known/openid-configuration',
      scope: 'openid rows',
    });
    expect(error).toMatchObject({
      S: 'FATAL',
      C: '28000',
      M: `OAuth bearer authentication failed for user "${user}"`,
    });
    if (detail !== undefined) expect(error.D).toBe(detail);
    expect(world.proxy.records.slice(before)).toMatchObject([{ kind: 'login-refused', fields: { reason: 'token' } }]);
    expect(JSON.stringify([error, world.proxy.records, world.proxy.lines])).not.toContain(sent);
  });

  test('a token that several principals take, under the person’s own name: and names none of them', async () => {
    const { error } = await world.login('anna', world.token({ groups: ['teachers', 'heads'] }));
    expect(error).toMatchObject({ C: '28000', M: 'several principals take this token' });
    expect(JSON.stringify(error)).not.toMatch(/teachers|heads/);
  });

  test.each([
    ['past', '28000', /no longer valid/],
    ['elsewhere', '28000', /from this address/],
    ['bound', '28000', /must show its own client certificate/],
  ])('%s, as it keeps out passwords', async (group, code, words) => {
    for (const user of [group, 'anna']) {
      const { error, said } = await world.login(user, world.token({ groups: [group] }));
      expect(said).toEqual(['sasl', 'error']);
      expect(error).toMatchObject({ C: code, M: expect.stringMatching(words) });
      expect(world.proxy.records.at(-1)).toMatchObject({ kind: 'login-refused', fields: { principal: group } });
    }
  });

  test('another database', async () => {
    const { error } = await world.login('anna', world.token(), { database: 'other' });
    expect(error.C).toBe('3D000');
  });
});

describe('tells a client that asks where to get a token', () => {
  test('the question is recorded as no login', async () => {
    const before = world.proxy.records.length;
    world.attempts.length = 0;
    for (const user of ['anna', 'teachers', 'app', 'nobody']) {
      const { said, challenge, error } = await bearerLogin(world.options(user), ASK);
      expect(said).toEqual(['sasl', 'continue', 'error']);
      expect(challenge).toMatchObject({ status: 'invalid_token', scope: 'openid rows' });
      expect(error.C).toBe('28000');
    }
    expect(world.proxy.records.slice(before)).toEqual([]);
    // The login that follows is not slowed.
    expect(world.attempts).toEqual([]);
  });
});

test('a principal with a password logs in as before', async () => {
  const conninfo = `host=localhost hostaddr=127.0.0.1 port=${world.proxy.port} dbname=${world.database.name} sslmode=verify-full sslrootcert=${world.certificates.ca}`;
  for (const binding of ['require', 'disable']) {
    const ran = await psql(`${conninfo} user=app password=secret channel_binding=${binding}`, ['-c', 'SELECT 1']);
    expect(ran).toMatchObject({ status: 0, stdout: '1' });
  }
  const wrong = await psql(`${conninfo} user=teachers password=secret`, ['-c', 'SELECT 1']);
  expect(wrong.stderr).toContain('password authentication failed for user "teachers"');
});
