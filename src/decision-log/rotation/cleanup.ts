/** Tidies closed files while the guard runs: deletes those past their retention, compresses the others, one at a time. */
import type { ChildProcess } from 'node:child_process';
import { readdirSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { FIXED_UNITS, type QuantityPeriod } from '../../policy/source/quantity.ts';
import type { RetentionFields } from '../chain/seal.ts';
import { closedFiles } from './closed-files.ts';
import { firstRecord, segmentOf } from './first-record.ts';
import { compress } from './gzip.ts';

export interface CleanupOptions {
  readonly file: string;
  readonly keep: QuantityPeriod | undefined;
  readonly clock: () => number;
  /** The number of the record; undefined if it is not on disk. */
  readonly record: (fields: RetentionFields) => number | undefined;
  /** Whether a seal of that record is on disk: has one made, and waits for it. */
  readonly isSealed: (seq: number) => Promise<boolean>;
  readonly notice: (message: string) => void;
}

const LOOK_MS = 3_600_000;

export class ClosedFileCleanup {
  private child: ChildProcess | undefined;
  private busy = false;
  private again = false;
  private stopped = false;
  /** Recorded deletions that failed, with the record's number: they are tried again without another record. */
  private readonly recorded = new Map<string, number>();
  private readonly timer: NodeJS.Timeout;

  constructor(private readonly options: CleanupOptions) {
    this.timer = setInterval(() => this.look(), LOOK_MS).unref();
  }

  /** Checks soon what there is to do, and does it. */
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
      // The deletion is recorded on disk first: a file that is missing without a record was not deleted by the guard.
      const seq = this.recorded.get(path) ?? record(fields);
      if (seq === undefined) return;
      this.recorded.set(path, seq);
      // And sealed: anyone could have forged an unsigned record of a deletion.
      if (!(await isSealed(seq)) || this.stopped) return;
      rmSync(path, { force: true });
      removeIndex(path);
      this.recorded.delete(path);
    }
  }
}

/** The index of "rowgate log index" holds the same records, and so do parts of one that was not finished. */
function removeIndex(path: string): void {
  const index = `${basename(path)}.parquet`;
  for (const name of readdirSync(dirname(path)))
    if (name === index || name.startsWith(`${index}.`)) rmSync(join(dirname(path), name), { force: true });
}

/** A closed file past its retention. The guard records its deletion before it deletes it. */
interface Overdue {
  readonly path: string;
  readonly fields: RetentionFields;
}

/** Files closed before this instant (milliseconds since the epoch) are deleted. */
export function keptSince({ amount, unit }: QuantityPeriod, now: number): number {
  if (unit !== 'month' && unit !== 'year') return now - amount * FIXED_UNITS[unit];
  const since = new Date(now);
  const day = since.getUTCDate();
  since.setUTCMonth(since.getUTCMonth() - amount * (unit === 'year' ? 12 : 1));
  // If the month does not have that day: its last day.
  if (since.getUTCDate() !== day) since.setUTCDate(0);
  return since.getTime();
}

/**
 * The oldest log files, in order, up to the first one to keep. The file after one tells its last record and hash: a file without a successor is not
 * deleted.
 */
function overdue(file: string, since: number): Overdue[] {
  const closed = closedFiles(file);
  const found: Overdue[] = [];
  for (const [index, { path, first }] of closed.entries()) {
    const next = closed.slice(index + 1).find((other) => other.first > first)?.path ?? file;
    const segment = segmentOf(firstRecord(next));
    if (!segment?.previous || !(Date.parse(segment.time) < since)) break;
    const { seq: last, hash: head } = segment.previous;
    found.push({ path, fields: { file: basename(path), first, last, head } });
  }
  return found;
}
