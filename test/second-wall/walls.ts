/** Walls in tests: compiled from a policies folder for a database, and applied as its DBA would. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Compiled, type CompileOptions, compileWalls } from '../../src/cli/compile.ts';
import { loadParser } from '../../src/sql/parse/parse.ts';
import { type FreshDatabase, serverVersion } from '../support/postgres.ts';

export interface WallsInTest {
  readonly config: string;
  compile(options?: Partial<CompileOptions>): Promise<Compiled>;
  /** Compiles and runs what was printed, in one transaction. */
  apply(options?: Partial<CompileOptions>): Promise<string>;
  end(): Promise<void>;
}

export interface WallsOptions {
  readonly policies: string;
  /** By Rowgate role. */
  readonly logins?: Readonly<Record<string, { readonly user: string; readonly password: string }>>;
  /** Further lines of `rowgate.yaml`. */
  readonly configuration?: string;
}

export async function wallsOf(database: FreshDatabase, options: WallsOptions): Promise<WallsInTest> {
  await loadParser();
  // Before 15 everyone might create there: what is printed says so, and so does --verify until a DBA took it away.
  if (serverVersion() < 15) await database.query('REVOKE CREATE ON SCHEMA public FROM PUBLIC');
  const folder = await mkdtemp(join(tmpdir(), 'rowgate-walls-'));
  const config = join(folder, 'rowgate.yaml');
  const logins = Object.entries(options.logins ?? {}).map(([role, { user, password }]) => [role, { user, password }]);
  const upstream = { url: database.url, logins: Object.fromEntries(logins) };
  await writeFile(
    config,
    `listen: 127.0.0.1:0
upstream: ${JSON.stringify(upstream)}
policies: ${JSON.stringify(options.policies)}
log: { file: ./d.jsonl }
time_zone: UTC
${options.configuration ?? ''}
`,
  );
  const compile = (more: Partial<CompileOptions> = {}) => compileWalls({ config, ...more });
  return {
    config,
    compile,
    async apply(more = {}) {
      const { sql, problems } = await compile(more);
      if (sql === undefined) throw new Error(problems.join('\n'));
      const client = await database.connect();
      await client.query('BEGIN');
      await client.query(sql);
      await client.query('COMMIT');
      return sql;
    },
    end: () => rm(folder, { recursive: true, force: true }),
  };
}

/** Logins for the accounts of walls, which are made before: unique on the server that all tests share. */
export async function loginsFor(
  database: FreshDatabase,
  roles: readonly string[],
): Promise<Record<string, { user: string; password: string; url: string }>> {
  const logins: Record<string, { user: string; password: string; url: string }> = {};
  for (const role of roles) logins[role] = await database.createLogin();
  return logins;
}
