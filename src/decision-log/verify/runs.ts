/** The contents of a file in order: runs of records that follow each other, and text that is not a record. */
import { Buffer } from 'node:buffer';
import { hash } from 'node:crypto';

/** An unchanged file is one run. A record that does not follow from the one before it begins another. */
export interface RecordRun {
  readonly kind: 'run';
  readonly file: string;
  /** Of its first record. */
  readonly line: number;
  readonly first: number;
  last: number;
  /** Of its first record: the hashed text after the hash of the record before. Absent if it would take too much memory. */
  readonly body: Buffer | undefined;
  readonly firstHash: string;
  lastHash: string;
  /** Its first record says how many bytes of incomplete text come before it. */
  readonly torn: number | undefined;
}

/** Lines that are not records. */
export interface Junk {
  readonly kind: 'junk';
  readonly file: string;
  readonly line: number;
  lines: number;
  /** Including the line ends between them. */
  bytes: number;
}

/** Whether the run's first record was written after the record with this hash. */
export function fits(head: string, run: RecordRun): boolean {
  return headAfter(head, run) === run.firstHash;
}

/** The hash that the run's first record would have after one with the hash `head`. */
export function headAfter(head: string, run: RecordRun): string | undefined {
  return run.body && hash('sha256', Buffer.concat([Buffer.from(head), run.body]), 'base64url');
}
