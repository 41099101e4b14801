/** What was found in one file of a log. */
import type { RetentionFields, SegmentFields } from '../chain/seal.ts';
import type { Finding } from './finding.ts';
import type { Junk, RecordRun } from './runs.ts';
import type { SealReader } from './seals.ts';

export interface SegmentRecord extends SegmentFields {
  readonly line: number;
  readonly seq: number;
}

export interface RetentionRecord extends RetentionFields {
  readonly seq: number;
  readonly time: string;
}

/** Records before a start that the guard that wrote them did not seal. */
export interface Unsealed {
  readonly line: number;
  readonly from: number;
  readonly until: number;
}

export interface FileScan {
  /** The file's name, without its folder. */
  readonly file: string;
  readonly items: readonly (RecordRun | Junk)[];
  readonly records: number;
  readonly bytes: number;
  /** Its name when it wrote the file's last record. */
  readonly guard: string | undefined;
  readonly from: string | undefined;
  readonly until: string | undefined;
  /** Time of the first record after the last valid seal; undefined if that is the last record. */
  readonly unsealedSince: string | undefined;
  readonly seals: SealReader;
  readonly segments: readonly SegmentRecord[];
  readonly retentions: readonly RetentionRecord[];
  readonly unsealed: readonly Unsealed[];
  /** Findings in the file alone. */
  readonly findings: readonly Finding[];
  /** Bytes after the last line end. */
  readonly rest: number;
}
