/** The indexes of a log's closed files: made if missing, removed if their file is gone. */
import { existsSync, readdirSync, rmSync } from 'node:fs';
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

/** Removes indexes whose file was deleted or compressed since: records must not survive in them. Returns how many. */
export function removeOrphans(files: readonly string[], folder: string | undefined): number {
  let removed = 0;
  for (const place of new Set(files.map((file) => folder ?? dirname(file)))) {
    for (const name of readdirSync(place)) {
      const file = /^(.+\.[0-9]{12}\.[^.]+(?:\.gz)?)\.parquet$/.exec(name)?.[1];
      if (file === undefined || files.some((each) => each.endsWith(`/${file}`)) || existsSync(join(place, file)))
        continue;
      rmSync(join(place, name), { force: true });
      removed += 1;
    }
  }
  return removed;
}
