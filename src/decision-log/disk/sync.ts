/** How far what was written has come to the disk: syncs in the background, one at a time, for all who wait for one. */
import { fdatasync } from 'node:fs';

/** Milliseconds between a write that nobody waits for and its sync. */
const DELAY_MS = 100;

interface Waiter {
  readonly position: number;
  readonly done: (onDisk: boolean) => void;
}

interface Syncs {
  /** What to sync; undefined where there is nothing to, as a pipe. */
  readonly descriptor: () => number | undefined;
  /** A sync has begun: all that is written by now is in it. */
  readonly began: () => void;
  /** It has succeeded. @returns false where the file turns out not to be the log: it is given up then. */
  readonly done: () => boolean;
  /** Nobody knows what of the lines since `onDisk` is on the disk. */
  readonly failed: (error: Error) => void;
}

/** Positions count lines since the log was opened, over all its files. */
export class Sync {
  private written = 0;
  private synced = 0;
  private waiters: Waiter[] = [];
  /** Behind the first and up to the second position: given up last. */
  private lost: readonly [number, number] = [0, 0];
  private timer: NodeJS.Timeout | undefined;
  /** What is heard of a sync that was given up counts for nothing. */
  private underway: object | undefined;

  constructor(private readonly syncs: Syncs) {}

  /** Lines handed to the system. */
  get position(): number {
    return this.written;
  }

  /** Lines on the disk. */
  get onDisk(): number {
    return this.synced;
  }

  /** What was given up never is: the file may be another one since. */
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

  /** Within 100 ms. */
  soon(): void {
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      if (this.synced < this.written) this.run();
    }, DELAY_MS).unref();
  }

  /** Resolves when the lines up to this position are on the disk; with false where a sync failed, or the file was given up, before. */
  reaches(position: number): Promise<boolean> {
    if (this.isLost(position) || position <= this.synced) return Promise.resolve(this.has(position));
    return new Promise((done) => {
      this.waiters.push({ position, done });
      this.run();
    });
  }

  /** All that was written is on the disk: a sync of the caller's own has succeeded. */
  all(): void {
    this.reach(this.written);
  }

  /** What was written to the open file is not waited for any longer. */
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
      // Before anybody is told: what it finds wrong gives the file up, and all who wait with it.
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
