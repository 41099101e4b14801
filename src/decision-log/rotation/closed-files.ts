/** The closed files of a log, beside the open one. */
import { readdirSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
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

/** Files that another program's rotation has moved away, as logrotate names them: `decisions.jsonl.1`, `decisions.jsonl-20261127.gz`. */
export function movedFiles(file: string): string[] {
  const name = basename(file);
  return readdirSync(dirname(file))
    .filter((other) => other.startsWith(name) && /^[.-][0-9]/.test(other.slice(name.length)))
    .map((other) => join(dirname(file), other));
}
