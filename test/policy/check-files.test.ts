/** Tests that `rowgate check` names each unusable file, key and password by its key and line in rowgate.yaml, all in one run. */
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CheckOptions, type CheckResult, checkPolicies } from '../../src/cli/check.ts';
import { type Certificates, LONG_AGO, makeCertificates } from '../proxy/certificates.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { seedSmall } from '../support/seed.ts';
import { catalogOf, plainEnvironment } from './environment.ts';

let database: FreshDatabase;
let folder: string;
let certificates: Certificates;
let environment: Awaited<ReturnType<typeof plainEnvironment>>;

beforeAll(async () => {
  database = await freshDatabase();
  await seedSmall(database.url);
  folder = await mkdtemp(join(tmpdir(), 'rowgate-files-'));
  certificates = makeCertificates();
  environment = plainEnvironment(await catalogOf(database.url));
  await mkdir(join(folder, 'policies/roles'), { recursive: true });
  await role('role: a\nlimits: none\n');
  await writeFile(join(folder, 'garbage.pem'), 'not a certificate\n');
  await writeFile(join(folder, 'open.key'), `k1 ${'s'.repeat(40)}\n`);
  await chmod(join(folder, 'open.key'), 0o644);
  await writeFile(join(folder, 'short.key'), 'k1 short\n', { mode: 0o600 });
});
afterAll(async () => {
  await rm(folder, { recursive: true });
  await rm(certificates.folder, { recursive: true });
  await database.drop();
});

const role = (text: string): Promise<void> => writeFile(join(folder, 'policies/roles/a.yaml'), text);

async function check(lines: string, options: Partial<CheckOptions> = {}): Promise<CheckResult> {
  await writeFile(join(folder, 'rowgate.yaml'), lines);
  return checkPolicies({ config: join(folder, 'rowgate.yaml'), ...options }, environment);
}
const at = ({ diagnostics }: CheckResult): string[] =>
  diagnostics
    .filter(({ severity }) => severity === 'error')
    .map(({ file, line, message }) =>
      `${relative(folder, join(process.cwd(), file))}:${line}: ${message}`.replaceAll(`${folder}/`, ''),
    );

const live = () => `listen: 127.0.0.1:6432\nupstream: { url: "${database.url}" }\n`;
const pair = (name: 'server' | 'client') => `cert: ${certificates[name].cert}, key: ${certificates[name].key}`;

