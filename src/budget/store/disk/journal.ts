/** A file to which lines are only added. What `append` has returned from outlives this process; what is synced, also the machine's end. */
import { Buffer } from 'node:buffer';
import { close, fdatasync, fstatSync, ftruncateSync, openSync, statSync, writeSync } from 'node:fs';
import { promisify } from 'node:util';
import { syncedLine } from './records.ts';

const datasync = promisify(fdatasync);
const closeFile = promisify(close);

export class Journal {
  private readonly file: number;
  private bytes = 0;
  private syncedBytes = 0;
  private broken = false;
  private closed = false;
  private syncing: Promise<void> = Promise.resolve();

  /** `x`: of two guards that take one folder at once, one does not get its journal. */
  constructor(readonly path: string) {
    this.file = openSync(path, 'ax', 0o600);
  }

  get size(): number {
    return this.bytes;
  }

  /** Nothing can be added any more. */
  get isBroken(): boolean {
    return this.broken;
  }

  /** Whether a later start would find it. */
  get isInPlace(): boolean {
    try {
      const [ours, found] = [fstatSync(this.file), statSync(this.path)];
      return ours.ino === found.ino && ours.dev === found.dev;
    } catch {
      return false;
    }
  }

  /** Whole lines. Throws where they could not be written, and then none of them is there. */
  append(lines: string): void {
    if (this.broken || this.closed) throw new Error(`nothing can be added to ${this.path}`);
    const bytes = Buffer.from(lines);
    try {
      for (let written = 0; written < bytes.length; ) written += writeSync(this.file, bytes, written);
    } catch (error) {
      this.cutBack();
      throw error;
    }
    this.bytes += bytes.length;
  }

  /** Resolves when what was added before is on disk. Rejects where it may not be. */
  sync(): Promise<void> {
    const synced = this.syncing.then(() => this.syncNow());
    this.syncing = synced.catch(() => {});
    return synced;
  }

  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    await this.syncing;
    await closeFile(this.file);
  }

  private async syncNow(): Promise<void> {
    const bytes = this.bytes;
    if (bytes === this.syncedBytes || this.closed) return;
    try {
      await datasync(this.file);
    } catch (error) {
      // What the kernel could not write it may have thrown away: a later success would say nothing of it.
      this.broken = true;
      throw error;
    }
    this.syncedBytes = bytes;
    const isAtEnd = this.bytes === bytes;
    try {
      this.append(syncedLine(bytes));
      // The word itself need not be synced: without it the lines before it hold all the same.
      if (isAtEnd) this.syncedBytes = this.bytes;
    } catch {
      // The next append says what is wrong.
    }
  }

  /** No half line stays between whole ones: a reader could not tell it from damage. */
  private cutBack(): void {
    try {
      ftruncateSync(this.file, this.bytes);
    } catch {
      this.broken = true;
    }
  }
}
