/** Tests `rowgate access`, `rowgate catalog dump` and `rowgate compile` as the shell calls them: their output and exit codes. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { register as access } from '../../src/cli/access.ts';
import { register as catalog } from '../../src/cli/catalog.ts';
import { register as check } from '../../src/cli/check.ts';
import { register as compile } from '../../src/cli/compile.ts';
import { runCommand } from '../support/command.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { seedSmall } from '../support/seed.ts';

const POLICIES = join(import.meta.dirname, '../../policies');
let database: FreshDatabase;
let folder: string;
let config: string;
/** Its database is out of reach, and its password is not set. */
let away: string;

beforeAll(async () => {
  database = await freshDatabase();
  await seedSmall(database.url);
  folder = await mkdtemp(join(tmpdir(), 'rowgate-access-'));
  config = join(folder, 'rowgate.yaml');
  away = join(folder, 'away.yaml');
  const rest = `policies: ${JSON.stringify(POLICIES)}\nlog: { file: ./d.jsonl }\n`;
  await writeFile(config, `listen: 127.0.0.1:0\nupstream: { url: "${database.url}" }\n${rest}`);
  await writeFile(away, `listen: 127.0.0.1:0\nupstream: { url: "postgres://u:\${NOT_SET}@127.0.0.1:1/none" }\n${rest}`);
});
afterAll(async () => {
  await rm(folder, { recursive: true });
  await database.drop();
});

const run = (...args: string[]) => runCommand([access, catalog, check, compile], args);

test('the roles that may see a column, as a table', async () => {
  const { stdout, status } = await run('access', 'students.ine', '--config', config);
  expect(status).toBe(0);
  expect(stdout.split('\n').map((line) => line.replace(/ {2,}/g, ' | '))).toEqual([
    'public.students.ine: 2 roles, 2 principals',
    '',
    'role | principals | access | form | rows | rule',
    'dba | dba | unrestricted | whole, and every other table | every | roles/dba.yaml:2',
    'school_office | office | select | as it is | (students.school_id = (:school_id)) | roles/school_office.yaml:13',
    '',
  ]);
});

test('the same as JSON, from a saved catalog, without the database or its password', async () => {
  const saved = join(folder, 'catalog.json');
  expect(await run('catalog', 'dump', '--config', config, '--out', saved)).toEqual({
    stdout: '',
    stderr: '',
    status: 0,
  });
  expect((await run('catalog', 'dump', '--config', config)).stdout).toBe(await readFile(saved, 'utf8'));
  const there = await run('access', 'public.students.birth_date', '--json', '--config', config);
  const here = await run('access', 'students.birth_date', '--json', '--config', away, '--catalog', saved);
  expect(here).toEqual(there);
  const { of, access: list } = JSON.parse(here.stdout);
  expect(of).toBe('public.students.birth_date');
  expect(list).toContainEqual({
    role: 'teacher',
    principals: ['teacher'],
    way: 'select',
    form: expect.stringMatching(/^masked by /),
    rows: ['(students.school_id = (:school_id))'],
    rule: 'roles/teacher.yaml:14',
  });
  const checked = await run('check', '--config', away, '--catalog', saved);
  expect(checked.status).toBe(0);
  expect(checked.stdout).toMatch(
    /7 roles, 7 principals: 0 errors, 1 warning\nunrestricted, nothing is withheld: dba\n$/,
  );
});

test.each([
  [['access', 'nosuch'], /relation "nosuch" does not exist/],
  [['access', 'students.nosuch'], /column "nosuch" of relation "students" does not exist/],
  [['access', 'hr.employee'], /relation "hr.employee" does not exist: schema "hr" does not exist/],
  [['access', 'public.nosuch'], /relation "public.nosuch" does not exist$/m],
  [['access', 'public.nosuch.id'], /relation "public.nosuch" does not exist$/m],
  [['access', 'a.b.c.d'], /is not the name of a table or column/],
  [['compile', '--role', 'nosuch'], /role "nosuch" does not exist/],
])('%j: exit code 2, and why', async (args, why) => {
  const { stdout, stderr, status } = await run(...args, '--config', config);
  expect({ stdout, status }).toEqual({ stdout: '', status: 2 });
  expect(stderr).toMatch(why);
});

test.each([['access', 'students'], ['catalog', 'dump'], ['compile'], ['compile', '--verify']])(
  '%s %s without its database: exit code 2',
  async (...args) => {
    const { status, stderr } = await run(...args.filter((arg) => arg !== undefined), '--config', away);
    expect(status).toBe(2);
    expect(stderr).toMatch(/NOT_SET/);
  },
);

test('compile prints to standard output what is to be run, and the rest beside it', async () => {
  const { stdout, stderr, status } = await run('compile', '--config', config);
  expect(status).toBe(0);
  expect(stdout).toMatch(/^-- The second wall/);
  expect(stderr).toBe('rowgate: role "dba" has no wall: it is unrestricted\n');
  const verified = await run('compile', '--role', 'statistics', '--verify', '--json', '--config', config);
  expect(verified.status).toBe(1);
  expect(JSON.parse(verified.stdout)).toEqual({
    sql: null,
    differences: [{ account: 'rowgate_statistics', kind: 'account', what: 'the role does not exist' }],
    without: [],
    problems: [],
  });
});
