/** Tests `rowgate check`: its findings, their words, and its exit codes. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterAll, beforeAll, expect, it, test } from 'vitest';
import { type CheckOptions, type CheckResult, checkPolicies, formatCheck } from '../../src/cli/check.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { seedSmall } from '../support/seed.ts';
import { catalogOf, plainEnvironment } from './environment.ts';

let database: FreshDatabase;
let folder: string;
let check: (options?: Partial<CheckOptions>) => Promise<CheckResult>;

beforeAll(async () => {
  database = await freshDatabase();
  await seedSmall(database.url);
  await database.query('CREATE SEQUENCE public.stamps');
  folder = await mkdtemp(join(tmpdir(), 'rowgate-check-'));
  await mkdir(join(folder, 'policies/roles'), { recursive: true });
  await writeFile(join(folder, 'rowgate.yaml'), `listen: 127.0.0.1:6432\nupstream: { url: "${database.url}" }\n`);
  const compilers = plainEnvironment(await catalogOf(database.url));
  check = (options = {}) => checkPolicies({ config: join(folder, 'rowgate.yaml'), ...options }, compilers);
});
afterAll(async () => {
  await rm(folder, { recursive: true });
  await database.drop();
});

const role = (text: string): Promise<void> => writeFile(join(folder, 'policies/roles/a.yaml'), text);
/** Warnings, which are no errors. */
const unusedGrants = async (): Promise<void> => {
  await mkdir(join(folder, 'policies/grants'), { recursive: true });
  await writeFile(join(folder, 'policies/grants/unused.yaml'), 'tables:\n  classes: { select: { columns: [id] } }\n');
};
const output = (result: CheckResult): string =>
  formatCheck(result).replaceAll(relative(process.cwd(), folder), 'FOLDER');

it('an empty folder is found', async () => {
  const result = await check();
  expect(result.exitCode).toBe(1);
  expect(output(result)).toContain('FOLDER/policies:1:1: error: policies folder');
});

it('errors, against the live catalog', async () => {
  await role('role: a\ntables:\n  students: { select: { columns: [idd] } }\nlimits: none\n');
  await unusedGrants();
  const result = await check();
  expect(result.exitCode).toBe(1);
  expect(output(result)).toBe(
    `FOLDER/policies/grants/unused.yaml:1:1: warning: no role uses this file
FOLDER/policies/roles/a.yaml:3:35: error: column "idd" of relation "students" does not exist, did you mean "id"?
1 role, 0 principals: 1 error, 1 warning
`,
  );
});

it('warnings alone are no error', async () => {
  await role('role: a\nlimits: none\n');
  await unusedGrants();
  expect((await check()).exitCode).toBe(0);
});

it('a saved catalog gives the same, without the database or its password', async () => {
  const saved = join(folder, 'catalog.json');
  await role('role: a\ntables:\n  student: { select: { columns: [id] } }\nlimits: none\n');
  const live = await check({ saveCatalog: saved });
  expect(live.exitCode).toBe(1);
  const away = join(folder, 'away.yaml');
  await writeFile(away, `listen: 127.0.0.1:6432\nupstream: { url: "postgres://u:\${NOT_SET}@127.0.0.1:1/none" }\n`);
  expect((await check({ config: away })).diagnostics[0]?.message).toContain('NOT_SET');
  expect((await check({ config: away, catalog: saved })).diagnostics).toEqual(live.diagnostics);
});

it('it could not be checked: no configuration, no database, no catalog file', async () => {
  expect((await check({ config: join(folder, 'none.yaml') })).exitCode).toBe(2);
  const away = join(folder, 'away.yaml');
  await writeFile(away, 'listen: 127.0.0.1:6432\nupstream: { url: "postgres://u:p@127.0.0.1:1/none" }\n');
  const unreachable = await check({ config: away });
  expect(unreachable.exitCode).toBe(2);
  expect(output(unreachable)).toContain('could not read the catalog of the database: connect ECONNREFUSED');
  expect((await check({ catalog: join(folder, 'none.json') })).exitCode).toBe(2);
});