describe('a file that does not serve', () => {
  it.each<[string, () => string, string[]]>([
    [
      'tls.cert, missing',
      () => `tls:\n  cert: none.crt\n  key: ${certificates.server.key}\n`,
      ['4: tls.cert: "none.crt" does not exist'],
    ],
    [
      'tls.cert, garbage',
      () => `tls:\n  cert: garbage.pem\n  key: ${certificates.server.key}\n`,
      ['4: tls.cert: "garbage.pem" holds no certificate'],
    ],
    [
      'tls.key, garbage',
      () => `tls:\n  cert: ${certificates.server.cert}\n  key: garbage.pem\n`,
      ['5: tls.key: "garbage.pem" holds no private key that can be read'],
    ],
    [
      'both',
      () => 'tls:\n  cert: none.crt\n  key: none.key\n',
      ['4: tls.cert: "none.crt" does not exist', '5: tls.key: "none.key" does not exist'],
    ],
    [
      'console.tls.cert, missing',
      () => `console:\n  tls:\n    cert: none.crt\n    key: ${certificates.server.key}\n`,
      ['5: console.tls.cert: "none.crt" does not exist'],
    ],
    [
      'console.tls.key of another',
      () => `console:\n  tls:\n    cert: ${certificates.server.cert}\n    key: ${certificates.client.key}\n`,
      ['6: console.tls.key: * is not the key of the certificate *'],
    ],
    [
      'tls.key of another',
      () => `tls:\n  cert: ${certificates.server.cert}\n  key: ${certificates.client.key}\n`,
      ['5: tls.key: * is not the key of the certificate *'],
    ],
    [
      'tls.client_ca',
      () => `tls:\n  ${pair('server').replace(', ', '\n  ')}\n  client_ca: garbage.pem\n`,
      ['6: tls.client_ca: garbage.pem holds no certificate'],
    ],
    [
      'tls.client_crl',
      () =>
        `tls:\n  ${pair('server').replace(', ', '\n  ')}\n  client_ca: ${certificates.ca}\n  client_crl:\n    - garbage.pem\n    - none.crl\n`,
      ['8: tls.client_crl.0: garbage.pem holds no revocation list', '9: tls.client_crl.1: "none.crl" does not exist'],
    ],
    [
      'notify.ca',
      () => 'notify:\n  url: https://hook.example\n  ca: none.crt\n',
      ['5: notify.ca: "none.crt" does not exist'],
    ],
    [
      'log.anchor.ca',
      () => 'log:\n  anchor:\n    to: https://anchor.example\n    ca: garbage.pem\n',
      ['6: log.anchor.ca: "garbage.pem" holds no certificate'],
    ],
    [
      'log.forward',
      () =>
        'log:\n  forward:\n    - to: https://siem.example\n      ca: none.crt\n      cert: garbage.pem\n      key: none.key\n',
      [
        '6: log.forward.0.ca: "none.crt" does not exist',
        '7: log.forward.0.cert: "garbage.pem" holds no certificate',
        '8: log.forward.0.key: "none.key" does not exist',
      ],
    ],
    [
      'log.seal.key',
      () => 'log:\n  seal:\n    key: open.key\n',
      ['5: log.seal.key: open.key can be read or written by others: it must have the mode 0600'],
    ],
    [
      'keys.subjects',
      () => 'keys:\n  subjects: short.key\n',
      ['4: keys.subjects: "short.key", line 1: expected a secret of at least 32 characters'],
    ],
    [
      'keys.canaries',
      () => 'keys:\n  canaries: open.key\n',
      ['4: keys.canaries: "open.key" can be read by others; its mode must be 0600'],
    ],
  ])('%s', async (_, lines, expected) => {
    const result = await check(live() + lines());
    expect(result.exitCode).toBe(1);
    expect(at(result)).toEqual(
      expected.map((text) =>
        expect.stringMatching(
          new RegExp(`^rowgate\\.yaml:${text.replace(/[.()[\]]/g, '\\$&').replaceAll('*', '"[^"]+"')}$`),
        ),
      ),
    );
  });

  it('towards the server: nothing is asked of it then, and the policies are looked at by themselves', async () => {
    await role('role: a\nlimits: none\nmod: enforce\n');
    const result = await check(
      `listen: 127.0.0.1:6432\nupstream:\n  url: "${database.url}"\n  tls:\n    mode: verify-full\n    ca: none.crt\n`,
    );
    await role('role: a\nlimits: none\n');
    expect(result.exitCode).toBe(2);
    expect(at(result)).toEqual([
      'rowgate.yaml:6: upstream.tls.ca: "none.crt" does not exist',
      expect.stringMatching(/^policies\/roles\/a\.yaml:3: unknown key "mod"/),
    ]);
  });

  it('all that serve: nothing is said', async () => {
    const result = await check(`${live()}tls: { ${pair('server')}, client_ca: ${certificates.ca} }\n`);
    expect(at(result)).toEqual([]);
    expect(result.exitCode).toBe(0);
  });

  it('with a saved catalog no file is looked for: it is not there in CI', async () => {
    const saved = join(folder, 'catalog.json');
    await check(live(), { saveCatalog: saved });
    expect((await check(`${live()}tls: { cert: none.crt, key: none.key }\n`, { catalog: saved })).exitCode).toBe(0);
  });
});

describe('a password that does not serve', () => {
  it('of upstream.password_command, and of the accounts of roles', async () => {
    const url = new URL(database.url);
    const lines = `listen: 127.0.0.1:6432
upstream:
  url: "postgres://${url.username}@${url.host}${url.pathname}"
  password_command: ["/no/such/program"]
  logins:
    a:
      user: nobody_of_that_name
      password: "wrong"
    b:
      user: ${url.username}
      password_command: ["false"]
`;
    const result = await check(lines);
    expect(result.exitCode).toBe(2);
    expect(at(result)).toEqual([
      expect.stringMatching(/^rowgate\.yaml:4: upstream\.password_command: .*could not be run \(ENOENT\)/),
      expect.stringMatching(
        /^rowgate\.yaml:8: upstream\.logins\.a\.password: account "nobody_of_that_name" cannot log in: /,
      ),
      expect.stringMatching(/^rowgate\.yaml:11: upstream\.logins\.b\.password_command: .*ended with exit code 1/),
    ]);
  });
});

