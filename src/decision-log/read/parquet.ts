/** The index of a closed file: its complete records and their digest in a Parquet file. Trusted only if the reader's own user made it from this very file. */
import { Buffer } from 'node:buffer';
import { createHash } from 'node:crypto';
import { closeSync, fstatSync, openSync, readSync, renameSync, rmSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { writeDigest } from './digest.ts';
import { type Database, duckdbLiteral, openDatabase } from './duckdb.ts';
import { checkWhole } from './file-lines.ts';
import { loadFiles, withChains } from './load.ts';

/** The version of the columns and their meaning: an index with another one is made again. */
const FORM = 1;
/** Small groups, so that a query about one principal reads little else. */
const ROWS_IN_GROUP = 30_720;
/** The end of a plain file contains its last hash; the end of a compressed one, a checksum of everything. */
const END = 64 * 1024;

/** The path of a file's index. @param folder absent: beside the file. */
export function indexPath(file: string, folder = dirname(file)): string {
  return join(folder, `${basename(file)}.parquet`);
}

/** How many lines of the file hold no record, as counted when its index was made; undefined if there is no trustworthy index. */
export async function linesWithoutRecord(db: Database, file: string, index: string): Promise<number | undefined> {
  const found = statSync(index, { throwIfNoEntry: false });
  // Another user could have forged it.
  if (!found?.isFile() || found.uid !== process.getuid?.() || (found.mode & 0o022) !== 0) return undefined;
  const sql = `SELECT decode(key) AS key, decode(value) AS value FROM parquet_kv_metadata(${duckdbLiteral(index)})`;
  const made = new Map((await db.rows<Entry>(sql).catch(() => [])).map(({ key, value }) => [key, value]));
  return made.get('file') === identityOf(file) ? Number(made.get('strange')) : undefined;
}

interface Entry {
  readonly key: string;
  readonly value: string;
}

/** Makes it, and returns the same; undefined if the file changed meanwhile. Throws if it cannot be written, or the file is damaged. */
export async function makeIndex(file: string, index: string): Promise<number | undefined> {
  try {
    return await make(file, index, { memory_limit: '300MB' });
  } catch (error) {
    if (!/\bout of memory\b/i.test(String(error))) throw error;
    return await make(file, index, {});
  }
}

async function make(file: string, index: string, settings: Record<string, string>): Promise<number | undefined> {
  const identity = identityOf(file);
  const making = `${index}.${process.pid}.tmp`;
  const made: string[] = [];
  // One thread reads and writes the parts in their order.
  const db = await openDatabase(true, { threads: '1', ...settings });
  const write = async (query: string, path: string, form: string): Promise<string> => {
    closeSync(openSync(path, 'wx', 0o600));
    made.push(path);
    await db.run(`COPY (${query}) TO ${duckdbLiteral(path)} (FORMAT parquet, USE_TMP_FILE false, ${form})`);
    return path;
  };
  try {
    if (file.endsWith('.gz')) await checkWhole(file);
    const strange = await loadFiles(db, 'loaded', [file]);
    // Step by step over files: a table of all records and its sorting would need gigabytes at once.
    const short = 'COMPRESSION lz4_raw, ROW_GROUP_SIZE 10240';
    const unsorted = await write(withChains('loaded'), `${making}.unsorted`, short);
    await db.run('DROP TABLE loaded');
    const part = (query: string): Promise<string> => write(query, `${making}.${made.length}`, short);
    const records = `read_parquet(${duckdbLiteral(unsorted)})`;
    const sorted = await part(`SELECT * EXCLUDE (filename) FROM ${records} ORDER BY principal, kind, seq`);
    const parts = [sorted, ...(await writeDigest(db, records, part))];
    const all = `SELECT * FROM read_parquet([${parts.map(duckdbLiteral).join(', ')}], union_by_name = true)`;
    const metadata = `KV_METADATA { file: ${duckdbLiteral(identity)}, strange: '${strange}' }`;
    await write(all, making, `COMPRESSION zstd, ROW_GROUP_SIZE ${ROWS_IN_GROUP}, ${metadata}`);
    if (identityOf(file) !== identity) return undefined;
    renameSync(making, index);
    return strange;
  } finally {
    db.close();
    for (const path of made) rmSync(path, { force: true });
  }
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
