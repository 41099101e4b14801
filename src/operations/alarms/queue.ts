/**
 * The undelivered alarms, one file each. Several processes may add to the folder; a file is written whole or not at all, and survives a crash or
 * restart. If the queue is full, the oldest alarms are deleted.
 */
import { closeSync, fsync, openSync, readdirSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { makeFolder } from '../../net/make-folder.ts';

const MOST = 10_000;
/** The files are counted again after this many additions. */
const COUNT_EVERY = 100;
const NAME = /^[0-9A-HJKMNP-TV-Z]{26}\.json$/;

export class AlarmQueue {
  private putSinceCount = COUNT_EVERY;

  /** `most`: the limit on files, which may be exceeded by a hundred. Throws if the folder cannot be made. */
  constructor(
    private readonly folder: string,
    private readonly most = MOST,
  ) {
    makeFolder(folder, 0o700);
  }

  /** `id`: a ULID, so that file names sort by time. Returns how many older alarms were deleted. Throws if it cannot be written. */
  put(id: string, text: string): number {
    const unfinished = join(this.folder, `${id}.new`);
    const file = openSync(unfinished, 'wx', 0o600);
    try {
      writeSync(file, text);
    } catch (error) {
      closeSync(file);
      rmSync(unfinished, { force: true });
      throw error;
    }
    // From here on the alarm survives the process. It is synced to disk in the background.
    renameSync(unfinished, this.pathOf(`${id}.json`));
    fsync(file, () => closeSync(file));
    return this.makeRoom();
  }

  /** Oldest first. */
  names(): string[] {
    return readdirSync(this.folder)
      .filter((name) => NAME.test(name))
      .sort();
  }

  /** Undefined if it has been deleted meanwhile. */
  read(name: string): string | undefined {
    try {
      return readFileSync(this.pathOf(name), 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
  }

  remove(name: string): void {
    rmSync(this.pathOf(name), { force: true });
  }

  private makeRoom(): number {
    this.putSinceCount += 1;
    if (this.putSinceCount < Math.min(COUNT_EVERY, this.most)) return 0;
    this.putSinceCount = 0;
    const names = this.names();
    const tooMany = names.slice(0, Math.max(0, names.length - this.most));
    for (const name of tooMany) this.remove(name);
    return tooMany.length;
  }

  private pathOf(name: string): string {
    return join(this.folder, name);
  }
}
