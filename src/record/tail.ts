/** Reads the end of an existing log, so that a guard which starts again counts on. */
import { readSync } from 'node:fs';

const CHUNK = 64 * 1024;
/** Where this much from the end holds no record, the file is something else, and appending to it would bury it. */
const FARTHEST = 64 * 1024 * 1024;

/**
 * The sequence number of the last whole record; 0 where the file is empty. A torn last line is passed over; one that lacks
 * nothing but its line end counts. Throws where the file holds no record at all.
 */
export function lastSequence(fd: number, size: number): number {
  let carried = Buffer.alloc(0);
  let position = size;
  while (position > 0 && size - position < FARTHEST) {
    const length = Math.min(Math.max(CHUNK, carried.length), position);
    position -= length;
    const chunk = Buffer.alloc(length);
    readSync(fd, chunk, 0, length, position);
    const bytes = Buffer.concat([chunk, carried]);
    // Before the first line end stands the rest of a line that began further up.
    const whole = position === 0 ? 0 : bytes.indexOf(0x0a) + 1;
    if (position > 0 && whole === 0) {
      carried = bytes;
      continue;
    }
    const seq = sequenceIn(bytes.subarray(whole));
    if (seq !== undefined) return seq;
    carried = bytes.subarray(0, whole);
  }
  if (size === 0) return 0;
  throw new Error('file holds no decision record');
}

/** True where the file does not end in a line end: what is written next must not join what was torn off there. */
export function endsInsideLine(fd: number, size: number): boolean {
  if (size === 0) return false;
  const last = Buffer.alloc(1);
  readSync(fd, last, 0, 1, size - 1);
  return last[0] !== 0x0a;
}

function sequenceIn(bytes: Buffer): number | undefined {
  for (const line of bytes.toString('utf8').split('\n').reverse()) {
    if (!line.startsWith('{')) continue;
    try {
      const record: unknown = JSON.parse(line);
      const seq = record !== null && typeof record === 'object' && 'seq' in record ? record.seq : undefined;
      if (Number.isSafeInteger(seq)) return seq as number;
    } catch {
      // torn, or not ours
    }
  }
  return undefined;
}
