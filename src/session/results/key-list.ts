/** Keys of people side by side, as the bytes of their texts: those of many rows, without a string for each. Used again for the next rows. */
import { Buffer } from 'node:buffer';

/** For those of one row: memory outside of V8's heap, as one list of many has it, costs each statement more than all that it counts. */
const BYTES = 64;

export class KeyList {
  /** UTF-8. */
  bytes: Buffer = Buffer.allocUnsafe(BYTES);
  /** Where each ends; it begins where the one before ends. */
  readonly ends: number[] = [];
  count = 0;
  private ascii = true;
  /** The first key of the row. */
  private row = 0;

  clear(): void {
    this.count = 0;
    this.row = 0;
    this.ascii = true;
  }

  beginRow(): void {
    this.row = this.count;
  }

  /** Takes those of the row out again. */
  dropRow(): void {
    this.count = this.row;
  }

  startOf(key: number): number {
    return key === 0 ? 0 : this.ends[key - 1]!;
  }

  /** Adds one that is ASCII, unless the row has it already. */
  add(source: Uint8Array, start: number, end: number): void {
    const from = this.startOf(this.count);
    this.makeRoom(from + end - start);
    const { bytes } = this;
    for (let at = start, into = from; at < end; at += 1, into += 1) bytes[into] = source[at]!;
    for (let key = this.row; key < this.count; key += 1) if (this.isAt(key, from, from + end - start)) return;
    this.ends[this.count] = from + end - start;
    this.count += 1;
  }

  /** Adds any text that the row does not have yet. */
  addText(key: string): void {
    const from = this.startOf(this.count);
    const length = Buffer.byteLength(key);
    this.makeRoom(from + length);
    this.bytes.write(key, from);
    if (length > key.length) this.ascii = false;
    this.ends[this.count] = from + length;
    this.count += 1;
  }

  /** Calls for each with where it begins and ends, and what makes its text. */
  forEach(call: (start: number, end: number, text: () => string) => void): void {
    const { bytes, ends, ascii } = this;
    const all = ascii ? bytes.toString('latin1', 0, this.startOf(this.count)) : '';
    let start = 0;
    let end = 0;
    const text = () => (ascii ? all.slice(start, end) : bytes.toString('utf8', start, end));
    for (let i = 0; i < this.count; i += 1, start = end) {
      end = ends[i]!;
      call(start, end, text);
    }
  }

  texts(): string[] {
    const texts: string[] = [];
    this.forEach((_start, _end, text) => void texts.push(text()));
    return texts;
  }

  private isAt(key: number, from: number, to: number): boolean {
    const { bytes } = this;
    const start = this.startOf(key);
    if (this.ends[key]! - start !== to - from) return false;
    for (let i = 0; i < to - from; i += 1) if (bytes[start + i] !== bytes[from + i]) return false;
    return true;
  }

  /** For bytes up to there. */
  private makeRoom(bytes: number): void {
    if (bytes <= this.bytes.length) return;
    const more = Buffer.allocUnsafe(Math.max(bytes, 4 * this.bytes.length));
    this.bytes.copy(more);
    this.bytes = more;
  }
}
