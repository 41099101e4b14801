/** Distinct keys as the bytes of their texts, told apart byte by byte. For some thousands: a string and an entry in a set for each of a million costs more than its row. */
import { Buffer } from 'node:buffer';

const FEWEST = 64;
const BYTES = 1024;
/** FNV-1a. */
const BASIS = 0x811c9dc5;
const PRIME = 0x01000193;

export class KeySet {
  private bytes = Buffer.allocUnsafeSlow(BYTES);
  private ends = new Uint32Array(FEWEST);
  /** A key's number and 1, or 0: where its hash says, or behind. */
  private index = new Uint32Array(2 * FEWEST);
  size = 0;

  has(source: Uint8Array, start: number, end: number): boolean {
    return this.index[this.lookUp(source, start, end)] !== 0;
  }

  /** Puts one in that is not there. */
  add(source: Uint8Array, start: number, end: number): void {
    if (this.size === this.ends.length) this.grow();
    const from = this.startOf(this.size);
    const to = from + end - start;
    if (to > this.bytes.length) {
      const more = Buffer.allocUnsafeSlow(Math.max(to, 2 * this.bytes.length));
      this.bytes.copy(more);
      this.bytes = more;
    }
    for (let i = 0; i < end - start; i += 1) this.bytes[from + i] = source[start + i]!;
    this.index[this.lookUp(source, start, end)] = this.size + 1;
    this.ends[this.size] = to;
    this.size += 1;
  }

  private startOf(key: number): number {
    return key === 0 ? 0 : this.ends[key - 1]!;
  }

  private lookUp(source: Uint8Array, start: number, end: number): number {
    const { index, bytes, ends } = this;
    const mask = index.length - 1;
    let hash = BASIS;
    for (let at = start; at < end; at += 1) hash = Math.imul(hash ^ source[at]!, PRIME);
    for (let slot = (hash ^ (hash >>> 15)) & mask; ; slot = (slot + 1) & mask) {
      const held = index[slot]!;
      if (held === 0) return slot;
      const from = this.startOf(held - 1);
      if (ends[held - 1]! - from !== end - start) continue;
      let same = true;
      for (let i = 0; same && i < end - start; i += 1) same = bytes[from + i] === source[start + i];
      if (same) return slot;
    }
  }

  private grow(): void {
    const ends = new Uint32Array(2 * this.ends.length);
    ends.set(this.ends);
    this.ends = ends;
    this.index = new Uint32Array(2 * ends.length);
    for (let key = 0; key < this.size; key += 1) {
      this.index[this.lookUp(this.bytes, this.startOf(key), ends[key]!)] = key + 1;
    }
  }
}
