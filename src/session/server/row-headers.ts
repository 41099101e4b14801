/** Rows that have come whole and side by side: found by their headers, in place. */

import { int32At } from '../../protocol/integers.ts';
import { HEADER_BYTES } from '../../protocol/message-cursor.ts';
import { countIn } from './answer-grammar.ts';

/** What is asked about so many together is little for each; and it is not much that is looked at again, one by one, near a limit. */
const MOST = 512;
/** Fewer are looked at one by one. */
const FEWEST = 4;
/** Longer ones may pass in pieces. */
const LONGEST = 64 * 1024;

export class RowHeaders {
  /** In which they lie. */
  chunk: Uint8Array = new Uint8Array(0);
  /** Where each begins; and after the last one, where that ends. */
  readonly starts = new Uint32Array(MOST + 1);
  count = 0;

  /** @param at the start of a message. @param fields how many each must have; -1: they have no count. @returns whether there are many of that type. */
  find(chunk: Uint8Array, at: number, type: number, fields: number): boolean {
    const { starts } = this;
    let count = 0;
    let next = at;
    starts[0] = at;
    while (count < MOST && next + HEADER_BYTES <= chunk.length && chunk[next] === type) {
      const length = int32At(chunk, next + 1) + 1;
      if (length < HEADER_BYTES || length > LONGEST || next + length > chunk.length) break;
      // One that has others is looked at by itself, and ends the session.
      if (fields >= 0 && countIn(chunk, next, length) !== fields) break;
      next += length;
      count += 1;
      starts[count] = next;
    }
    this.chunk = chunk;
    this.count = count;
    return count >= FEWEST;
  }

  /** Bytes, headers included. */
  get length(): number {
    return this.starts[this.count]! - this.starts[0]!;
  }
}
