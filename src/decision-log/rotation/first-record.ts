/** The first record of a log file. */
import { Buffer } from 'node:buffer';
import { closeSync, constants, openSync, readSync } from 'node:fs';
import { gunzipSync, constants as gzip } from 'node:zlib';

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

/** The parts of a `segment` that a later guard uses. */
export interface Segment {
  readonly seq: number;
  readonly guard: string;
  /** When it began, milliseconds since the epoch. */
  readonly time: number;
  readonly chain: string;
  readonly sealedBy: string;
  /** Earlier seals of the chain. */
  readonly seals: number;
  readonly previous: { readonly seq: number; readonly hash: string } | undefined;
}

/** Undefined if it is not a segment. */
export function segmentOf(record: Record<string, unknown> | undefined): Segment | undefined {
  if (record?.kind !== 'segment' || typeof record.chain !== 'string' || !Number.isSafeInteger(record.seq))
    return undefined;
  const { seq, guard, chain, seals, time, sealed_by: sealedBy, previous } = record;
  return {
    seq: seq as number,
    guard: String(guard),
    time: Date.parse(String(time)),
    chain,
    sealedBy: String(sealedBy),
    seals: Number.isSafeInteger(seals) ? (seals as number) : 0,
    previous: previousOf(previous),
  };
}

function previousOf(previous: unknown): Segment['previous'] {
  if (typeof previous !== 'object' || previous === null) return undefined;
  const { seq, hash } = previous as Record<string, unknown>;
  return Number.isSafeInteger(seq) && typeof hash === 'string' ? { seq: seq as number, hash } : undefined;
}
