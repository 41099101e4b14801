/** DataRow, read in part: finds the positions of values without copying them. */
import type { Frame } from './frame-reader.ts';
import { int32At, uint16At } from './integers.ts';
import { HEADER_BYTES } from './message-cursor.ts';

/** Reused for one row after another. */
export class RowFields {
  private bytes: Uint8Array = new Uint8Array(0);
  private readonly starts: number[] = [];
  private readonly lengths: number[] = [];
  /** Columns of the row that were asked for. */
  count = 0;
  /** Values that were found, NULLs included. */
  found = 0;
  /** Offset after the last complete value. */
  beyond = 0;

  /** Finds the first columns of a row, or of its first piece, which begins at `from`. */
  locate({ bytes, length }: Pick<Frame, 'bytes' | 'length'>, columns: number, from = 0): void {
    this.bytes = bytes;
    this.found = 0;
    let at = from + HEADER_BYTES + 2;
    const last = Math.min(bytes.length, from + length);
    this.count = last < at ? 0 : Math.min(columns, uint16At(bytes, from + HEADER_BYTES));
    while (this.found < this.count && at + 4 <= last) {
      const size = int32At(bytes, at);
      const end = at + 4 + Math.max(0, size);
      if (end > last) break;
      this.starts[this.found] = at + 4;
      this.lengths[this.found] = size;
      this.found += 1;
      at = end;
    }
    this.beyond = this.found < Math.min(columns, this.count) ? length - (at - from) : 0;
  }

  /** For callers that find values in another way: adds the next value, by position and length. */
  put(start: number, length: number): void {
    this.starts[this.found] = start;
    this.lengths[this.found] = length;
    this.found += 1;
  }

  startOf(column: number): number {
    return this.starts[column]!;
  }

  /** Length in bytes, -1 for NULL; undefined if the value was not found. */
  lengthOf(column: number): number | undefined {
    return column < this.found ? this.lengths[column] : undefined;
  }

  /** A view of the value; null for NULL, undefined if it is not completely in the received part of the row. */
  value(column: number): Uint8Array | null | undefined {
    const length = this.lengthOf(column);
    if (length === undefined) return undefined;
    if (length < 0) return null;
    const start = this.starts[column]!;
    return this.bytes.subarray(start, start + length);
  }
}
