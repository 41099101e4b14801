/** Tests `rowgate init` on databases with their own logins: what each could do before, it can do through a guard under the drafted role, and no more. */
import { readFileSync } from 'node:fs';
import { readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import pino from 'pino';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { startGuard } from '../../src/app/run-guard.ts';
import { register as check } from '../../src/cli/check.ts';
import { register as init } from '../../src/cli/init.ts';
import { loadConfig } from '../../src/config/load.ts';
import { runCommand } from '../support/command.ts';
import { type Drafted, outcomes, World } from './drafted-world.ts';

const schemaText = (name: string): string => readFileSync(join(import.meta.dirname, 'schemas', `${name}.sql`), 'utf8');

interface Expected {
  readonly keys: readonly string[];
  readonly categories: Readonly<Record<string, string>>;
  readonly candidates: readonly string[];
}

const EXPECTED: Readonly<Record<'shop' | 'rental' | 'cms', Expected>> = {
  shop: {
    keys: ['customer.customer_id', 'invoice.customer_id', 'sales.customer_id'],
    categories: { name: 'customer.last_name', contact: 'customer.email', finance: 'customer.company' },
    candidates: ['employee.employee_id'],
  },
  rental: {
    keys: ['customer', 'rental', 'payment', 'note'].map((table) => `rental.${table}.customer_id`),
    categories: { name: 'rental.customer.last_name', contact: 'rental.customer.email' },
    candidates: [],
  },
  cms: {
    keys: ['Users.ID', 'posts.author', 'comments.commenter', '"odd.name".Users_ID', 'authors.author'],
    categories: { contact: 'Users.user e-mail' },
    candidates: [],
  },
};

describe.each(['shop', 'rental', 'cms'] as const)('%s', (schema) => {
  const world = new World();
  let drafted: Drafted;
  beforeAll(() => world.open(schemaText(schema)));
  afterAll(() => world.close());

  test('check passes on what init writes, and every foreign key to the subject is among its keys', async () => {
    drafted = await world.init();
    const args = ['check', '--config', world.config(), '--catalog', join(world.folder, 'policies/catalog.json')];
    const said = await runCommand([check], args);
    expect(said.stdout).toContain(' 0 errors');
    expect(said.status).toBe(0);
    const { keys, categories, candidates } = EXPECTED[schema];
    const [subject] = drafted.subjects;
    expect(subject?.keys).toEqual(keys);
    expect(drafted.candidates).toEqual(candidates);
    for (const [category, column] of Object.entries(categories))
      expect(subject?.categories[category], category).toContain(column);
    expect((await stat(world.config())).mode & 0o077, 'it holds passwords').toBe(0);
    const [, schemaFile = ''] = /\$schema=(\S+)/.exec(await world.text('policies/subjects.yaml'))!;
    expect(JSON.parse(await world.text(join('policies', schemaFile)))).toHaveProperty('properties.about');
  });

  test('a second run finds nothing missing, and adds what was taken away, and a login that is new', async () => {
    expect(await world.init()).toMatchObject({ created: [], extended: [] });
    const path = 'policies/subjects.yaml';
    const whole = await world.text(path);
    const [first = '', second = ''] = EXPECTED[schema].keys;
    const written = (key: string): string =>
      whole.split('\n').find((line) => line.includes(`- ${key}`) || line.includes(`- '${key}'`))!;
    await writeFile(join(world.folder, path), `# mine\n${whole.replace(`${written(second)}\n`, '')}`);
    expect(await world.init()).toMatchObject({ created: [], extended: [path], passwords: {} });
    const again = await world.text(path);
    expect(again).toMatch(/^# mine\n/);
    expect(again).toContain(written(first));
    expect(again).toContain(second);
    const { user } = await world.database.createLogin();
    await world.database.query(`CREATE TABLE news (id int); GRANT SELECT ON news TO ${user}`);
    const more = await world.init();
    expect(more.created).toEqual([`policies/roles/${user}.yaml`]);
    expect(more.extended).toEqual(['rowgate.yaml', 'policies/principals.yaml', 'upstream.sql']);
    expect(Object.keys(more.passwords)).toEqual([user]);
  });

  test('each login can do the same as before under observe and under enforce, and no more', async () => {
    await world.staysTheSame(drafted);
    const said = await runCommand([check], ['check', '--config', world.config()]);
    expect(said.stdout).toContain(' 0 errors');
  });
});

describe('sequences', () => {
  const world = new World();
  beforeAll(() => world.open(schemaText('shop')));
  afterAll(() => world.close());

  test('are drafted with the rights that each login has, which hold through the guard', async () => {
    await world.query(`CREATE SEQUENCE bills; CREATE SEQUENCE tickets; CREATE SEQUENCE closed;
      GRANT USAGE ON SEQUENCE bills TO :clerk; GRANT SELECT, UPDATE ON SEQUENCE tickets TO :clerk; GRANT SELECT ON SEQUENCE bills TO :auditor`);
    const drafted = await world.init();
    const role = (login: 'clerk' | 'auditor') =>
      parse(readFileSync(join(world.folder, `policies/roles/${world.logins[login].user}.yaml`), 'utf8'));
    expect(role('clerk').sequences).toMatchObject({ bills: ['usage'], tickets: ['select', 'update'] });
    expect(role('auditor').sequences).toEqual({ bills: ['select'] });
    expect(Object.keys(role('clerk').tables)).not.toContain('bills');
    const asked = ['bills', 'tickets', 'closed'].flatMap((name) => [
      { sql: `SELECT nextval('${name}') IS NOT NULL` },
      { sql: `SELECT setval('${name}', 5)` },
      { sql: `SELECT is_called IS NOT NULL FROM ${name}` },
    ]);
    const logins = Object.values(world.logins);
    const before = await Promise.all(logins.map(({ url }) => outcomes(url, asked)));
    await world.applied();
    await world.setMode('enforce');
    const { config } = loadConfig(world.config(), {});
    const guard = await startGuard(config!, pino({ level: 'silent' }));
    try {
      for (const [at, { user }] of logins.entries()) {
        const through = `postgres://${user}:${drafted.passwords[user]}@127.0.0.1:${guard.address.port}/${world.database.name}`;
        expect(await outcomes(through, asked), user).toEqual(before[at]);
      }
    } finally {
      await guard.stop();
    }
  });
});

describe('passwords', () => {
  const world = new World();
  beforeAll(() => world.open(schemaText('shop')));
  afterAll(() => world.close());

  test('are kept with --keep-passwords, and the server is left to Rowgate alone', async () => {
    const drafted = await world.init('--keep-passwords', '--subject', 'buyer=customer.customer_id');
    expect(drafted.passwords).toEqual({});
    expect(drafted.subjects.map(({ name }) => name)).toEqual(['buyer']);
    expect(drafted.alterRoles).toHaveLength(2);
    await world.applied();
    const { config } = loadConfig(world.config(), {});
    const guard = await startGuard(config!, pino({ level: 'silent' }));
    const { user, password, url } = world.logins.auditor;
    try {
      const through = `postgres://${user}:${password}@127.0.0.1:${guard.address.port}/${world.database.name}`;
      const found = await outcomes(through, [{ sql: 'SELECT name FROM artist' }]);
      expect([...found.values()]).toEqual(['["[\\"one\\"]"]']);
    } finally {
      await guard.stop();
    }
    await expect(outcomes(url, []), 'the server knows another now').rejects.toMatchObject({ code: '28P01' });
  });

  test.each([
    [['--subject', 'buyer=custommer.customer_id'], 'relation "custommer" does not exist, did you mean "customer"?'],
    [['--subject', 'customer'], 'expected NAME=TABLE.COLUMN'],
    [['--url', 'mysql://x@y/z'], 'expected postgres://user:password@host:port/database'],
  ])('a wrong call is told: %s', async (options, message) => {
    const folder = join(world.folder, 'nowhere');
    const said = await runCommand([init], ['init', '--url', world.database.url, '--dir', folder, ...options]);
    expect(said).toMatchObject({ status: 2, stdout: '' });
    expect(said.stderr).toContain(message);
    await expect(readdir(folder)).rejects.toMatchObject({ code: 'ENOENT' });
  });
});
