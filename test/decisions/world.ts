/** The databases of the golden cases: the real one, and for each restricted role a copy with only what the role may see. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';

/** Runs cases on one database, always from the same state. */
export interface Bench {
  /** `after`: what is read when it has run, before it is undone. */
  run(sql: string, parameters?: readonly string[], after?: readonly string[]): Promise<Ran>;
  end(): Promise<void>;
}

export interface Result {
  readonly command: string;
  /** Rows returned or changed, as the tag says. */
  readonly count: number | null;
  /** Name and type of each column. */
  readonly columns: readonly string[];
  readonly modifiers: readonly number[];
  readonly rows: readonly (string | null)[][];
  /** Table OID and column number behind each column, 0 without one. */
  readonly origins: readonly { readonly table: number; readonly column: number }[];
}

export type Ran =
  | { readonly results: readonly Result[]; readonly copied: string; readonly after: readonly (readonly string[])[] }
  | { readonly sqlstate: string; readonly message: string; readonly everything: string };

const read = (file: string): string => readFileSync(join(import.meta.dirname, file), 'utf8');

/** The database as it is. */
export async function realDatabase(): Promise<FreshDatabase> {
  const database = await freshDatabase();
  await database.query(read('schema.sql'));
  await database.query(read('writes.sql'));
  await database.query(read('schema-library.sql'));
  return database;
}

/** The database with crowds of rows that the teacher may not see. */
export async function crowdedDatabase(): Promise<FreshDatabase> {
  const database = await realDatabase();
  await database.query(read('crowd.sql'));
  return database;
}

/** The database as the role would know it, made by the role's part of `copies.sql`; undefined for a role without one. */
export async function copyFor(role: string): Promise<FreshDatabase | undefined> {
  const part = read('copies.sql')
    .split(/^-- role: /m)
    .find((text) => text.startsWith(`${role}\n`));
  if (part === undefined) return undefined;
  const database = await realDatabase();
  await database.query('CREATE SCHEMA raw; ALTER SCHEMA archive RENAME TO raw_archive; CREATE SCHEMA archive');
  await database.query('ALTER SCHEMA annex RENAME TO raw_annex; CREATE SCHEMA annex');
  const tables = await database.query<{ name: string }>(
    `SELECT oid::regclass::text AS name FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v', 'm', 'f')`,
  );
  for (const { name } of tables) await database.query(`ALTER TABLE ${name} SET SCHEMA raw`);
  await database.query(part.slice(part.indexOf('\n')));
  await database.query('SET client_min_messages = warning; DROP SCHEMA raw, raw_archive, raw_annex CASCADE');
  return database;
}

/** The session settings that the guard pins, so that text without schemas means the same on both sides. What runs too long fails alone. */
const PINNED =
  '-c search_path=public -c TimeZone=UTC -c DateStyle=ISO -c standard_conforming_strings=on -c statement_timeout=20s';

/** `as`: the role of the server as which everything runs; without it, the superuser. */
export async function bench(database: FreshDatabase, as?: string): Promise<Bench> {
  const client = new pg.Client({ connectionString: database.url, options: as ? `${PINNED} -c role=${as}` : PINNED });
  client.on('error', () => {});
  await client.connect();
  const types = await typeNames(client);
  let copied = '';
  client.connection.on('copyData', ({ chunk }: { chunk: Buffer }) => {
    copied += chunk.toString('utf8');
  });
  return {
    async run(sql, parameters, after = []) {
      const undo = /\b(insert|update|delete|merge)\b/i.test(sql);
      copied = '';
      try {
        if (undo) await client.query('BEGIN');
        const outcome: unknown = await client.query({
          text: sql,
          rowMode: 'array',
          types: { getTypeParser: () => (value: string) => value },
          ...(parameters && { values: [...parameters] }),
        });
        const results = (Array.isArray(outcome) ? outcome : [outcome]) as pg.QueryArrayResult<(string | null)[]>[];
        const read: string[][] = [];
        if (as && after.length > 0) await client.query('SET ROLE postgres');
        for (const text of after) {
          const { rows } = await client.query({ text, rowMode: 'array' });
          read.push(rows.map((row) => JSON.stringify(row)).sort());
        }
        return { results: results.map((result) => asResult(result, types)), copied, after: read };
      } catch (error) {
        if (!(error instanceof pg.DatabaseError)) throw error;
        return {
          sqlstate: error.code ?? '',
          message: error.message,
          everything: JSON.stringify(error) + error.message,
        };
      } finally {
        await client.query('ROLLBACK');
        await client.query('DISCARD ALL');
      }
    },
    end: () => client.end(),
  };
}

function asResult(result: pg.QueryArrayResult<(string | null)[]>, types: ReadonlyMap<number, string>): Result {
  return {
    command: result.command ?? '',
    count: result.rowCount,
    columns: result.fields.map((f) => `${f.name} ${types.get(f.dataTypeID) ?? f.dataTypeID}`),
    modifiers: result.fields.map((f) => f.dataTypeModifier),
    rows: result.rows,
    origins: result.fields.map((f) => ({ table: f.tableID, column: f.columnID })),
  };
}

/** A row type is `record` where a subquery replaces the table. */
async function typeNames(client: pg.Client): Promise<Map<number, string>> {
  const { rows } = await client.query<{ oid: number; name: string }>(
    `SELECT oid, CASE typtype WHEN 'c' THEN 'record' ELSE format_type(oid, NULL) END AS name FROM pg_type`,
  );
  return new Map(rows.map(({ oid, name }) => [oid, name]));
}
