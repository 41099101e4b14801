/** How much has reached the disk: background syncs, one at a time, for everyone who waits for one. */
import { fdatasync } from 'node:fs';

/** Milliseconds between a write that nothing waits for and its sync. */
const DELAY_MS = 100;

interface Waiter {
  readonly position: number;
  readonly done: (onDisk: boolean) => void;
}

interface Syncs {
  /** The file to sync; undefined if it cannot be synced, such as a pipe. */
  readonly descriptor: () => number | undefined;
  /** A sync begins: it covers everything written so far. */
  readonly began: () => void;
  /** It succeeded. @returns false if the file turns out not to be the log: it is then given up. */
  readonly done: () => boolean;
  /** It is not known which lines since `onDisk` are on disk. */
  readonly failed: (error: Error) => void;
}

/** Positions count lines since the log was opened, over all its files. */
export class Sync {
  private written = 0;
  private synced = 0;
  private waiters: Waiter[] = [];
  /** The range that was given up last: after the first position, up to the second. */
  private lost: readonly [number, number] = [0, 0];
  private timer: NodeJS.Timeout | undefined;
  /** The result of a sync that was given up is ignored. */
  private underway: object | undefined;

  constructor(private readonly syncs: Syncs) {}

  /** Lines handed to the kernel. */
  get position(): number {
    return this.written;
  }

  /** Lines on disk. */
  get onDisk(): number {
    return this.synced;
  }

  /** False for ever for a range that was given up: the path may name another file since. */
  has(position: number): boolean {
    return position <= this.synced && !this.isLost(position);
  }

  private isLost(position: number): boolean {
    const [before, last] = this.lost;
    return position > before && position <= last;
  }

  count(lines: number): void {
    this.written += lines;
  }

  /** Syncs within 100 ms. */
  soon(): void {
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      if (this.synced < this.written) this.run();
    }, DELAY_MS).unref();
  }

  /** Resolves when the lines up to this position are on disk; with false if a sync failed, or the file was given up, before. */
  reaches(position: number): Promise<boolean> {
    if (this.isLost(position) || position <= this.synced) return Promise.resolve(this.has(position));
    return new Promise((done) => {
      this.waiters.push({ position, done });
      this.run();
    });
  }

  /** Everything written is on disk: the caller has synced. */
  all(): void {
    this.reach(this.written);
  }

  /** Stops waiting for what was written to the open file. */
  giveUp(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.underway = undefined;
    if (this.synced < this.written) this.lost = [this.synced, this.written];
    const { waiters } = this;
    this.waiters = [];
    for (const { done } of waiters) done(false);
  }

  private run(): void {
    if (this.underway) return;
    const fd = this.syncs.descriptor();
    const target = this.written;
    if (fd === undefined) {
      this.reach(target);
      return;
    }
    const run = {};
    this.underway = run;
    this.syncs.began();
    fdatasync(fd, (error) => {
      if (this.underway !== run) return;
      this.underway = undefined;
      if (error) {
        this.syncs.failed(error);
        return;
      }
      // Checked before callers are told: if the file is wrong, it is given up, and so are all that wait for it.
      if (!this.syncs.done()) return;
      this.reach(target);
      if (this.waiters.length > 0) this.run();
    });
  }

  private reach(position: number): void {
    this.synced = Math.max(this.synced, position);
    const { waiters } = this;
    this.waiters = waiters.filter((waiter) => waiter.position > this.synced);
    for (const waiter of waiters) if (waiter.position <= this.synced) waiter.done(true);
  }
}
