/** The index of a closed file: its complete records and their digest in a Parquet file. Trusted only if the reader's own user made it from this very file. */
import { Buffer } from 'node:buffer';
import { createHash } from 'node:crypto';
import { closeSync, fstatSync, openSync, readSync, renameSync, rmSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { makeDigest } from './digest.ts';
import { type Database, duckdbLiteral } from './duckdb.ts';
import { checkWhole } from './file-lines.ts';
import { loadFiles, withChains } from './load.ts';

/** The version of the columns and their meaning: an index with another one is made again. */
const FORM = 8;
/** Small groups, so that a query about one principal reads little else. */
const ROWS_IN_GROUP = 30_720;
/** The end of a plain file contains its last hash; the end of a compressed one, a checksum of everything. */
const END = 64 * 1024;

/** The path of a file's index. @param folder absent: beside the file. */
export function indexPath(file: string, folder = dirname(file)): string {
  return join(folder, `${basename(file)}.parquet`);
}

/** True if there is a trustworthy index. */
export async function isIndexed(db: Database, file: string, index: string): Promise<boolean> {
  const found = statSync(index, { throwIfNoEntry: false });
  // Another user could have forged it.
  if (!found?.isFile() || found.uid !== process.getuid?.() || (found.mode & 0o022) !== 0) return false;
  const sql = `SELECT decode(value) AS value FROM parquet_kv_metadata(${duckdbLiteral(index)}) WHERE decode(key) = 'file'`;
  const [made] = await db.rows<{ value: string }>(sql).catch(() => []);
  return made?.value === identityOf(file);
}

/** Makes it. False if the file changed meanwhile. Throws if it cannot be written, or the file is damaged. */
export async function makeIndex(db: Database, file: string, index: string): Promise<boolean> {
  const identity = identityOf(file);
  const making = `${index}.${process.pid}.tmp`;
  const unsorted = `${making}.unsorted`;
  for (const path of [making, unsorted]) closeSync(openSync(path, 'wx', 0o600));
  try {
    if (file.endsWith('.gz')) await checkWhole(file);
    const strange = await loadFiles(db, 'loaded', [file]);
    // Step by step over files: a table of all records and its sorting would need gigabytes at once.
    await db.run(
      `COPY (${withChains('loaded')}) TO ${duckdbLiteral(unsorted)} (FORMAT parquet, COMPRESSION lz4_raw, ROW_GROUP_SIZE 10240, USE_TMP_FILE false)`,
    );
    await db.run('DROP TABLE loaded');
    await makeDigest(db, `read_parquet(${duckdbLiteral(unsorted)})`, 'digested');
    const all = `SELECT * FROM digested UNION ALL BY NAME SELECT * EXCLUDE (filename) FROM read_parquet(${duckdbLiteral(unsorted)})`;
    await db.run(`COPY (SELECT * FROM (${all}) ORDER BY digest NULLS FIRST, subject, person, principal, kind, seq) TO ${duckdbLiteral(making)}
      (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE ${ROWS_IN_GROUP}, USE_TMP_FILE false, KV_METADATA { file: ${duckdbLiteral(identity)}, strange: '${strange}' })`);
    if (identityOf(file) !== identity) return false;
    renameSync(making, index);
    return true;
  } finally {
    for (const path of [making, unsorted]) rmSync(path, { force: true });
    for (const table of ['loaded', 'digested']) await db.run(`DROP TABLE IF EXISTS ${table}`);
  }
}

/** Lines without a record, as counted when the indexes were made. */
export async function linesWithoutRecord(db: Database, indexes: readonly string[]): Promise<number> {
  let strange = 0;
  for (const index of indexes) {
    const [row] = await db.rows<{ strange: number }>(
      `SELECT decode(value)::BIGINT AS strange FROM parquet_kv_metadata(${duckdbLiteral(index)}) WHERE decode(key) = 'strange'`,
    );
    strange += row?.strange ?? 0;
  }
  return strange;
}

function identityOf(file: string): string {
  const fd = openSync(file, 'r');
  try {
    const { size, mtimeMs } = fstatSync(fd);
    const end = Buffer.alloc(Math.min(END, size));
    readSync(fd, end, 0, end.length, size - end.length);
    return createHash('sha256').update(`${FORM}\n${size}\n${mtimeMs}\n`).update(end).digest('base64url');
  } finally {
    closeSync(fd);
  }
}
