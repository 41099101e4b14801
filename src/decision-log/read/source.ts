/**
 * The records of a log as a DuckDB table `records`: closed files through their indexes, all others directly. `fresh` has those of the others alone, `digests`
 * the digests of closed files, with `index`, the path of the index, and `events` records of kinds that are few.
 */
import { statSync } from 'node:fs';
import { NAMES, quoted } from './columns.ts';
import { DIGEST_COLUMNS, IS_EVENT } from './digest.ts';
import { type Database, duckdbLiteral, openDatabase } from './duckdb.ts';
import { isEncrypted, NoIdentity, type OpenerOf } from './encrypted.ts';
import { checkWhole, segmentOf } from './file-lines.ts';
import { indexesOf } from './indexes.ts';
import { loadFiles, loadLines, makeTable, withChains } from './load.ts';
import { type Chain, isOpen } from './log-files.ts';

export interface SourceOptions {
  readonly chains: readonly Chain[];
  /** A folder for indexes; absent: beside the files. */
  readonly indexes?: string | undefined;
  /** False: reads all files directly, and makes no index. */
  readonly indexed: boolean;
  /** Makes no index. */
  readonly existing?: boolean;
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

interface Opened {
  readonly source: RecordTable;
  /** Reads the files without an index again. */
  again(): Promise<RecordTable>;
}

interface Ahead {
  readonly options: SourceOptions;
  readonly closed: string;
  readonly open: string;
  readonly opened: Promise<Opened | undefined>;
}

let ahead: Ahead | undefined;

/** Opens the log for the next `openSource`, where all closed files have an index and none is encrypted: it has less to do then. */
export function openAhead(options: SourceOptions): void {
  const state = { closed: stateOf(options, false), open: stateOf(options, true) };
  ahead = { options, ...state, opened: open({ ...options, existing: true }).catch(() => undefined) };
}

/** Opens the log for reports. Throws NoDuckDB, NoIdentity, Damaged, or why a file cannot be read. */
export async function openSource(options: SourceOptions): Promise<RecordTable> {
  const found = ahead;
  ahead = undefined;
  const opened = await found?.opened;
  if (!found || !opened) return (await open(options)).source;
  const isSame =
    found.options.indexes === options.indexes && options.indexed && stateOf(options, false) === found.closed;
  if (isSame) return stateOf(options, true) === found.open ? opened.source : opened.again();
  opened.source.close();
  return (await open(options)).source;
}

/** What changes where a file does. @param ofOpen of files that a guard may still write to, or of the others. */
function stateOf({ chains }: SourceOptions, ofOpen: boolean): string {
  const files = chains.flat().filter((file) => isOpen(file) === ofOpen);
  return files.map((file) => [file, ...Object.values(sizeAndTime(file))].join(' ')).join('\n');
}

function sizeAndTime(file: string) {
  const { size, mtimeMs, ino } = statSync(file, { throwIfNoEntry: false }) ?? { size: -1, mtimeMs: -1, ino: -1 };
  return { size, mtimeMs, ino };
}

async function open(options: SourceOptions): Promise<Opened> {
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
    if (options.existing && !asTheyAre.every(isOpen)) throw new Error('a closed file has no index');
    for (const file of asTheyAre.filter((each) => each.endsWith('.gz'))) await checkWhole(file);
    const again = async (): Promise<RecordTable> => {
      const strange = inIndexes + (await loadOthers(db, asTheyAre, encrypted, options.openerOf));
      return { db, indexes: [...indexes.values()], files, strange, close: () => db.close() };
    };
    if (files.length === 0) throw new Error('there is no file of that log');
    const source = await again();
    await makeViews(db, source.indexes);
    return { source, again };
  } catch (error) {
    db.close();
    throw error;
  }
}

const NO_INDEXES = { indexes: new Map<string, string>(), strange: 0 };

/** Returns how many of their lines hold no record. */
async function loadOthers(
  db: Database,
  plain: readonly string[],
  encrypted: readonly string[],
  openerOf: OpenerOf | undefined,
): Promise<number> {
  let strange = 0;
  if (plain.length > 0) strange += await loadFiles(db, 'loaded', plain);
  else await makeTable(db, 'loaded');
  for (const file of encrypted) strange += await loadLines(db, 'loaded', file, openerOf);
  return strange;
}

async function makeViews(db: Database, indexes: readonly string[]): Promise<void> {
  const names = NAMES.map(quoted).join(', ');
  const indexed = indexes.length === 0 ? '' : `UNION ALL ${recordsOf(indexes)}`;
  const views = {
    fresh: withChains('loaded'),
    records: `SELECT ${names} FROM fresh ${indexed}`,
    digests: digestsOf(indexes),
    events: `SELECT ${names} FROM fresh WHERE ${IS_EVENT} UNION ALL SELECT ${names} FROM digests WHERE digest = 'event'`,
  };
  for (const [name, query] of Object.entries(views)) await db.run(`CREATE TEMP VIEW ${name} AS ${query}`);
  // What is read of indexes before anything else is kept from here on.
  await db.rows("SELECT count(*) AS n FROM digests WHERE digest = 'none'");
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
