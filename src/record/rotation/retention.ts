/** Which closed files are kept no longer. The guard records each that it deletes, before it does. */
import { basename } from 'node:path';
import type { RetentionFields } from '../chain/seal.ts';
import { closedFiles } from './closed-files.ts';
import { firstRecord, segmentOf } from './first-record.ts';

/** For how long a file is kept after its last record. */
export interface Keep {
  readonly amount: number;
  readonly unit: 'second' | 'minute' | 'hour' | 'day' | 'week' | 'month' | 'year';
}

export interface Overdue {
  readonly path: string;
  readonly fields: RetentionFields;
}

const UNITS_MS = { second: 1000, minute: 60_000, hour: 3_600_000, day: 86_400_000, week: 7 * 86_400_000 };

/** What was closed before this, in milliseconds since the epoch, is deleted. */
export function keptSince({ amount, unit }: Keep, now: number): number {
  if (unit !== 'month' && unit !== 'year') return now - amount * UNITS_MS[unit];
  const since = new Date(now);
  const day = since.getUTCDate();
  since.setUTCMonth(since.getUTCMonth() - amount * (unit === 'year' ? 12 : 1));
  // A month without that day: its last one.
  if (since.getUTCDate() !== day) since.setUTCDate(0);
  return since.getTime();
}

/**
 * The oldest files of the log, in their order, up to the first that is to be kept. Where a file ended, and in what, the one behind it says: so
 * none is deleted that has none.
 */
export function overdue(file: string, since: number): Overdue[] {
  const closed = closedFiles(file);
  const found: Overdue[] = [];
  for (const [index, { path, first }] of closed.entries()) {
    const next = closed.slice(index + 1).find((other) => other.first > first)?.path ?? file;
    const segment = segmentOf(firstRecord(next));
    if (!segment?.previous || !(segment.time < since)) break;
    const { seq: last, hash: head } = segment.previous;
    found.push({ path, fields: { file: basename(path), first, last, head } });
  }
  return found;
}
