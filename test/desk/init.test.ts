/** `rowgate init` on databases with logins of their own: what each could do before, it can do through a guard under the drafted role, and no more. */
import { readFileSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import pino from 'pino';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startGuard } from '../../src/app/run-guard.ts';
import { register as check } from '../../src/cli/check.ts';
import { register as init } from '../../src/cli/init.ts';
import { loadConfig } from '../../src/config/load.ts';
import { loadParser } from '../../src/sql/parse/parse.ts';
import { runCommand } from '../support/command.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';

interface Login {
  readonly user: string;
  readonly password: string;
  readonly url: string;
}

interface Drafted {
  readonly roles: readonly { readonly login: string; readonly left: readonly string[] }[];
  readonly subjects: readonly {
    readonly name: string;
    readonly keys: readonly string[];
    readonly categories: Readonly<Record<string, readonly string[]>>;
  }[];
  readonly candidates: readonly string[];
  readonly passwords: Readonly<Record<string, string>>;
  readonly alterRoles: readonly string[];
  readonly created: readonly string[];
  readonly extended: readonly string[];
}

class World {
  folder!: string;
  database!: FreshDatabase;
  logins: Record<'clerk' | 'auditor', Login> = {} as never;

  async open(schema: string): Promise<void> {
    await loadParser();
    this.database = await freshDatabase();
    this.folder = await mkdtemp(join(tmpdir(), 'rowgate-init-'));
    this.logins = { clerk: await this.database.createLogin(), auditor: await this.database.createLogin() };
    const text = readFileSync(join(import.meta.dirname, 'schemas', `${schema}.sql`), 'utf8');
    await this.database.query(text.replace(/:(clerk|auditor)\b/g, (_, name: 'clerk') => this.logins[name].user));
  }

  async close(): Promise<void> {
    await this.database.query(
      `DROP OWNED BY ${Object.values(this.logins)
        .map(({ user }) => user)
        .join(', ')} CASCADE`,
    );
    await this.database.query(`DROP OWNED BY "${this.account}"; DROP ROLE "${this.account}"`).catch(() => {});
    await this.database.drop();
    await rm(this.folder, { recursive: true, force: true });
  }

  async init(...options: string[]): Promise<Drafted> {
    const said = await runCommand(
      [init],
      ['init', '--url', this.database.url, '--dir', this.folder, '--json', ...options],
    );
    expect(said).toMatchObject({ status: 0, stderr: '' });
    return JSON.parse(said.stdout) as Drafted;
  }

  config(): string {
    return join(this.folder, 'rowgate.yaml');
  }

  text(path: string): Promise<string> {
    return readFile(join(this.folder, path), 'utf8');
  }

  /** Roles are the server's: no two tests have the account of the same name. */
  private account = 'rowgate';

  /** Runs upstream.sql, as its reader does. */
  async applied(): Promise<void> {
    this.account = `rowgate_${this.database.name}`;
    await this.database.query((await this.text('upstream.sql')).replaceAll('"rowgate"', `"${this.account}"`));
    const config = (await this.text('rowgate.yaml')).replace('//rowgate:', `//${this.account}:`);
    await writeFile(this.config(), config.replace('127.0.0.1:6432', '127.0.0.1:0'));
  }

  async setMode(mode: string): Promise<void> {
    for (const file of await readdir(join(this.folder, 'policies/roles'))) {
      const path = `policies/roles/${file}`;
      await writeFile(join(this.folder, path), (await this.text(path)).replace(/^mode: .*$/m, `mode: ${mode}`));
    }
  }
}

/** No right, no such name; and what no account could do: views that cannot be written, columns that are always generated. */
const CANNOT = /^(42501|42P01|42703|3F000|55000|0A000|428C9)$/;

/** What a statement does, without what it leaves: its rows or their number, `denied`, or another error's code. */
async function outcome(client: pg.Client, sql: string): Promise<string> {
  await client.query('BEGIN');
  try {
    const { rows, rowCount, command } = await client.query({ text: sql, rowMode: 'array' });
    return command === 'SELECT' ? JSON.stringify(rows.map((row) => JSON.stringify(row)).sort()) : `${rowCount} rows`;
  } catch (error) {
    const { code = '' } = error as { code?: string };
    return CANNOT.test(code) ? 'denied' : code;
  } finally {
    await client.query('ROLLBACK');
  }
}

