/** The indexes of a log's closed files: made if missing, removed if their file is gone. */
import { existsSync, readdirSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Database } from './duckdb.ts';
import { isOpen } from './log-files.ts';
import { indexPath, linesWithoutRecord, makeIndex } from './parquet.ts';

export interface IndexOptions {
  /** A folder for indexes; absent: beside the files. */
  readonly indexes?: string | undefined;
  /** Makes none. */
  readonly existing?: boolean;
  /** Told of files that cannot be indexed: they are read directly. */
  readonly notice: (message: string) => void;
}

export interface Indexed {
  /** By file: the trustworthy index. */
  readonly indexes: ReadonlyMap<string, string>;
  readonly made: number;
  /** Lines of these files that hold no record. */
  readonly strange: number;
}

/** @param files unencrypted ones: an index would write their records in the clear. */
export async function indexesOf(db: Database, files: readonly string[], options: IndexOptions): Promise<Indexed> {
  const indexes = new Map<string, string>();
  let made = 0;
  let strange = 0;
  for (const file of files.filter((each) => !isOpen(each))) {
    const index = indexPath(file, options.indexes);
    try {
      const there = await linesWithoutRecord(db, file, index);
      const lines = there ?? (options.existing ? undefined : await makeIndex(file, index));
      if (lines === undefined) continue;
      made += there === undefined ? 1 : 0;
      strange += lines;
      indexes.set(file, index);
    } catch (error) {
      options.notice(`${file} has no index: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  return { indexes, made, strange };
}

/** Parts are written one after the other: a process that still makes an index has written one lately. */
const ABANDONED_MS = 10 * 60_000;

/**
 * Removes indexes whose file was deleted or compressed since, as records must not survive in them, and parts that a killed process has left. Returns
 * how many.
 */
export function removeOrphans(files: readonly string[], folder: string | undefined): number {
  let removed = 0;
  for (const place of new Set(files.map((file) => folder ?? dirname(file)))) {
    for (const name of readdirSync(place)) {
      const [, file, part] = /^(.+\.[0-9]{12}\.[^.]+(?:\.gz)?)\.parquet(\.\d+\.tmp(?:\.\w+)?)?$/.exec(name) ?? [];
      if (file === undefined) continue;
      const isThere = files.some((each) => each.endsWith(`/${file}`)) || existsSync(join(place, file));
      if (isThere && (part === undefined || !isAbandoned(join(place, name)))) continue;
      rmSync(join(place, name), { force: true });
      removed += 1;
    }
  }
  return removed;
}

function isAbandoned(part: string): boolean {
  const written = statSync(part, { throwIfNoEntry: false })?.mtimeMs;
  return written !== undefined && Date.now() - written > ABANDONED_MS;
}