describe('one run shows what is wrong', () => {
  it('in rowgate.yaml, in the files that it names, in the policies and against the catalog', async () => {
    await role('role: a\ntables:\n  students: { select: { columns: [idd] } }\nlimits: none\n');
    const result = await check(
      `${live()}drain: soon\nstate: "redis://\${NOT_SET_HERE}"\nlimitz: 5\ntls:\n  cert: none.crt\n  key: none.key\n`,
    );
    expect(result.exitCode).toBe(1);
    expect(at(result)).toEqual([
      expect.stringMatching(/^rowgate\.yaml:3: drain: expected a duration/),
      'rowgate.yaml:4: state: environment variable NOT_SET_HERE is not set',
      expect.stringMatching(/^rowgate\.yaml:5: limitz: unknown key/),
      'rowgate.yaml:7: tls.cert: "none.crt" does not exist',
      'rowgate.yaml:8: tls.key: "none.key" does not exist',
      expect.stringMatching(/^policies\/roles\/a\.yaml:3: column "idd"/),
    ]);
  });

  it('with a server that cannot be reached: also in the policies, and in the keys that these name', async () => {
    await role('role: a\nlimits: { rows: often }\n');
    const principals = join(folder, 'policies/principals.yaml');
    const password = `password: SCRAM-SHA-256$4096:${'A'.repeat(22)}==$${'A'.repeat(43)}=:${'A'.repeat(43)}=`;
    await writeFile(
      principals,
      `principals:\n  p: { role: a, ${password}, token: { issuer: i, keys: none.json, user: sub } }\n  q: { rle: a }\n`,
    );
    const result = await check(
      'listen: 127.0.0.1:6432\nupstream:\n  url: "postgres://u:p@127.0.0.1:1/none"\ndrain: soon\n',
    );
    await rm(principals);
    expect(result.exitCode).toBe(2);
    expect(at(result)).toEqual([
      expect.stringMatching(
        /^rowgate\.yaml:3: upstream\.url: could not read the catalog of the database: .*ECONNREFUSED/,
      ),
      expect.stringMatching(/^rowgate\.yaml:4: drain: /),
      'policies/principals.yaml:2: keys "none.json": no such file',
      ...[
        expect.stringMatching(/^policies\/principals\.yaml:3: /),
        expect.stringMatching(/^policies\/principals\.yaml:3: /),
      ],
      expect.stringMatching(/^policies\/roles\/a\.yaml:2: /),
    ]);
  });

  it('where upstream itself is wrong, and the catalog is not asked', async () => {
    await role('role: a\nlimits: none\nmod: enforce\n');
    const result = await check('listen: 127.0.0.1:6432\nupstream: { uri: x }\n');
    expect(at(result).filter((text) => text.startsWith('policies'))).toEqual([
      expect.stringMatching(/^policies\/roles\/a\.yaml:3: unknown key "mod"/),
    ]);
    expect(result.exitCode).toBe(1);
  });
});

it('what is not UTF-8 has its place, also in a password', async () => {
  await role('role: a\nlimits: none\n');
  await writeFile(join(folder, 'rowgate.yaml'), Buffer.from(`${live()}name: "caf\xe9"\n`, 'latin1'));
  const result = await checkPolicies({ config: join(folder, 'rowgate.yaml') }, environment);
  expect(at(result)).toEqual(['rowgate.yaml:3: not valid UTF-8']);
});

it('a value of the wrong form is told what was expected', async () => {
  await role('role: a\nlimits: none\n');
  const oidc = 'oidc: { issuer: x, client_id: c, people: p.yaml }';
  const given = `${live()}workers: four\nname: ${'n'.repeat(64)}\nconsole: { url: x, ${oidc} }\n`;
  expect(at(await check(given)).join('\n')).toMatchInlineSnapshot(`
    "rowgate.yaml:3: workers: expected a whole number, found "four"
    rowgate.yaml:4: name: expected at most 63 characters, found "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn…"
    rowgate.yaml:5: console.url: expected an origin, as https://rowgate.example.org
    rowgate.yaml:5: console.oidc.issuer: expected the address of an issuer, as https://id.example.org"
  `);
});

it('an account of a role that does not exist', async () => {
  await role('role: teacher\nlimits: none\n');
  const url = new URL(database.url);
  const login = `{ user: ${url.username}, password: "${url.password}" }`;
  const lines = `listen: 127.0.0.1:6432\nupstream:\n  url: "${database.url}"\n  logins:\n    techer: ${login}\n`;
  const { diagnostics, exitCode } = await check(lines);
  const told = diagnostics.map(({ line, severity, message }) => `${line}: ${severity}: ${message}`);
  expect(told).toEqual([
    '5: warning: upstream.logins.techer: role "techer" does not exist, so nothing uses this account, did you mean "teacher"?',
  ]);
  expect(exitCode).toBe(0);
});

it('a certificate that has run out', async () => {
  await role('role: a\nlimits: none\n');
  const { cert, key } = certificates.selfSign('old', '/CN=localhost', { valid: LONG_AGO });
  const { diagnostics } = await check(`${live()}tls: { cert: ${cert}, key: ${key} }\n`);
  expect(diagnostics.map(({ line, severity, message }) => `${line}: ${severity}: ${message}`)).toEqual([
    expect.stringMatching(/^3: warning: tls: the certificate of the guard has run out at 2025-01-02 /),
  ]);
});
