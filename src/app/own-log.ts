/** One decision log, one guard: two that write to the same file would break each other's chain. */
import { lstatSync, realpathSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { Logger } from 'pino';
import { FolderTaken, ownFolder } from '../budget/store/disk/ownership.ts';
import { makeFolder } from '../net/make-folder.ts';
import { StartError } from './start-error.ts';

export interface OwnedLog {
  /** The log is closed: another guard may have it. */
  giveUp(): Promise<void>;
}

const NOT_OWNED: OwnedLog = { giveUp: async () => {} };

/**
 * Called before the log is opened; ends with the process, however it ends. Pipes and terminals need no owner. Throws StartError if another guard has
 * the file, under whatever name.
 */
export async function ownLog(file: string, log: Logger): Promise<OwnedLog> {
  try {
    const path = placeOf(file);
    if (path === undefined) return NOT_OWNED;
    const lock = `${path}.lock`;
    makeFolder(lock, 0o700);
    return await ownFolder(lock);
  } catch (error) {
    if (error instanceof FolderTaken) {
      throw new StartError([`another guard writes the decision log ${file}: give each a "log.file" of its own`]);
    }
    // A folder that cannot be written must not prevent the log from being written.
    log.warn({ err: error }, 'the decision log cannot be locked: a second guard on it will be noticed when it writes');
    return NOT_OWNED;
  }
}

/** Undefined if it is not a regular file. */
function placeOf(file: string): string | undefined {
  if (!lstatSync(file, { throwIfNoEntry: false })) return join(realpathSync(dirname(file)), basename(file));
  const path = realpathSync(file);
  return lstatSync(path).isFile() ? path : undefined;
}
