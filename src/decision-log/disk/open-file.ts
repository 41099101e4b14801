/** The descriptors of an open log file, and whether the file is unchanged since the last write. */
import { closeSync, fstatSync, openSync, type Stats } from 'node:fs';
import { isSameFile } from './rewrite.ts';

export interface OpenFile {
  readonly fd: number;
  /**
   * For background syncs. It needs a descriptor of its own: the kernel reports a write error once to each descriptor, and a concurrent sync in the
   * foreground would then succeed.
   */
  readonly background: number;
  readonly stat: Stats;
  /** Not a pipe or a terminal, which cannot be synced. */
  readonly regular: boolean;
}

/** Creates the file if there is none. Throws if it cannot be opened. */
export function openFile(path: string): OpenFile {
  const fd = openSync(path, 'a+', 0o600);
  let background = fd;
  try {
    const stat = fstatSync(fd);
    const regular = stat.isFile();
    if (regular) background = openSync(path, 'r');
    if (regular && !isSameFile(fstatSync(background), stat)) throw new Error('it was moved away');
    return { fd, background, stat, regular };
  } catch (error) {
    closeFile({ fd, background });
    throw error;
  }
}

/** Closes both descriptors: the file's, and the one for syncs in the background. */
export function closeFile({ fd, background }: Pick<OpenFile, 'fd' | 'background'>): void {
  if (background !== fd) closeSync(background);
  closeSync(fd);
}

/** Data written to a deleted file would be lost, so that counts as a change. @param bytes in the file, as far as its only writer knows. */
export function foreignChange({ fd, regular }: OpenFile, bytes: number): string | undefined {
  if (!regular) return undefined;
  const { nlink, size } = fstatSync(fd);
  if (nlink === 0) return 'it was deleted';
  if (size < bytes) return 'another process has cut it';
  return size > bytes ? 'another process writes to it' : undefined;
}
