/** The first record of a log file. */
import { Buffer } from 'node:buffer';
import { closeSync, constants, openSync, readSync } from 'node:fs';
import { gunzipSync, constants as gzip } from 'node:zlib';
import type { SegmentFields } from '../chain/seal.ts';
import { segmentIn } from '../verify/line.ts';

/** It contains the file's key, encrypted for every recipient, which may be long. */
const LONGEST = 256 * 1024;

/** Of the file at `path`, or of an open one; compressed if its name says so. Undefined if it does not begin with a record. */
export function firstRecord(path: string, fd?: number): Record<string, unknown> | undefined {
  const opened = fd ?? openSync(path, constants.O_RDONLY);
  try {
    const bytes = Buffer.alloc(LONGEST);
    const start = bytes.subarray(0, readSync(opened, bytes, 0, LONGEST, 0));
    // The rest of the file is cut off, which is not an error here.
    const plain = path.endsWith('.gz') ? gunzipSync(start, { finishFlush: gzip.Z_SYNC_FLUSH }) : start;
    const end = plain.indexOf('\n');
    const record: unknown = JSON.parse(plain.toString('utf8', 0, end < 0 ? plain.length : end));
    return typeof record === 'object' && record !== null ? (record as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  } finally {
    if (fd === undefined) closeSync(opened);
  }
}

/** A `segment` record, as a later guard finds it. */
export type Segment = SegmentFields & { readonly seq: number; readonly guard: string; readonly time: string };

/** Undefined if it is not a segment. */
export function segmentOf(record: Record<string, unknown> | undefined): Segment | undefined {
  const segment = record?.kind === 'segment' && Number.isSafeInteger(record.seq) ? segmentIn(record) : undefined;
  return segment && { ...segment, seq: Number(record?.seq), guard: String(record?.guard), time: String(record?.time) };
}
