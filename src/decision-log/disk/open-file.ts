/** The descriptors of an open log file, and whether it is still as it was left. */
import { closeSync, fstatSync, openSync, type Stats } from 'node:fs';
import { isSame } from './rewrite.ts';

export interface OpenFile {
  readonly fd: number;
  /**
   * For syncs in the background. One of its own: the kernel tells each descriptor once that something did not reach the disk,
   * and a sync in the foreground would succeed where one at the same time has heard of it.
   */
  readonly background: number;
  readonly stat: Stats;
  /** Not a pipe or a terminal, which take no sync. */
  readonly regular: boolean;
}

/** Makes the file where there is none. Throws where it cannot be opened. */
export function openFile(path: string): OpenFile {
  const fd = openSync(path, 'a+', 0o600);
  let background = fd;
  try {
    const stat = fstatSync(fd);
    const regular = stat.isFile();
    if (regular) background = openSync(path, 'r');
    if (regular && !isSame(fstatSync(background), stat)) throw new Error('it was moved away');
    return { fd, background, stat, regular };
  } catch (error) {
    closeFile({ fd, background });
    throw error;
  }
}

export function closeFile({ fd, background }: Pick<OpenFile, 'fd' | 'background'>): void {
  if (background !== fd) closeSync(background);
  closeSync(fd);
}

/** What is written to a file that was deleted nobody will ever read. @param bytes as many as the one who alone writes to it knows of. */
export function whatIsWrong({ fd, regular }: OpenFile, bytes: number): string | undefined {
  if (!regular) return undefined;
  const { nlink, size } = fstatSync(fd);
  if (nlink === 0) return 'it was deleted';
  if (size < bytes) return 'it was cut by somebody else';
  return size > bytes ? 'somebody else writes to it' : undefined;
}
