/** How many people of one subject a run has shown, what else it has told of them, and which are in no record yet. */
import { Buffer } from 'node:buffer';
import type { KeyList } from './key-list.ts';
import { isReadable } from './key-text.ts';

/** So many keys of a run are told apart for its record; further ones count each time they are shown: perhaps too many, never too few. */
const MOST_KNOWN = 10_000;
/** So few are compared one by one. */
const FEW = 8;
/** The set of their bytes is dearer than the texts of so many. */
const AS_TEXTS = 64;
/** So many keys of a subject wait for a record at most. */
const MOST_UNRECORDED = 1_000;

export class DisclosureTally {
  /** Keys that can be shown before a record is due. */
  static readonly most = MOST_UNRECORDED - 1;
  people = 0;
  values = 0;
  /** Of those counted in `people`, the keys that are in no record yet. */
  fresh: string[] = [];
  /** Undefined as long as there are few: those in `fresh`. A set of bytes once many rows come together. */
  private known: Set<string> | KeySet | undefined;

  constructor(readonly subject: string) {}

  get room(): number {
    return DisclosureTally.most - this.fresh.length;
  }

  /** There are as many keys as one record takes. */
  get isFull(): boolean {
    return this.fresh.length >= MOST_UNRECORDED;
  }

  /** As many as a record takes. */
  takeFull(): string[] {
    return this.fresh.splice(0, MOST_UNRECORDED);
  }

  knows(key: string): boolean {
    const { known } = this;
    if (!known) return this.fresh.includes(key);
    if (known instanceof Set) return known.has(key);
    const bytes = Buffer.from(key);
    return known.has(bytes, 0, bytes.length);
  }

  count(keys: readonly string[], values: number): void {
    this.values += values;
    for (const key of keys) this.countKey(key);
  }

  private countKey(key: string): void {
    if (!this.knows(key) && this.isNew(key)) this.remember(key);
  }

  countMany(keys: KeyList, values: number): void {
    this.values += values;
    if (!(this.known instanceof KeySet) && this.people + keys.count <= AS_TEXTS) {
      keys.forEach((_start, _end, text) => void this.countKey(text()));
      return;
    }
    const known = this.bytewise(keys.count);
    const { bytes } = keys;
    keys.forEach((start, end, text) => {
      const slot = known.slotFor(bytes, start, end);
      if (slot === undefined) return;
      if (this.isNew(text()) && known.size < MOST_KNOWN) known.put(slot, bytes, start, end);
    });
  }

  private isNew(key: string): boolean {
    if (!isReadable(key)) {
      // Someone who searches the log for a person by key would not find this one.
      this.values += 1;
      return false;
    }
    this.people += 1;
    this.fresh.push(key);
    return true;
  }

  private remember(key: string): void {
    if (!this.known && this.fresh.length > FEW) this.known = new Set(this.fresh);
    const { known } = this;
    if (!known || known.size >= MOST_KNOWN) return;
    if (known instanceof Set) {
      known.add(key);
      return;
    }
    const bytes = Buffer.from(key);
    known.add(bytes, 0, bytes.length);
  }

  /** @param count so many come at once. */
  private bytewise(count: number): KeySet {
    const { known } = this;
    if (known instanceof KeySet) return known;
    const bytewise = new KeySet(count);
    this.known = bytewise;
    for (const key of known ?? this.fresh) this.remember(key);
    return bytewise;
  }
}

/** Distinct keys as the bytes of their texts, told apart byte by byte. For some thousands: a string and an entry in a set for each of a million costs more than its row. */
const FEWEST = 64;
const BYTES = 1024;
/** FNV-1a. */
const BASIS = 0x811c9dc5;
const PRIME = 0x01000193;

class KeySet {
  private bytes = Buffer.allocUnsafeSlow(BYTES);
  private ends: Uint32Array;
  /** A key's number plus 1, or 0: at the place of its hash, or after it. */
  private index: Uint32Array;
  size = 0;

  /** @param count so many come now: as many may follow. */
  constructor(count: number) {
    let room = FEWEST;
    while (room < Math.min(2 * count, MOST_KNOWN)) room *= 2;
    this.ends = new Uint32Array(room);
    this.index = new Uint32Array(2 * room);
  }

  has(source: Uint8Array, start: number, end: number): boolean {
    return this.index[this.lookUp(source, start, end)] !== 0;
  }

  add(source: Uint8Array, start: number, end: number): void {
    const slot = this.slotFor(source, start, end);
    if (slot !== undefined) this.put(slot, source, start, end);
  }

  /** Where it may be put, until another one is; undefined: it is there. */
  slotFor(source: Uint8Array, start: number, end: number): number | undefined {
    if (this.size === this.ends.length) this.grow();
    const slot = this.lookUp(source, start, end);
    return this.index[slot] === 0 ? slot : undefined;
  }

  put(slot: number, source: Uint8Array, start: number, end: number): void {
    const from = this.startOf(this.size);
    const to = from + end - start;
    if (to > this.bytes.length) {
      const more = Buffer.allocUnsafeSlow(Math.max(to, 2 * this.bytes.length));
      this.bytes.copy(more);
      this.bytes = more;
    }
    for (let i = 0; i < end - start; i += 1) this.bytes[from + i] = source[start + i]!;
    this.index[slot] = this.size + 1;
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
