/** DataRow, read in part: where its values stand, without copying any. */
import type { Frame } from './frame-reader.ts';
import { int32At, uint16At } from './integers.ts';
import { HEADER_BYTES } from './message-cursor.ts';

/** Used again for one row after the other. */
export class RowFields {
  private bytes: Uint8Array = new Uint8Array(0);
  private readonly starts: number[] = [];
  private readonly lengths: number[] = [];
  /** Columns of the row that were to be looked at. */
  count = 0;
  /** Values that were found, NULLs included. */
  found = 0;
  /** Bytes of the row behind the last value that was found whole. */
  beyond = 0;

  /** Looks at the first columns of a row, or of its first piece, which begins at `from`. */
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

  /** For who finds the values in another way: the next one, of so many bytes. */
  put(start: number, length: number): void {
    this.starts[this.found] = start;
    this.lengths[this.found] = length;
    this.found += 1;
  }

  startOf(column: number): number {
    return this.starts[column]!;
  }

  /** Length in bytes, -1 for NULL; undefined where it lies beyond. */
  lengthOf(column: number): number | undefined {
    return column < this.found ? this.lengths[column] : undefined;
  }

  /** A view of the value; null where it is NULL, undefined where it does not lie whole in what has come of the row. */
  value(column: number): Uint8Array | null | undefined {
    const length = this.lengthOf(column);
    if (length === undefined) return undefined;
    if (length < 0) return null;
    const start = this.starts[column]!;
    return this.bytes.subarray(start, start + length);
  }
}
