/** Tests the way from a browser to rows: a real OpenID provider, `rowgate login`, psql and a client of OAUTHBEARER; keys that change; a provider that is gone. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, rm } from 'node:fs/promises';
import { resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Certificates, makeCertificates } from '../proxy/certificates.ts';
import { eventually } from '../proxy/support.ts';
import { testWith, tool } from '../support/tools.ts';
import { ASK, type BearerOutcome, bearerLogin, withToken } from './bearer-client.ts';
import { CLIENT, type OpenIdProvider, startProvider } from './provider.ts';
import { type WholeGuard, wholeGuard } from './whole-guard.ts';

const MAIN = resolve('dist/cli/main.js');
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
      login: { client_id: ${CLIENT}, scope: openid rows }
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

interface Said {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A command line, which `onPrompt` sees the prompt of. */
async function shell(command: string, onPrompt: (address: string) => Promise<void>): Promise<Said> {
  const child = spawn('sh', ['-c', command], {
    env: {
      PATH: process.env.PATH,
      HOME: '/nonexistent',
      NODE: process.execPath,
      MAIN,
      ISSUER: provider.issuer,
      CLIENT,
    },
  });
  let stdout = '';
  let stderr = '';
  let prompted: Promise<void> | undefined;
  child.stdout.on('data', (chunk) => {
    stdout += chunk;
  });
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
    const address = /\(the two in one: (\S+)\)/.exec(stderr)?.[1];
    if (address !== undefined) prompted ??= onPrompt(address);
  });
  const [status] = await once(child, 'close');
  await prompted;
  return { status, stdout, stderr };
}

const LOGIN = '"$NODE" "$MAIN" login --issuer "$ISSUER" --client-id "$CLIENT" --scope "openid rows"';

/** All at once: a device asks every five seconds whether its person has agreed. */
async function tokensOf(...people: readonly string[]): Promise<Record<string, string>> {
  const got = people.map(async (person): Promise<[string, string]> => {
    const said = await shell(`${LOGIN} --json`, (address) => provider.agree(address, person));
    if (said.status !== 0) throw new Error(said.stderr);
    return [person, JSON.parse(said.stdout).token];
  });
  return Object.fromEntries(await Promise.all(got));
}

/** Over TLS, by one of them. */
async function logIn(user: string, token: string | undefined, at = world): Promise<BearerOutcome> {
  return bearerLogin(at.options(user, { ca }), withToken(token ?? ''));
}

// Each waits for seconds until a device asks again.
describe.concurrent('rowgate login', () => {
  const psql = tool('psql');
  testWith(psql)('prints what psql needs to log in', async () => {
    const conninfo = `host=localhost hostaddr=127.0.0.1 port=${world.guard.port} dbname=${world.database.name} user=boris sslmode=verify-full sslrootcert=${certificates.ca}`;
    const query = 'SELECT DISTINCT owner FROM notes';
    const said = await shell(
      `vars=$(${LOGIN}) && eval "$vars" && "${psql.path}" -XAt "${conninfo}" -c "${query}"`,
      (address) => provider.agree(address, 'boris'),
    );
    expect(said).toMatchObject({ status: 0, stdout: 'boris\n' });
    expect(said.stderr).toMatch(/^Open http:\S+ in a browser, and enter the code [A-Z]{4}-[A-Z]{4}\n/);
    expect(said.stderr).not.toContain('eyJ');
  });

  test('takes issuer, client and scopes from the policies', async () => {
    const said = await shell(`"$NODE" "$MAIN" login --as staff --policies "${world.folder}" --json`, (address) =>
      provider.agree(address, 'anna'),
    );
    expect(said.status).toBe(0);
    const { token, options, expires } = JSON.parse(said.stdout);
    expect(token.split('.')).toHaveLength(3);
    expect(options).toBe('-c rowgate.login=token');
    expect(Date.parse(expires) - Date.now()).toBeGreaterThan(200_000);
  });

  test('says that the login was refused', async () => {
    const said = await shell(LOGIN, (address) => provider.refuse(address));
    expect(said).toMatchObject({ status: 1, stdout: '', stderr: expect.stringContaining('the login was refused\n') });
  });

  test('waits for a provider that is away for a while', async () => {
    const away = await startProvider();
    const said = await shell(
      `"$NODE" "$MAIN" login --issuer ${away.issuer} --client-id "$CLIENT" --scope "openid rows" --json`,
      async (address) => {
        await away.agree(address, 'anna');
        await away.goDown();
        await new Promise((over) => setTimeout(over, 7_000));
        await away.comeBack();
      },
    );
    expect(said.status, said.stderr).toBe(0);
    await away.close();
  });

  test('says that the code was not entered', async () => {
    const short = await startProvider({ codeTtl: 4 });
    const said = await shell(`"$NODE" "$MAIN" login --issuer ${short.issuer} --client-id "$CLIENT"`, async () => {});
    expect(said).toMatchObject({
      status: 1,
      stdout: '',
      stderr: expect.stringContaining('the code was not entered in time\n'),
    });
    await short.close();
  });

  test.each([
    ['an issuer in the clear', `--issuer http://id.example --client-id x`, 1, /by https alone/],
    ['an address that is none', '--issuer id --client-id x', 2, /expected an address/],
    ['no issuer', '--client-id x', 2, /expected --issuer and --client-id, or --as/],
    ['no server at the address', '--issuer http://127.0.0.1:9 --client-id x', 1, /could not be asked/],
    ['a client that the issuer does not know', '--issuer "$ISSUER" --client-id x', 1, /the issuer answers: /],
    [
      'a principal without it',
      '--as nobody --policies "$POLICIES"',
      2,
      /no end user can log in to "nobody" by a token/,
    ],
  ])('refuses %s', async (_, args, status, words) => {
    const said = await shell(`POLICIES="${world.folder}"; "$NODE" "$MAIN" login ${args}`, async () => {});
    expect(said).toMatchObject({ status, stdout: '', stderr: expect.stringMatching(words) });
  });

  test('refuses a token that the guard could not check', async () => {
    const opaque = await startProvider({ opaque: true });
    const login = `"$NODE" "$MAIN" login --issuer ${opaque.issuer} --client-id "$CLIENT" --scope "openid rows"`;
    const said = await shell(login, (address) => opaque.agree(address, 'anna'));
    expect(said).toMatchObject({ status: 1, stdout: '', stderr: expect.stringContaining('no JWT') });
    await opaque.close();
  });
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
