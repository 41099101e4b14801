/** Reads log files into a DuckDB table. */
import { COLUMNS, NAMES, quoted } from './columns.ts';
import { type Database, duckdbLiteral } from './duckdb.ts';
import type { OpenerOf } from './encrypted.ts';
import { linesOf, RecordReader } from './file-lines.ts';

/**
 * Creates the temporary table again from the records of plain files, with `filename`. @returns how many lines hold no record. After an incomplete
 * line that ends in a colon or bracket, DuckDB loses the next record: such a file is read line by line.
 */
export async function loadFiles(db: Database, table: string, files: readonly string[]): Promise<number> {
  await db.run(`CREATE OR REPLACE TEMP TABLE ${table} AS SELECT * FROM ${readJson(files)}`);
  const others = await db.rows<{ filename: string }>(
    `SELECT DISTINCT filename FROM ${table} WHERE time IS NULL OR kind IS NULL`,
  );
  let strange = 0;
  for (const { filename } of others) {
    await db.run(`DELETE FROM ${table} WHERE filename = ${duckdbLiteral(filename)}`);
    strange += await loadLines(db, table, filename);
  }
  return strange;
}

/** Adds a file that may be encrypted to an existing table. */
export async function loadLines(db: Database, table: string, file: string, openerOf?: OpenerOf): Promise<number> {
  const reader = new RecordReader(file, openerOf);
  await db.run('CREATE OR REPLACE TEMP TABLE lines (line VARCHAR)');
  await db.append('lines', recordsIn(file, reader));
  await db.run(`INSERT INTO ${table} BY NAME SELECT * FROM
    (SELECT unnest(from_json(line, ${duckdbLiteral(JSON.stringify(COLUMNS))})), ${duckdbLiteral(file)} AS filename FROM lines)`);
  await db.run('DROP TABLE lines');
  return reader.strange;
}

/** Creates the table with all columns of `columns.ts`. */
export async function makeTable(db: Database, table: string): Promise<void> {
  const columns = Object.entries(COLUMNS).map(([name, type]) => `${quoted(name)} ${type}`);
  await db.run(`CREATE OR REPLACE TEMP TABLE ${table} (${columns.join(', ')}, filename VARCHAR)`);
}

/** A query of the table's records, each with its file's chain, which the first segment and each seal contain. */
export function withChains(table: string): string {
  const columns = NAMES.map((name) => (name === 'chain' ? 'coalesce(c.chain, r.chain) AS chain' : `r.${quoted(name)}`));
  return `SELECT ${columns.join(', ')}, r.filename FROM ${table} AS r LEFT JOIN (
      SELECT filename, min(chain) AS chain FROM ${table} WHERE kind IN ('segment', 'seal') GROUP BY filename
    ) AS c ON r.filename = c.filename WHERE r.time IS NOT NULL AND r.kind IS NOT NULL`;
}

/** Incomplete lines and other text have no `time`, and cause no error. @param paths plain or `.gz` */
function readJson(paths: readonly string[]): string {
  const files = paths.map((path) => duckdbLiteral(exactly(path))).join(', ');
  const columns = Object.entries(COLUMNS)
    .map(([name, type]) => `${quoted(name)}: ${duckdbLiteral(type)}`)
    .join(', ');
  return `read_json([${files}], format = 'newline_delimited', ignore_errors = true, filename = true, columns = {${columns}})`;
}

/** The path with pattern characters escaped. */
function exactly(path: string): string {
  return path.replace(/[[*?]/g, (character) => `[${character}]`);
}

async function* recordsIn(file: string, reader: RecordReader): AsyncGenerator<string> {
  for await (const lines of linesOf(file)) {
    for (const record of await reader.read(lines)) yield JSON.stringify(record);
  }
}
