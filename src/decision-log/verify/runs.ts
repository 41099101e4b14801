/** What was found in a file, in the order in which it stands there: runs of records that fit one behind the other, and text that is no record. */
import { Buffer } from 'node:buffer';
import { hash } from 'node:crypto';

/** An untouched file is one run. Wherever a record does not fit behind the one before it, another begins. */
export interface GuardRun {
  readonly kind: 'run';
  readonly file: string;
  /** Of its first record. */
  readonly line: number;
  readonly first: number;
  last: number;
  /** Of its first record: what was hashed, behind the hash of the record before. Absent where too much would have to be kept. */
  readonly body: Buffer | undefined;
  readonly firstHash: string;
  lastHash: string;
  /** Its first record says that so many bytes before it were torn off. */
  readonly torn: number | undefined;
}

/** Lines that are no records. */
export interface Junk {
  readonly kind: 'junk';
  readonly file: string;
  readonly line: number;
  lines: number;
  /** With the line ends between them. */
  bytes: number;
}

/** Whether the run's first record was written behind the one with this hash. */
export function fits(head: string, run: GuardRun): boolean {
  return headAfter(head, run) === run.firstHash;
}

/** The hash that the run's first record has behind the one with the hash `head`. */
export function headAfter(head: string, run: GuardRun): string | undefined {
  return run.body && hash('sha256', Buffer.concat([Buffer.from(head), run.body]), 'base64url');
}
