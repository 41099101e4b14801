/** The files of a running store: the journal that grows, and the snapshots that take the place of journals. */
import { rm } from 'node:fs/promises';
import { StoreUnavailable } from '../../../metering/budget-store.ts';
import { findGenerations, journalFile, snapshotFile } from './generation.ts';
import { Journal } from './journal.ts';
import { type Kept, writeSnapshot } from './snapshot.ts';

export interface DiskOptions {
  readonly folder: string;
  readonly kept: Kept;
  /** Bytes of a journal after which a snapshot is due, where that is not larger itself. */
  readonly journalBytes: number;
  notice(message: string): void;
  /** Before a snapshot: the folder is the guard's, perhaps anew; `isSame`: its journal is there. Rejects where it cannot be. */
  own(isSame: boolean): Promise<void>;
}

const SYNC_MS = 100;
/** So often a snapshot is tried again. */
const RETRY_MS = 1_000;

export class Disk {
  private journal: Journal;
  private snapshotGeneration = 0;
  private snapshotBytes = 0;
  private snapshotting: Promise<void> | undefined;
  /** Of what is in memory so many writes failed; a snapshot that was begun after the last of them has it all. */
  private failures = 0;
  private mended = 0;
  private complained = false;
  private snapshotFailed = false;
  private timers: NodeJS.Timeout[] = [];

  /** `generation`: the first one of which there is no file. */
  constructor(
    private readonly options: DiskOptions,
    private generation: number,
  ) {
    this.journal = new Journal(journalFile(options.folder, generation));
  }

  /** The first snapshot: whatever is wrong with the disk shows now, and not at the first statement. */
  async begin(): Promise<void> {
    await this.writeSnapshot();
    this.timers = [setInterval(() => this.watch(), SYNC_MS), setInterval(() => this.snapshotIfDue(true), RETRY_MS)];
    for (const timer of this.timers) timer.unref();
  }

  /** Adds lines; they outlive the process. Throws StoreUnavailable where they could not be written, or something before them. */
  write(lines: string): void {
    // Nothing is granted on top of what a crash would forget.
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

  /** The same for what has happened already. It does not throw: nothing more is granted until a snapshot holds it. */
  note(lines: string): void {
    if (lines === '') return;
    try {
      this.journal.append(lines);
    } catch (error) {
      this.failed(error);
    }
    this.snapshotIfDue();
  }

  /** Resolves when all before is on disk, whatever happens to the machine. Rejects with StoreUnavailable. */
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

  /** Nothing more is granted on top of a file that nobody would find again. */
  private watch(): void {
    const { journal } = this;
    if (this.failures === this.mended && !journal.isInPlace) this.failed(new Error(`${journal.path} is gone`));
    void this.sync().catch(() => {});
  }

  /** Where the last one failed, the next is tried by the timer alone. */
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
    // A journal without a snapshot of its own yet goes on: it may be that the one before failed.
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

  /** Of the failures so many are in a snapshot. */
  private mend(failures: number): void {
    this.mended = failures;
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

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