it('a mistake in rowgate.yaml has its line as well', async () => {
  const broken = join(folder, 'broken.yaml');
  await writeFile(broken, 'listen: 127.0.0.1:6432\nupstreem: {}\n');
  const result = await check({ config: broken });
  expect(result.exitCode).toBe(1);
  expect(output(result)).toContain('FOLDER/broken.yaml:2:1: error: upstreem');
});

it('keys of tokens that cannot be read, or show a secret', async () => {
  await role('role: a\naccess: unrestricted\nlimits: none\n');
  const principals = join(folder, 'policies/principals.yaml');
  const token = (keys: string): string => `token: { issuer: i, keys: "${keys}", user: sub }`;
  const password = `password: SCRAM-SHA-256$4096:${'A'.repeat(22)}==$${'A'.repeat(43)}=:${'A'.repeat(43)}=`;
  const names = ['none.json', 'broken.json', 'private.json', 'useless.json', 'good.json', 'https://127.0.0.1:1/jwks'];
  const entries = names.map((keys, n) => `  p${n}: { role: a, ${password}, ${token(keys)} }\n`);
  await writeFile(principals, `principals:\n${entries.join('')}`);
  const key = { kty: 'OKP', crv: 'Ed25519', x: 'A'.repeat(43) };
  for (const [name, text] of [
    ['broken', '{'],
    ['private', JSON.stringify({ keys: [{ ...key, d: 'A'.repeat(43) }] })],
    ['useless', JSON.stringify({ keys: [{ ...key, use: 'enc' }] })],
    ['good', JSON.stringify({ keys: [key] })],
  ] as const)
    await writeFile(join(folder, `policies/${name}.json`), text);
  const result = await check();
  await rm(principals);
  expect(result.exitCode).toBe(1);
  expect(output(result).match(/principals.yaml.*: error: .*/g)).toEqual([
    'principals.yaml:2:1: error: keys "none.json": no such file',
    'principals.yaml:3:1: error: keys "broken.json": not a JWK set: {"keys": [ … ]}',
    'principals.yaml:4:1: error: keys "private.json": holds a private or a symmetric key; only public keys belong there',
    'principals.yaml:5:1: error: keys "useless.json": no key in it is for EdDSA, ES256 or RS256',
  ]);
});

it('a password alone that opens an unrestricted role: told loudly, or an error where the configuration says so', async () => {
  await role('role: a\naccess: unrestricted\nlimits: none\n');
  const principals = join(folder, 'policies/principals.yaml');
  const password = `password: SCRAM-SHA-256$4096:${'A'.repeat(22)}==$${'A'.repeat(43)}=:${'A'.repeat(43)}=`;
  const bound = `certificate: sha256:${'ab'.repeat(32)}`;
  await writeFile(
    principals,
    `principals:\n  bare:\n    role: a\n    ${password}\n  both: { role: a, ${password}, ${bound} }\n  alone: { role: a, ${bound} }\n`,
  );
  const place = 'FOLDER/policies/principals.yaml:2:3';
  const free = await check();
  expect(free.exitCode).toBe(0);
  expect(output(free).match(/principals\.yaml/g)).toHaveLength(1);
  expect(output(free)).toContain(
    `${place}: warning: role "a" is unrestricted, and this principal has no "certificate"`,
  );
  const strict = join(folder, 'strict.yaml');
  const tls = 'tls: { cert: server.crt, key: server.key }\nrequire_certificate: unrestricted\n';
  await writeFile(strict, `listen: 127.0.0.1:6432\nupstream: { url: "${database.url}" }\n${tls}`);
  const result = await check({ config: strict });
  await rm(principals);
  expect(result.exitCode).toBe(1);
  expect(output(result).match(/principals\.yaml/g)).toHaveLength(1);
  expect(output(result)).toContain(
    `${place}: error: "certificate" is missing, which "require_certificate: unrestricted" asks for`,
  );
});

