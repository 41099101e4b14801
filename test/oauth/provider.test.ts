/** Tests the way from a browser to rows: a real OpenID provider, psql and a client of OAUTHBEARER; keys that change; a provider that is gone. */
import { readFile, rm } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Certificates, makeCertificates } from '../proxy/certificates.ts';
import { eventually, psql } from '../proxy/support.ts';
import { testWith, tool } from '../support/tools.ts';
import { ASK, type BearerOutcome, bearerLogin, withToken } from './bearer-client.ts';
import { CLIENT, type OpenIdProvider, startProvider } from './provider.ts';
import { type WholeGuard, wholeGuard } from './whole-guard.ts';

let certificates: Certificates;
let provider: OpenIdProvider;
let world: WholeGuard;
let ca: Buffer;
/** Tokens signed by the provider's first key. */
let tokens: Readonly<Record<string, string>>;

const principals = (keys: string): string => `principals:
  staff:
    role: staff
    token:
      issuer: ${provider.issuer}
      keys: ${keys}
      user: sub
      claims: { person: sub }
      require: { groups: teachers, client_id: ${CLIENT} }
      login: { scope: openid rows }
`;

beforeAll(async () => {
  certificates = makeCertificates();
  ca = await readFile(certificates.ca);
  provider = await startProvider({ groups: { anna: ['teachers'], boris: ['teachers'], carla: ['pupils'] } });
  const { cert, key } = certificates.server;
  world = await wholeGuard(principals(provider.jwks), {}, { configuration: `tls: { cert: ${cert}, key: ${key} }` });
  tokens = await tokensOf('anna', 'boris', 'carla');
});

afterAll(async () => {
  await world?.close();
  await provider?.close();
  await rm(certificates.folder, { recursive: true, force: true });
});

/** By person. */
async function tokensOf(...people: readonly string[]): Promise<Record<string, string>> {
  const got = people.map(async (person): Promise<[string, string]> => [person, await provider.token(person)]);
  return Object.fromEntries(await Promise.all(got));
}

/** Over TLS, by one of them. */
async function logIn(user: string, token: string | undefined, at = world): Promise<BearerOutcome> {
  return bearerLogin(at.options(user, { ca }), withToken(token ?? ''));
}

testWith(tool('psql'))('psql logs in by a token in the place of a password', async () => {
  const conninfo = `host=localhost hostaddr=127.0.0.1 port=${world.guard.port} dbname=${world.database.name} user=boris sslmode=verify-full sslrootcert=${certificates.ca}`;
  const said = await psql(conninfo, ['-c', 'SELECT DISTINCT owner FROM notes'], {
    PGPASSWORD: tokens.boris!,
    PGOPTIONS: '-c rowgate.login=token',
  });
  expect(said).toEqual({ status: 0, stdout: 'boris', stderr: '' });
});

describe('a client of OAUTHBEARER', () => {
  test('finds the provider by the guard alone, and logs in by its token', async () => {
    const { challenge } = await bearerLogin(world.options('anna', { ca }), ASK);
    expect(challenge).toMatchObject({ scope: 'openid rows' });
    const configuration = await fetch(String(challenge?.['openid-configuration']));
    expect(await configuration.json()).toMatchObject({
      issuer: provider.issuer,
      device_authorization_endpoint: expect.stringContaining(provider.issuer),
    });
    const { session } = await logIn('anna', tokens.anna);
    expect((await session!.query('SELECT DISTINCT owner FROM notes')).rows).toEqual([['anna']]);
    session!.close();
  });

  test('a person in another group at the provider stays out', async () => {
    for (const user of ['carla', 'staff', 'anna']) {
      const { error } = await logIn(user, tokens.carla);
      expect(error).toMatchObject({ C: '28000', M: `OAuth bearer authentication failed for user "${user}"` });
    }
  });
});

describe('the provider', () => {
  test('is gone: known keys serve on, a guard without them waits for it', async () => {
    const { cert, key } = certificates.server;
    const tls = `tls: { cert: ${cert}, key: ${key} }`;
    const fresh = await wholeGuard(principals(provider.jwks), {}, { configuration: tls });
    const known = await logIn('boris', tokens.boris);
    await provider.goDown();
    const still = await logIn('anna', tokens.anna);
    for (const [session, owner] of [
      [known.session, 'boris'],
      [still.session, 'anna'],
    ] as const) {
      expect((await session!.query('SELECT DISTINCT owner FROM notes')).rows).toEqual([[owner]]);
      session!.close();
    }
    const { error } = await logIn('boris', tokens.boris, fresh);
    expect(error).toMatchObject({ C: '28000', M: 'the token cannot be checked now' });
    await provider.comeBack();
    await eventually(async () => {
      const { session } = await logIn('boris', tokens.boris, fresh);
      session?.close();
      return session !== undefined;
    }, 'the keys are had again');
    await fresh.close();
  });

  test('changes its keys: new tokens are taken, those of the old key are not', async () => {
    const before = await logIn('anna', tokens.anna);
    await provider.rotate();
    const next = await tokensOf('anna');
    // Its keys are asked for at most every ten seconds.
    await eventually(async () => {
      const { session } = await logIn('anna', next.anna);
      session?.close();
      return session !== undefined;
    }, 'a token of the new key is taken');
    const { error } = await logIn('anna', tokens.anna);
    expect(error).toMatchObject({ C: '28000', D: expect.stringMatching(/does not publish|signature/) });
    // A session that the old one has opened ends.
    const last = await before.session!.next();
    expect(last?.body.toString()).toMatch(/C57P01\0Mterminating connection because the token is signed by a key that/);
    before.session!.close();
  });
});
