/** Tests end users who log in themselves: each has limits of their own, and a lock ends only the sessions of the locked user. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { keySet, makeKey, token } from '../identity/issuer.ts';
import { type BearerOutcome, type BearerSession, bearerLogin, withToken } from './bearer-client.ts';
import { type WholeGuard, wholeGuard } from './whole-guard.ts';

const key = makeKey('EdDSA');
const LOGIN = 'login: {}';
const PRINCIPALS = `principals:
  staff:
    role: staff
    token: { issuer: "https://id.example", keys: jwks.json, user: sub, claims: { person: sub }, ${LOGIN} }
`;
const ROLE = `role: staff
attributes: { person: text from token }
tables: { notes: { rows: owner = :person, select: { columns: [id, owner, body] } } }
limits: none
limits_per_user: { rows: 50 per hour lock }
lock: { after: 100 refusals per hour, for: 30 minutes }
`;

let world: WholeGuard;
beforeAll(async () => {
  world = await wholeGuard(PRINCIPALS, { 'jwks.json': keySet(key), 'roles/staff.yaml': ROLE });
});
afterAll(() => world?.close());

function login(user: string): Promise<BearerOutcome> {
  const now = Math.floor(Date.now() / 1000);
  const sent = token(key, { sub: user, iat: now - 60, exp: now + 300 });
  return bearerLogin(world.options(user), withToken(sent));
}

async function session(user: string): Promise<BearerSession> {
  const { session, error } = await login(user);
  if (!session) throw new Error(JSON.stringify(error));
  return session;
}

test('a user who exceeds a limit that locks: the sessions of this user end, no new one begins, and others go on', async () => {
  const [anna, idle, boris] = await Promise.all(['anna', 'anna', 'boris'].map(session));
  expect((await anna!.query('SELECT id FROM notes LIMIT 50')).rows).toHaveLength(50);
  expect((await boris!.query('SELECT id FROM notes LIMIT 49')).rows).toHaveLength(49);
  const { rows, error } = await anna!.query('SELECT id FROM notes LIMIT 1');
  expect(rows).toEqual([]);
  // Its own end may be quicker than its error.
  expect(['53400', '57P05']).toContain(error.C);
  const ended = await idle!.next();
  expect(ended?.type).toBe('E');
  expect(ended?.body.toString('utf8')).toMatch(
    /C57P05\0Mterminating connection because user "staff\/anna" was locked out/,
  );
  const refused = await login('anna');
  expect(refused.session).toBeUndefined();
  expect(refused.error).toMatchObject({
    C: '28000',
    M: 'user "staff/anna" is locked out: passed the limit rows 50 per hour',
  });
  expect((await boris!.query('SELECT id FROM notes LIMIT 1')).rows).toHaveLength(1);
  expect((await (await session('carla')).query('SELECT id FROM notes')).rows).toEqual([]);
  const locks = (await world.guard.records()).filter(({ kind }) => kind === 'lock');
  expect(locks).toMatchObject([{ principal: 'staff', user: 'anna', by: 'rowgate', until: expect.any(String) }]);
});