it('a principal with a password and a name of an end user', async () => {
  await role('role: a\nlimits: none\n');
  const principals = join(folder, 'policies/principals.yaml');
  const login = 'login: { users: "*@school.example" }';
  const token = `token: { issuer: https://id.example, keys: good.json, user: sub, ${login} }`;
  const password = `password: SCRAM-SHA-256$4096:${'A'.repeat(22)}==$${'A'.repeat(43)}=:${'A'.repeat(43)}=`;
  await writeFile(
    principals,
    `principals:\n  p: { role: a, ${token} }\n  app@school.example: { role: a, ${password} }\n  app: { role: a, ${password} }\n`,
  );
  await writeFile(join(folder, 'policies/good.json'), '{"keys":[]}');
  const told = output(await check());
  await rm(principals);
  expect(told.match(/.*are asked for a token.*/g)).toEqual([
    'FOLDER/policies/principals.yaml:3:1: warning: clients of principal "app@school.example" are asked for a token, not for its password: "p" has such names in "token.login.users"',
  ]);
});

it('people who log in by tokens where nothing is encrypted', async () => {
  await role('role: a\nlimits: none\n');
  const principals = join(folder, 'policies/principals.yaml');
  const token = 'token: { issuer: https://id.example, keys: good.json, user: sub, login: {} }';
  await writeFile(principals, `principals:\n  p:\n    role: a\n    ${token}\n`);
  await writeFile(join(folder, 'policies/good.json'), '{"keys":[]}');
  const secured = join(folder, 'secured.yaml');
  await writeFile(
    secured,
    `listen: 127.0.0.1:6432\nupstream: { url: "${database.url}" }\npolicies: ./policies\ntls: { cert: a.crt, key: a.key }\n`,
  );
  const told = output(await check());
  const silent = output(await check({ config: secured }));
  await rm(principals);
  expect(told).toContain(
    'FOLDER/policies/principals.yaml:4:1: warning: people log in to "p" by tokens: without "tls" in the configuration',
  );
  expect(silent).not.toContain('by tokens');
});

test('a warning is accepted in its entry, until a day; --strict fails on the others', async () => {
  await rm(join(folder, 'policies/grants'), { recursive: true, force: true });
  const observed = (accept: string) =>
    role(`role: a\nmode: observe\ntables:\n  classes:\n    select: { columns: [id] }\nlimits: none\n${accept}`);
  await observed('');
  expect((await check()).exitCode).toBe(0);
  expect((await check({ strict: true })).exitCode).toBe(1);
  await observed('accept: { until: 2999-01-31, reason: the first weeks }\n');
  const accepted = await check({ strict: true });
  expect(accepted.exitCode).toBe(0);
  expect(output(accepted)).toMatch(
    / \(accepted until 2999-01-31: the first weeks\)\n.*0 errors, 1 warning \(1 accepted\)/,
  );
  await observed('accept: { until: 2020-01-31, reason: long ago }\n');
  expect((await check({ strict: true })).exitCode, 'its day is over').toBe(1);
  await observed('accept: { until: 2999-02-31, reason: no day }\n');
  expect((await check()).exitCode).toBe(1);
});

