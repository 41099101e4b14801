/** The files of a running store: the growing journal, and the snapshots that replace journals. */

import { rm } from 'node:fs/promises';
import { reasonOf } from '../../../core/error-text.ts';
import { StoreUnavailable } from '../../../metering/budget-store.ts';
import { findGenerations, journalFile, snapshotFile } from './generation.ts';
import { Journal } from './journal.ts';
import { type SnapshotContent, writeSnapshot } from './snapshot.ts';

export interface DiskOptions {
  readonly folder: string;
  readonly kept: SnapshotContent;
  /** A snapshot is due when the journal has more bytes than this and than the last snapshot. */
  readonly journalBytes: number;
  notice(message: string): void;
  /**
   * Called before a snapshot: makes sure that the folder belongs to this guard, making it again if needed; `isSame`: its journal is still there.
   * Rejects if the folder cannot be used.
   */
  own(isSame: boolean): Promise<void>;
}

const SYNC_MS = 100;
/** How often a failed snapshot is tried again. */
const RETRY_MS = 1_000;

export class Disk {
  private journal: Journal;
  private snapshotGeneration = 0;
  private snapshotBytes = 0;
  private snapshotting: Promise<void> | undefined;
  /** The number of failed writes; a snapshot that began after a failure contains what that write did not. */
  private failures = 0;
  private mended = 0;
  private complained = false;
  private snapshotFailed = false;
  private timers: NodeJS.Timeout[] = [];
  private waiting: (() => void)[] = [];

  /** `generation`: the first one without a file. */
  constructor(
    private readonly options: DiskOptions,
    private generation: number,
  ) {
    this.journal = new Journal(journalFile(options.folder, generation));
  }

  /** Writes the first snapshot, so that a disk problem shows at the start and not at the first statement. */
  async begin(): Promise<void> {
    await this.writeSnapshot();
    this.timers = [setInterval(() => this.watch(), SYNC_MS), setInterval(() => this.snapshotIfDue(true), RETRY_MS)];
    for (const timer of this.timers) timer.unref();
  }

  /** Appends lines, which survive the process. Throws StoreUnavailable if these or earlier lines could not be written. */
  write(lines: string): void {
    // Nothing is granted that depends on data that a crash would lose.
    if (this.failures > this.mended) throw new StoreUnavailable('the state cannot be written');
    try {
      this.journal.append(lines);
    } catch (error) {
      this.complain(error);
      throw new StoreUnavailable(`the state cannot be written: ${reasonOf(error)}`);
    }
    this.mend(this.mended);
    this.snapshotIfDue();
  }

  /** Appends lines about what has already happened. Never throws: after a failure, nothing is granted until a snapshot contains it. */
  note(lines: string): void {
    if (lines === '') return;
    try {
      this.journal.append(lines);
    } catch (error) {
      this.failed(error);
    }
    this.snapshotIfDue();
  }

  /** Resolves when all earlier lines survive the process; undefined: they do. */
  kept(): Promise<void> | undefined {
    if (this.failures === this.mended) return undefined;
    return new Promise((done) => void this.waiting.push(done));
  }

  /** Resolves when all earlier lines survive a crash of the machine. Rejects with StoreUnavailable. */
  async sync(): Promise<void> {
    try {
      await this.journal.sync();
    } catch (error) {
      this.failed(error);
    }
    if (this.failures > this.mended) throw new StoreUnavailable('the state cannot be written');
  }

  async close(): Promise<void> {
    for (const timer of this.timers) clearInterval(timer);
    await this.snapshotting;
    await this.sync().catch(() => {});
    await this.journal.close();
  }

  /** If the journal was moved or deleted, nothing is granted until a new one exists. */
  private watch(): void {
    const { journal } = this;
    if (this.failures === this.mended && !journal.isInPlace) this.failed(new Error(`${journal.path} is gone`));
    void this.sync().catch(() => {});
  }

  /** After a failed snapshot only the timer tries again. */
  private snapshotIfDue(isRetry = false): void {
    const { journalBytes } = this.options;
    const due = this.failures > this.mended || this.journal.size > Math.max(journalBytes, this.snapshotBytes);
    if (!due || this.snapshotting || (this.snapshotFailed && !isRetry)) return;
    const began = this.failures;
    this.snapshotting = this.writeSnapshot()
      .then(() => {
        this.snapshotFailed = false;
        this.mend(began);
      })
      .catch((error) => {
        this.snapshotFailed = true;
        this.complain(error);
      })
      .finally(() => {
        this.snapshotting = undefined;
      });
  }

  private async writeSnapshot(): Promise<void> {
    const { folder, kept } = this.options;
    const { isInPlace } = this.journal;
    await this.options.own(isInPlace);
    // If the journal has no snapshot of its own yet, perhaps because the last one failed, it is continued.
    if (this.generation === this.snapshotGeneration || this.journal.isBroken || !isInPlace) {
      const before = this.journal;
      this.journal = new Journal(journalFile(folder, this.generation + 1));
      this.generation += 1;
      await before.sync().catch(() => {});
      await before.close();
    }
    const path = snapshotFile(folder, this.generation);
    this.snapshotBytes = await writeSnapshot(folder, path, kept, () => this.journal.size);
    this.snapshotGeneration = this.generation;
    for (const file of findGenerations(folder).stale) await rm(file, { force: true });
  }

  /** A snapshot now contains the changes of the first `failures` failed writes. */
  private mend(failures: number): void {
    this.mended = failures;
    if (this.failures === failures) for (const done of this.waiting.splice(0)) done();
    if (!this.complained || this.failures > failures || this.snapshotFailed) return;
    this.complained = false;
    this.options.notice(`the state in ${this.options.folder} can be written again`);
  }

  private failed(error: unknown): void {
    this.failures += 1;
    this.complain(error);
  }

  private complain(error: unknown): void {
    if (this.complained) return;
    this.complained = true;
    this.options.notice(`the state in ${this.options.folder} cannot be written: ${reasonOf(error)}`);
  }
}
