/** The closed files of a log, beside the open one. */
import { readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { firstOf } from '../chain/files.ts';

export interface ClosedFile {
  readonly path: string;
  /** The number of its first record. */
  readonly first: number;
  readonly compressed: boolean;
}

/** In the order of their records. If the guard ended while compressing a file, both forms are listed, the plain one first. */
export function closedFiles(file: string): ClosedFile[] {
  const folder = dirname(file);
  return readdirSync(folder)
    .flatMap((name) => {
      const first = firstOf(file, name);
      return first === undefined ? [] : [{ path: join(folder, name), first, compressed: name.endsWith('.gz') }];
    })
    .sort((a, b) => a.first - b.first || Number(a.compressed) - Number(b.compressed));
}
