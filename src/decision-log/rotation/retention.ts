/** Which closed files are kept no longer. The guard records each that it deletes, before it does. */
import { basename } from 'node:path';
import { FIXED_UNITS, type QuantityPeriod } from '../../policy/source/quantity.ts';
import type { RetentionFields } from '../chain/seal.ts';
import { closedFiles } from './closed-files.ts';
import { firstRecord, segmentOf } from './first-record.ts';

export interface Overdue {
  readonly path: string;
  readonly fields: RetentionFields;
}

/** What was closed before this, in milliseconds since the epoch, is deleted. */
export function keptSince({ amount, unit }: QuantityPeriod, now: number): number {
  if (unit !== 'month' && unit !== 'year') return now - amount * FIXED_UNITS[unit];
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
