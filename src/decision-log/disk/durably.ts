/** Small files and file names that are on disk when a function returns. */
import { closeSync, constants, fsyncSync, openSync, renameSync, writeFileSync } from 'node:fs';

/**
 * Replaces the file, or makes it, with mode 0600. Written under another name first, so that a partial file is never found, and two processes that write
 * the same one do not collide. Throws if that fails.
 */
export function writeDurably(path: string, text: string): void {
  const { O_WRONLY, O_CREAT, O_TRUNC, O_NOFOLLOW } = constants;
  const beside = `${path}.${process.pid}`;
  const fd = openSync(beside, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0o600);
  try {
    writeFileSync(fd, text);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  renameSync(beside, path);
}

/** Makes the names in a folder durable. Throws if that fails. */
export function syncFolder(folder: string): void {
  const fd = openSync(folder, constants.O_RDONLY);
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
