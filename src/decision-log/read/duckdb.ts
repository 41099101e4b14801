/** DuckDB inside this process, to aggregate millions of records. Loaded for reports only, never by a guard. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DuckDBConnection, DuckDBValue } from '@duckdb/node-api';

export type Parameter = string | number | boolean | null;

export interface Database {
  run(sql: string, parameters?: Readonly<Record<string, Parameter>>): Promise<void>;
  /** In SQL, parameters are `$name`; unused ones are ignored. Integers are returned as `number`, NULL as `undefined`, lists as arrays. */
  rows<T>(sql: string, parameters?: Readonly<Record<string, Parameter>>): Promise<T[]>;
  /** Fills a table with one text column, `line`. */
  append(table: string, lines: AsyncIterable<string>): Promise<void>;
  close(): void;
}

/** The package is not installed, or has no binary for this system. */
export class NoDuckDB extends Error {}

let memory: string | undefined;

/** Of databases that are opened from now on in this process: what is more goes to disk, or is an error where it must not. */
export function limitMemory(limit: string): void {
  memory = limit;
}

/**
 * @param spills data that does not fit into memory goes to a folder, which is removed at the end; otherwise it is an error. @param settings of DuckDB, besides
 * its own.
 */
export async function openDatabase(
  spills: boolean,
  settings: Readonly<Record<string, string>> = {},
): Promise<Database> {
  const { DuckDBInstance } = await import('@duckdb/node-api').catch((error: unknown) => {
    throw new NoDuckDB(`reports need the package @duckdb/node-api (npm install @duckdb/node-api)`, { cause: error });
  });
  const spill = spills ? mkdtempSync(join(tmpdir(), 'rowgate-report-')) : undefined;
  const removeSpill = (): void => {
    if (spill !== undefined) rmSync(spill, { recursive: true, force: true });
  };
  process.once('exit', removeSpill);
  const instance = await DuckDBInstance.create(':memory:', {
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
    temp_directory: spill ?? '',
    preserve_insertion_order: 'false',
    // What was needed once goes back to the system.
    allocator_background_threads: 'true',
    allocator_flush_threshold: '16MB',
    // What may not go to disk stays in memory.
    ...(memory !== undefined && spills && { memory_limit: memory }),
    ...settings,
  });
  const connection = await instance.connect();
  // Times are read and computed in UTC; a report's time zone is a parameter.
  await connection.run("SET TimeZone = 'UTC'");
  // The same indexes are read for each part of a report.
  await connection.run('SET parquet_metadata_cache = true');
  return {
    run: async (sql, parameters) => void (await connection.run(sql, usedIn(sql, parameters))),
    rows: async <T>(sql: string, parameters?: Readonly<Record<string, Parameter>>) => {
      const reader = await connection.runAndReadAll(sql, usedIn(sql, parameters));
      return reader.getRowObjectsJS().map((row) => plain(row)) as T[];
    },
    append: (table, lines) => append(connection, table, lines),
    close: () => {
      connection.closeSync();
      instance.closeSync();
      process.removeListener('exit', removeSpill);
      removeSpill();
    },
  };
}

/** An SQL literal, for what cannot be a parameter: file names. */
export function duckdbLiteral(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** DuckDB refuses parameters that the statement does not use. */
function usedIn(sql: string, parameters: Readonly<Record<string, Parameter>> = {}): Record<string, Parameter> {
  return Object.fromEntries(Object.entries(parameters).filter(([name]) => new RegExp(`\\$${name}\\b`).test(sql)));
}

async function append(connection: DuckDBConnection, table: string, lines: AsyncIterable<string>): Promise<void> {
  const appender = await connection.createAppender(table);
  for await (const line of lines) {
    appender.appendVarchar(line);
    appender.endRow();
  }
  appender.closeSync();
}

function plain(value: unknown): unknown {
  if (value === null) return undefined;
  if (typeof value === 'bigint') return Number(value);
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype) {
    return Object.fromEntries(
      Object.entries(value as Record<string, DuckDBValue>).map(([name, each]) => [name, plain(each)]),
    );
  }
  return value;
}