/** Each command on each table and column, and each function, of the whole database. */
async function probes(database: FreshDatabase): Promise<{ sql: string; table: string }[]> {
  const columns =
    await database.query(`SELECT c.oid::regclass::text AS table, quote_ident(a.attname) AS column, c.relkind AS kind
    FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'p', 'v', 'm') AND n.nspname !~ '^pg_|^information' ORDER BY 1, 2`);
  const found = columns.flatMap(({ table, column, kind }) => {
    const reads = [`SELECT ${column} FROM ${table}`, `SELECT count(*) FROM ${table} WHERE ${column} IS NULL`];
    const writes = [
      `UPDATE ${table} SET ${column} = NULL`,
      `INSERT INTO ${table} (${column}) VALUES (DEFAULT)`,
      `DELETE FROM ${table} WHERE ${column} IS NOT NULL`,
    ];
    return [...reads, ...(kind === 'm' ? [] : writes)].map((sql) => ({ sql, table: String(table) }));
  });
  const tables = [...new Set(columns.filter(({ kind }) => kind !== 'm').map(({ table }) => String(table)))];
  return [...found, ...tables.map((table) => ({ sql: `DELETE FROM ${table}`, table }))];
}

async function outcomes(url: string, statements: readonly { sql: string }[]): Promise<Map<string, string>> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const found = new Map<string, string>();
    for (const { sql } of statements) found.set(sql, await outcome(client, sql));
    return found;
  } finally {
    await client.end();
  }
}

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
  beforeAll(() => world.open(schema));
  afterAll(() => world.close());

  /** What init has said: an update that would hide the row from its writer is refused. */
  const isHidden = (
    { sql, after }: { readonly sql: string; readonly after: string | undefined },
    user: string,
  ): boolean => {
    const left = drafted.roles.find(({ login }) => login === user)?.left ?? [];
    const table = /^UPDATE (\S+)/.exec(sql)?.[1];
    return after === 'denied' && left.includes(`UPDATE of ${table}: new rows must pass the policies for SELECT too`);
  };

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

  test('what each login could do before, it can do under observe and under enforce, and no more', async () => {
    const statements = await probes(world.database);
    const before = new Map<string, Map<string, string>>();
    for (const { user, url } of Object.values(world.logins)) before.set(user, await outcomes(url, statements));
    await world.applied();
    for (const mode of ['observe', 'enforce']) {
      await world.setMode(mode);
      const { config, problems } = loadConfig(world.config(), {});
      expect(problems ?? []).toEqual([]);
      const guard = await startGuard(config!, pino({ level: 'silent' }));
      try {
        for (const { user } of Object.values(world.logins)) {
          const password = drafted.passwords[user]!;
          const url = `postgres://${user}:${password}@127.0.0.1:${guard.address.port}/${world.database.name}`;
          const after = await outcomes(url, statements);
          const withheld = (drafted.roles.find(({ login }) => login === user)?.left ?? []).flatMap(
            (left) => /^table (\S+) is withheld/.exec(left)?.[1] ?? [],
          );
          const changed = statements
            .filter(({ table }) => mode === 'observe' || !withheld.includes(table))
            .map(({ sql }) => ({ sql, before: before.get(user)!.get(sql), after: after.get(sql) }))
            .filter((one) => one.before !== one.after && !(mode === 'enforce' && isHidden(one, user)));
          expect(changed, `${user}, ${mode}`).toEqual([]);
          if (mode === 'observe') continue;
          const shown = statements.filter(({ sql, table }) => withheld.includes(table) && after.get(sql) !== 'denied');
          expect(shown).toEqual([]);
        }
      } finally {
        await guard.stop();
      }
    }
    const said = await runCommand([check], ['check', '--config', world.config()]);
    expect(said.stdout).toContain(' 0 errors');
  });
});

describe('passwords', () => {
  const world = new World();
  beforeAll(() => world.open('shop'));
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
