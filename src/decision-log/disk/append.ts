/** Appends to a file, and tells how far that came where it fails. */
import { writeSync } from 'node:fs';

/** `doubtful`: it stands in the file, but nobody can say that it reached the disk. `absent`: no whole line of it is there. */
export type Written = 'written' | 'doubtful' | 'absent';

/** What has become of lines that were to be appended. */
export interface Outcome {
  /** So many of the lines stand whole, from the first on. */
  readonly lines: number;
  /** Of the last one. */
  readonly written: Written;
}

export interface Appended {
  /** Bytes that stand in the file. */
  readonly done: number;
  /** Undefined where all do. */
  readonly error: unknown;
}

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
 * How many lines of `bytes` stand where so many bytes were written. All but the line end will do: the record stands, and the next one begins
 * with the line end that this one lacks. `behindLine`: the first byte is such a line end.
 */
export function linesStanding(bytes: Uint8Array, done: number, behindLine: boolean): number {
  let ends = behindLine ? -1 : 0;
  for (let at = bytes.indexOf(LINE_END); at >= 0 && at <= done; at = bytes.indexOf(LINE_END, at + 1)) ends += 1;
  return Math.max(0, ends);
}
