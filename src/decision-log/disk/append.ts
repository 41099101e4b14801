/** Appends to a file, and tells how much was written if that fails. */
import { writeSync } from 'node:fs';

/** `doubtful`: it is in the file, but may not have reached the disk. `absent`: no complete line of it is in the file. */
export type WriteState = 'written' | 'doubtful' | 'absent';

/** What happened to lines that were to be appended. */
export interface AppendOutcome {
  /** How many of the lines are complete, from the first on. */
  readonly lines: number;
  /** The state of the last one. */
  readonly written: WriteState;
}

export interface Appended {
  /** Bytes in the file. */
  readonly done: number;
  /** Undefined if everything was written. */
  readonly error: unknown;
}

/** Writes all bytes at the end. Does not throw: `done` bytes were written before `error`. */
export function append(fd: number, bytes: Uint8Array): Appended {
  let done = 0;
  try {
    while (done < bytes.length) done += writeSync(fd, bytes, done);
    return { done, error: undefined };
  } catch (error) {
    return { done, error };
  }
}

export const LINE_END = 10;

/**
 * How many lines of `bytes` are complete after `done` bytes were written. A line that lacks only its line end counts: the next record then begins
 * with that line end. `behindLine`: the first byte is such a line end.
 */
export function completeLines(bytes: Uint8Array, done: number, behindLine: boolean): number {
  let ends = behindLine ? -1 : 0;
  for (let at = bytes.indexOf(LINE_END); at >= 0 && at <= done; at = bytes.indexOf(LINE_END, at + 1)) ends += 1;
  return Math.max(0, ends);
}
