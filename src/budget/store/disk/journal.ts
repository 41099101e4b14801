/** An append-only file. When `append` returns, the lines survive the process; after `sync`, they survive a crash of the machine. */
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

  /** `x`: if two guards take the folder at once, only one can create the journal. */
  constructor(readonly path: string) {
    this.file = openSync(path, 'ax', 0o600);
  }

  get size(): number {
    return this.bytes;
  }

  /** Whether appending is no longer possible. */
  get isBroken(): boolean {
    return this.broken;
  }

  /** Whether a later start would find the file. */
  get isInPlace(): boolean {
    try {
      const [ours, found] = [fstatSync(this.file), statSync(this.path)];
      return ours.ino === found.ino && ours.dev === found.dev;
    } catch {
      return false;
    }
  }

  /** Appends whole lines. If it throws, none of them is in the file. */
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

  /** Resolves when earlier lines are on disk. Rejects if they may not be. */
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
      // After a failed sync the kernel may have dropped the data: a later success would prove nothing.
      this.broken = true;
      throw error;
    }
    this.syncedBytes = bytes;
    const isAtEnd = this.bytes === bytes;
    try {
      this.append(syncedLine(bytes));
      // The record of the sync is not synced itself: losing it loses no other line.
      if (isAtEnd) this.syncedBytes = this.bytes;
    } catch {
      // The next append reports the problem.
    }
  }

  /** Removes a partial line: in the middle of the file, a reader could not tell it from damage. */
  private cutBack(): void {
    try {
      ftruncateSync(this.file, this.bytes);
    } catch {
      this.broken = true;
    }
  }
}
