/**
 * The records of a log as a DuckDB table `records`: closed files through their indexes, all others directly. `fresh` has those of the others alone, `digests`
 * the digests of closed files, with `index`, the path of the index, and `events` records of kinds that are few.
 */
import { NAMES, quoted } from './columns.ts';
import { DIGEST_COLUMNS, IS_EVENT } from './digest.ts';
import { type Database, duckdbLiteral, openDatabase } from './duckdb.ts';
import { isEncrypted, NoIdentity, type OpenerOf } from './encrypted.ts';
import { checkWhole, segmentOf } from './file-lines.ts';
import { indexesOf } from './indexes.ts';
import { loadFiles, loadLines, makeTable, withChains } from './load.ts';
import type { Chain } from './log-files.ts';

export interface SourceOptions {
  readonly chains: readonly Chain[];
  /** A folder for indexes; absent: beside the files. */
  readonly indexes?: string | undefined;
  /** False: reads all files directly, and makes no index. */
  readonly indexed: boolean;
  /** For encrypted files, which are never indexed. */
  readonly openerOf?: OpenerOf | undefined;
  /** Told of problems that are not fatal. */
  readonly notice: (message: string) => void;
}

export interface RecordTable {
  readonly db: Database;
  /** Paths of the indexes. */
  readonly indexes: readonly string[];
  readonly files: readonly string[];
  /** Lines without a record, which were skipped. */
  readonly strange: number;
  close(): void;
}

/** Opens the log for reports. Throws NoDuckDB, NoIdentity, Damaged, or why a file cannot be read. */
export async function openSource(options: SourceOptions): Promise<RecordTable> {
  const files = options.chains.flat();
  const plain: string[] = [];
  const encrypted: string[] = [];
  for (const file of files) {
    const segment = await segmentOf(file);
    (segment && isEncrypted(segment) ? encrypted : plain).push(file);
  }
  if (encrypted.length > 0 && !options.openerOf) {
    throw new NoIdentity(`${encrypted[0]} is encrypted: --identity FILE names the key that opens it`);
  }
  // Decrypted records must not be written to disk.
  const db = await openDatabase(encrypted.length === 0);
  try {
    const { indexes, strange: inIndexes } = options.indexed ? await indexesOf(db, plain, options) : NO_INDEXES;
    const asTheyAre = plain.filter((file) => !indexes.has(file));
    for (const file of asTheyAre.filter((each) => each.endsWith('.gz'))) await checkWhole(file);
    const strange = inIndexes + (await makeRecords(db, [...indexes.values()], asTheyAre, encrypted, options.openerOf));
    return {
      db,
      indexes: [...indexes.values()],
      files,
      strange,
      close: () => db.close(),
    };
  } catch (error) {
    db.close();
    throw error;
  }
}

const NO_INDEXES = { indexes: new Map<string, string>(), strange: 0 };

/** Returns how many lines of the files that are read hold no record. */
async function makeRecords(
  db: Database,
  indexes: readonly string[],
  plain: readonly string[],
  encrypted: readonly string[],
  openerOf: OpenerOf | undefined,
): Promise<number> {
  const names = NAMES.map(quoted).join(', ');
  let strange = 0;
  if (indexes.length + plain.length + encrypted.length === 0) throw new Error('there is no file of that log');
  if (plain.length > 0) strange += await loadFiles(db, 'loaded', plain);
  else await makeTable(db, 'loaded');
  for (const file of encrypted) strange += await loadLines(db, 'loaded', file, openerOf);
  await db.run(`CREATE TEMP VIEW fresh AS ${withChains('loaded')}`);
  const indexed = indexes.length === 0 ? '' : `UNION ALL ${recordsOf(indexes)}`;
  await db.run(`CREATE TEMP VIEW records AS SELECT ${names} FROM fresh ${indexed}`);
  await db.run(`CREATE TEMP VIEW digests AS ${digestsOf(indexes)}`);
  await db.run(
    `CREATE TEMP VIEW events AS SELECT ${names} FROM fresh WHERE ${IS_EVENT} UNION ALL SELECT ${names} FROM digests WHERE digest = 'event'`,
  );
  return strange;
}

/** A query of the records in these indexes. */
export function recordsOf(indexes: readonly string[]): string {
  return `SELECT ${NAMES.map(quoted).join(', ')} FROM ${reading(indexes)} WHERE digest IS NULL`;
}

/** A query of their digests. */
function digestsOf(indexes: readonly string[]): string {
  if (indexes.length > 0) return `SELECT * FROM ${reading(indexes)} WHERE digest IS NOT NULL`;
  const none = Object.entries(DIGEST_COLUMNS).map(([name, type]) => `CAST(NULL AS ${type}) AS ${name}`);
  return `SELECT * EXCLUDE (filename), ${none.join(', ')}, CAST(NULL AS VARCHAR) AS index FROM fresh WHERE false`;
}

export function reading(indexes: readonly string[]): string {
  return `read_parquet([${indexes.map(duckdbLiteral).join(', ')}], filename = 'index')`;
}
