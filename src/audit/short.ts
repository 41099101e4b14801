/** Records of plain files as they are written, in the temporary table `short`. */
import { type Database, literal } from './duckdb.ts';
import { readJson, readLines } from './expanded.ts';
import { linesOf, RecordReader } from './lines.ts';

/**
 * Makes the table anew. @returns how many lines hold no record. INVARIANT: DuckDB loses the record behind a torn line that ends in a colon or
 * a bracket: a file with a line that holds none is read line by line.
 */
export async function loadShort(db: Database, files: readonly string[]): Promise<number> {
  await db.run(`CREATE OR REPLACE TEMP TABLE short AS SELECT * FROM ${readJson(files)}`);
  const torn = await db.rows<{ filename: string }>(
    'SELECT DISTINCT filename FROM short WHERE time IS NULL OR kind IS NULL',
  );
  let strange = 0;
  for (const { filename } of torn) {
    const reader = new RecordReader(filename, undefined);
    await db.run('CREATE OR REPLACE TEMP TABLE lines (line VARCHAR)');
    await db.append('lines', clearLines(filename, reader));
    await db.run(`DELETE FROM short WHERE filename = ${literal(filename)}`);
    await db.run(`INSERT INTO short BY NAME SELECT * FROM ${readLines('lines', filename)}`);
    await db.run('DROP TABLE lines');
    strange += reader.strange;
  }
  return strange;
}

/** The records of a file, decrypted where they are encrypted. */
export async function* clearLines(file: string, reader: RecordReader): AsyncGenerator<string> {
  for await (const lines of linesOf(file)) {
    for (const record of await reader.read(lines)) yield JSON.stringify(record);
  }
}
