/** The index of a closed file: its records, whole, in a Parquet file. Believed only where it was made from the very file, by whoever reads it. */
import { Buffer } from 'node:buffer';
import { createHash } from 'node:crypto';
import { closeSync, fstatSync, openSync, readSync, renameSync, rmSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { type Database, literal } from './duckdb.ts';
import { checkWhole } from './file-lines.ts';
import { loadFiles, withChains } from './load.ts';

/** Of the columns and what stands in them: an index of another form is made anew. */
const FORM = 7;
/** Small, so that of one principal only its own are read. */
const ROWS_IN_GROUP = 30_720;
/** The last hash of a plain file stands in it; of a compressed one, the checksum of all that it holds. */
const END = 64 * 1024;

/** Where the index of a file belongs. @param folder beside the file itself where absent. */
export function indexPath(file: string, folder = dirname(file)): string {
  return join(folder, `${basename(file)}.parquet`);
}

/** True where there is an index that may be believed. */
export async function isIndexed(db: Database, file: string, index: string): Promise<boolean> {
  const found = statSync(index, { throwIfNoEntry: false });
  // Others could have written what they like.
  if (!found?.isFile() || found.uid !== process.getuid?.() || (found.mode & 0o022) !== 0) return false;
  const sql = `SELECT decode(value) AS value FROM parquet_kv_metadata(${literal(index)}) WHERE decode(key) = 'file'`;
  const [made] = await db.rows<{ value: string }>(sql).catch(() => []);
  return made?.value === identityOf(file);
}

/** Makes it. False where the file changed meanwhile. Throws where it cannot be written, or the file is damaged. */
export async function makeIndex(db: Database, file: string, index: string): Promise<boolean> {
  const identity = identityOf(file);
  const making = `${index}.${process.pid}.tmp`;
  closeSync(openSync(making, 'wx', 0o600));
  try {
    if (file.endsWith('.gz')) await checkWhole(file);
    const strange = await loadFiles(db, 'indexed', [file]);
    await db.run(`COPY (SELECT * FROM (${withChains('indexed')}) ORDER BY principal, kind, seq) TO ${literal(making)}
      (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE ${ROWS_IN_GROUP}, USE_TMP_FILE false, KV_METADATA { file: ${literal(identity)}, strange: '${strange}' })`);
    if (identityOf(file) !== identity) return false;
    renameSync(making, index);
    return true;
  } finally {
    rmSync(making, { force: true });
    await db.run('DROP TABLE IF EXISTS indexed');
  }
}

/** Lines without a record, as they were counted when the indexes were made. */
export async function strangeIn(db: Database, indexes: readonly string[]): Promise<number> {
  let strange = 0;
  for (const index of indexes) {
    const [row] = await db.rows<{ strange: number }>(
      `SELECT decode(value)::BIGINT AS strange FROM parquet_kv_metadata(${literal(index)}) WHERE decode(key) = 'strange'`,
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
