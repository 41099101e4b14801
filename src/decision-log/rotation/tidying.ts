/** What is done with closed files beside the running guard: those whose time is over are deleted, the others compressed, one at a time. */
import type { ChildProcess } from 'node:child_process';
import { rmSync } from 'node:fs';
import type { QuantityPeriod } from '../../policy/source/quantity.ts';
import type { RetentionFields } from '../chain/seal.ts';
import { closedFiles } from './closed-files.ts';
import { compress } from './gzip.ts';
import { keptSince, overdue } from './retention.ts';

export interface TidyingOptions {
  readonly file: string;
  readonly keep: QuantityPeriod | undefined;
  readonly clock: () => number;
  /** The number of the record; undefined where it is not on the disk. */
  readonly record: (fields: RetentionFields) => number | undefined;
  /** Whether a seal of that record is on the disk: has it made, and waits for it. */
  readonly isSealed: (seq: number) => Promise<boolean>;
  readonly notice: (message: string) => void;
}

const LOOK_MS = 3_600_000;

export class Tidying {
  private child: ChildProcess | undefined;
  private busy = false;
  private again = false;
  private stopped = false;
  /** What was recorded, under which number, and could not be deleted: it is tried again, and not recorded again. */
  private readonly recorded = new Map<string, number>();
  private readonly timer: NodeJS.Timeout;

  constructor(private readonly options: TidyingOptions) {
    this.timer = setInterval(() => this.look(), LOOK_MS).unref();
  }

  /** Looks what there is to do, and does it, soon. */
  look(): void {
    if (this.stopped) return;
    this.again = this.busy;
    if (!this.busy) setImmediate(() => void this.run()).unref();
    this.busy = true;
  }

  stop(): void {
    this.stopped = true;
    clearInterval(this.timer);
    this.child?.kill();
  }

  private async run(): Promise<void> {
    if (this.stopped) return;
    try {
      await this.deleteOverdue();
      for (const { path, compressed } of closedFiles(this.options.file)) {
        if (this.stopped) break;
        if (!compressed) await this.compress(path);
      }
    } catch (error) {
      if (!this.stopped) this.options.notice(`closed files of the decision log cannot be tidied: ${String(error)}`);
    }
    this.busy = false;
    if (this.again) this.look();
  }

  private async compress(path: string): Promise<void> {
    try {
      await compress(path, (child) => {
        this.child = child;
      });
    } catch (error) {
      if (!this.stopped) this.options.notice(`"${path}" cannot be compressed: ${String(error)}`);
    }
    this.child = undefined;
  }

  private async deleteOverdue(): Promise<void> {
    const { file, keep, clock, record, isSealed } = this.options;
    if (!keep) return;
    for (const { path, fields } of overdue(file, keptSince(keep, clock()))) {
      // What is deleted is recorded, on the disk, before: a file that is missing without a record was not deleted by the guard.
      const seq = this.recorded.get(path) ?? record(fields);
      if (seq === undefined) return;
      this.recorded.set(path, seq);
      // And sealed: a deletion that nobody has signed for could have been written by anybody.
      if (!(await isSealed(seq)) || this.stopped) return;
      rmSync(path, { force: true });
      // What "rowgate log index" has made of it holds the same records.
      rmSync(`${path}.parquet`, { force: true });
      this.recorded.delete(path);
    }
  }
}
