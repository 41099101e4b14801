/**
 * The alarms that are not delivered yet, a file each: written whole or not at all, by as many processes as like to, and kept over a
 * crash and a restart. Bounded: the oldest make room.
 */
import {
  closeSync,
  fsync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';

const MOST = 10_000;
/** The folder is counted anew after so many more. */
const COUNT_EVERY = 100;
const NAME = /^[0-9A-HJKMNP-TV-Z]{26}\.json$/;

export class AlarmQueue {
  private putSinceCount = COUNT_EVERY;

  /** `most`: files, give or take a hundred. Throws where the folder cannot be made. */
  constructor(
    private readonly folder: string,
    private readonly most = MOST,
  ) {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  }

  /** `id`: a ULID, so that names are in the order of time. Returns how many older ones had to go. Throws where it cannot be written. */
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
    // From here on it outlives the process; the disk has it a moment later, and nobody waits for that.
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

  /** Undefined where it has gone meanwhile. */
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
