/**
 * Handles a failed sync. The kernel drops the pages and marks them clean: another sync would succeed without writing anything. Writing the data again
 * marks them dirty.
 */
import { Buffer } from 'node:buffer';
import { closeSync, fdatasyncSync, openSync, readSync, type Stats, statSync, writeSync } from 'node:fs';

const CHUNK = 64 * 1024;

/** Writes the bytes from `from` to the end of the file again, as read from it, and syncs. Does nothing if the path now names another file. */
export function writeAgain(path: string, file: Stats, from: number): void {
  const there = statSync(path, { throwIfNoEntry: false });
  if (!there || !isSameFile(there, file)) return;
  const fd = openSync(path, 'r+');
  try {
    const chunk = Buffer.alloc(CHUNK);
    for (let at = from; ; ) {
      const length = readSync(fd, chunk, 0, CHUNK, at);
      if (length === 0) break;
      for (let done = 0; done < length; ) done += writeSync(fd, chunk, done, length - done, at + done);
      at += length;
    }
    fdatasyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** Whether both are the same file, by device and inode. */
export function isSameFile(a: Stats, b: Stats): boolean {
  return a.ino === b.ino && a.dev === b.dev;
}
