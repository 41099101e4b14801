/** The indexes of a log's closed files: made where they are missing, removed where their file is gone. */
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Database } from './duckdb.ts';
import { isOpen } from './log-files.ts';
import { indexPath, isIndexed, makeIndex } from './parquet.ts';

export interface IndexOptions {
  /** A folder for indexes; beside the files where absent. */
  readonly indexes?: string | undefined;
  /** Told of what cannot be indexed: it is read as it is. */
  readonly notice: (message: string) => void;
}

export interface Indexed {
  /** By file: the index that may be believed. */
  readonly indexes: ReadonlyMap<string, string>;
  readonly made: number;
}

/** @param files plain ones: what is encrypted is not to be written in the clear. */
export async function indexesOf(db: Database, files: readonly string[], options: IndexOptions): Promise<Indexed> {
  const indexes = new Map<string, string>();
  let made = 0;
  for (const file of files.filter((each) => !isOpen(each))) {
    const index = indexPath(file, options.indexes);
    try {
      const there = await isIndexed(db, file, index);
      if (!there && !(await makeIndex(db, file, index))) continue;
      made += there ? 0 : 1;
      indexes.set(file, index);
    } catch (error) {
      options.notice(`${file} has no index: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  return { indexes, made };
}

/** Indexes whose file was deleted or compressed since: what was to be forgotten must not live on in them. How many. */
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
