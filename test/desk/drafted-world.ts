/** Databases with their own logins, what `rowgate init` drafts of them, and a comparison: each login could do the same before as it can through a guard under the drafted role. */
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import pino from 'pino';
import { expect } from 'vitest';
import { startGuard } from '../../src/app/run-guard.ts';
import { register as init } from '../../src/cli/init.ts';
import { loadConfig } from '../../src/config/load.ts';
import { loadParser } from '../../src/sql/parse/parse.ts';
import { runCommand } from '../support/command.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';

export interface Login {
  readonly user: string;
  readonly password: string;
  readonly url: string;
}

export interface Drafted {
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

/** A database with two logins, and the folder of its draft. */
export class World {
  folder!: string;
  database!: FreshDatabase;
  logins: Record<'clerk' | 'auditor', Login> = {} as never;

  /** @param sql makes the database; `:clerk` and `:auditor` stand for the logins. */
  async open(sql: string): Promise<void> {
    await loadParser();
    this.database = await freshDatabase();
    this.folder = await mkdtemp(join(tmpdir(), 'rowgate-init-'));
    this.logins = { clerk: await this.database.createLogin(), auditor: await this.database.createLogin() };
    await this.query(sql);
    // A dump sets search_path for itself.
    await this.query('RESET ALL');
  }

  async query(sql: string): Promise<void> {
    await this.database.query(sql.replace(/:(clerk|auditor)\b/g, (_, name: 'clerk') => this.logins[name].user));
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

  /** Asserts what `outcomes` tell of each login by itself, behind a guard under observe, and under enforce. @param most statements, spread over all tables. */
  async staysTheSame(drafted: Drafted, most = Number.POSITIVE_INFINITY): Promise<void> {
    const all = await probes(this.database);
    const each = Math.max(1, Math.ceil(all.length / most));
    const statements = all.filter((_, at) => at % each === 0);
    const before = new Map<string, Map<string, string>>();
    for (const { user, url } of Object.values(this.logins)) before.set(user, await outcomes(url, statements));
    await this.applied();
    for (const mode of ['observe', 'enforce']) {
      await this.setMode(mode);
      const { config, problems } = loadConfig(this.config(), {});
      expect(problems ?? []).toEqual([]);
      const guard = await startGuard(config!, pino({ level: 'silent' }));
      try {
        for (const { user } of Object.values(this.logins)) {
          const password = drafted.passwords[user]!;
          const url = `postgres://${user}:${password}@127.0.0.1:${guard.address.port}/${this.database.name}`;
          const after = await outcomes(url, statements);
          const left = drafted.roles.find(({ login }) => login === user)?.left ?? [];
          const withheld = left.flatMap((one) => /^table (\S+) is withheld/.exec(one)?.[1] ?? []);
          const changed = statements
            .filter(({ table }) => mode === 'observe' || !withheld.includes(table))
            .map(({ sql }) => ({ sql, before: before.get(user)!.get(sql), after: after.get(sql) }))
            .filter((one) => one.before !== one.after && !(mode === 'enforce' && isHidden(one, left)));
          expect(changed, `${user}, ${mode}`).toEqual([]);
          if (mode === 'observe') continue;
          const shown = statements.filter(({ sql, table }) => withheld.includes(table) && after.get(sql) !== 'denied');
          expect(shown).toEqual([]);
        }
      } finally {
        await guard.stop();
      }
    }
  }
}

/** init has said it: an update that would hide the row from its writer is refused. */
function isHidden(
  { sql, after }: { readonly sql: string; readonly after: string | undefined },
  left: readonly string[],
): boolean {
  const table = /^UPDATE (\S+)/.exec(sql)?.[1];
  return after === 'denied' && left.includes(`UPDATE of ${table}: new rows must pass the policies for SELECT too`);
}

/** No right, no such name; and what no account could do: views that cannot be written, columns that are always generated. */
const CANNOT = /^(42501|42P01|42703|3F000|55000|0A000|428C9)$/;

/** The result of a statement: its rows or their number, `denied`, or another error's code. */
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

/** Each command on each table and column of the whole database. */
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

export async function outcomes(url: string, statements: readonly { sql: string }[]): Promise<Map<string, string>> {
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