test('a setting that the role may set and the server reads is a warning, which can be accepted', async () => {
  await database.query(`CREATE SCHEMA readers;
    CREATE TABLE readers.notes (id int, tenant text DEFAULT current_setting('app.school', true));
    ALTER TABLE readers.notes ENABLE ROW LEVEL SECURITY;
    CREATE POLICY own ON readers.notes USING (tenant = current_setting('app.tenant', true));
    CREATE FUNCTION readers.tenant() RETURNS text LANGUAGE plpgsql AS $$ BEGIN RETURN current_setting('App.Tenant'); END $$;
    CREATE FUNCTION readers.whose() RETURNS text LANGUAGE sql RETURN current_setting('app.user');
    CREATE VIEW readers.mine AS SELECT id FROM readers.notes WHERE tenant = current_setting('app.view')`);
  try {
    const granting = (name: string, more = '') =>
      role(`role: a\nsettings:\n  work_mem: 64MB\n  ${name}: any\nlimits: none\n${more}`);
    const said = async (name: string): Promise<string> => {
      await granting(name);
      return output(await check());
    };
    expect(await said('app.tenant')).toContain(
      'a.yaml:4:3: warning: policy own on readers.notes, function readers.tenant() of the database reads "app.tenant": role "a" may set it as it likes',
    );
    expect(await said('app.school')).toContain('warning: default of readers.notes.tenant of the database reads');
    expect(await said('app.user')).toContain('warning: function readers.whose() of the database reads');
    expect(await said('app.view')).toContain('warning: view readers.mine of the database reads');
    expect(await said('app.ten')).toContain('0 warnings');
    expect(await said('app.tenants')).toContain('0 warnings');
    await granting('app.tenant');
    expect((await check({ strict: true })).exitCode).toBe(1);
    await granting('app.tenant', 'accept: { until: 2999-01-31, reason: the driver signs it }\n');
    expect((await check({ strict: true })).exitCode).toBe(0);
    await database.query(
      "CREATE FUNCTION readers.any(name text) RETURNS text LANGUAGE sql AS $$ SELECT current_setting('app.' || name) $$",
    );
    expect(await said('app.other')).toContain(
      'function readers."any"(text) reads settings with names that cannot be told',
    );
  } finally {
    await database.query('DROP SCHEMA readers CASCADE');
  }
});

test('GRANTs that the upstream account lacks are printed, and suffice', async () => {
  const account = await database.createLogin();
  const config = join(folder, 'lacking.yaml');
  await writeFile(config, `listen: 127.0.0.1:6432\nupstream: { url: "${account.url}" }\n`);
  await role(`role: a
tables:
  classes: { rows: school_id = 1, select: { columns: [id, name] }, update: { columns: [name] }, delete: {} }
  teachers: { select: { columns: "*" }, insert: { columns: "*" } }
sequences: { stamps: [usage, update] }
functions: [public.school_year]
limits: none
`);
  await database.query('REVOKE EXECUTE ON FUNCTION school_year FROM PUBLIC; REVOKE USAGE ON SCHEMA public FROM PUBLIC');
  const lacking = await check({ config });
  expect(lacking.exitCode).toBe(0);
  expect((await check({ config, strict: true })).exitCode).toBe(1);
  const to = `TO "${account.user}"`;
  const grants = [
    `GRANT USAGE ON SCHEMA "public" ${to}`,
    `GRANT SELECT ("id", "name", "tableoid") ON TABLE "public"."classes" ${to}`,
    `GRANT UPDATE ("name") ON TABLE "public"."classes" ${to}`,
    `GRANT DELETE ON TABLE "public"."classes" ${to}`,
    `GRANT SELECT ON TABLE "public"."teachers" ${to}`,
    `GRANT INSERT ON TABLE "public"."teachers" ${to}`,
    `GRANT UPDATE ON SEQUENCE "public"."stamps" ${to}`,
    `GRANT USAGE ON SEQUENCE "public"."stamps" ${to}`,
    `GRANT EXECUTE ON FUNCTION "public"."school_year"("pg_catalog"."date") ${to}`,
  ];
  expect([...lacking.grants].sort()).toEqual(expect.arrayContaining(grants));
  expect(output(lacking)).toContain(`  ${grants[0]};\n`);
  expect(output(lacking)).toContain(
    `account "${account.user}" lacks ${lacking.grants.length} rights that role "a" needs`,
  );
  await database.query(lacking.grants.join('; '));
  expect(await check({ config, strict: true })).toMatchObject({ exitCode: 0, grants: [] });
});
