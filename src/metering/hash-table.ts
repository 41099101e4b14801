/**
 * A hash table of people in the order of their last sighting, with one or two numbers each. It uses a few typed arrays, some 40 bytes a person: a Map
 * of strings would take five times as much, and slow down garbage collection.
 */
import { WORDS } from './hashes.ts';

/** No place. */
export const NOWHERE = -1;
const FEWEST = 16;
/** The layout of an entry, in words: its hash, the places before and after it in the order, then its numbers, of two words each. */
const BEFORE = WORDS;
const BEHIND = WORDS + 1;
const HEAD = WORDS + 2;

export class HashTable {
  /** Entries by place. An entry's fields lie together, so that they share a cache line. */
  private entries: Int32Array;
  /** A view of the same memory. */
  private numbers: Float64Array;
  private readonly width: number;
  /** At least twice as long as the number of places. A value is a place plus 1, or 0 if empty; linear probing. */
  private index = new Int32Array(2 * FEWEST);
  private places = FEWEST;
  /** Free places form a list, linked by BEHIND. */
  private free = NOWHERE;
  private unused = 0;
  private first = NOWHERE;
  private last = NOWHERE;
  private count = 0;

  /** @param numbers in each entry. */
  constructor(numbers: 1 | 2) {
    this.width = HEAD + 2 * numbers;
    this.entries = new Int32Array(FEWEST * this.width);
    this.numbers = new Float64Array(this.entries.buffer);
  }

  get size(): number {
    return this.count;
  }

  /** The entry that was seen longest ago; NOWHERE if the table is empty. */
  get oldest(): number {
    return this.first;
  }

  /** The next entry in the order. */
  next(place: number): number {
    return this.entries[place * this.width + BEHIND]!;
  }

  /** The place of the hash whose words begin at `at`; NOWHERE if it is not there. The place stays the same until the entry is removed. */
  find(words: ArrayLike<number>, at: number): number {
    const found = this.index[this.lookUp(words, at)]!;
    return found - 1;
  }

  /** Adds a hash that is not there, as the latest. @returns the place. */
  add(words: ArrayLike<number>, at: number): number {
    if (this.free === NOWHERE && this.unused === this.places) this.grow();
    const slot = this.lookUp(words, at);
    let place = this.free;
    if (place === NOWHERE) {
      place = this.unused;
      this.unused += 1;
    } else this.free = this.next(place);
    const own = place * this.width;
    for (let i = 0; i < WORDS; i += 1) this.entries[own + i] = words[at + i]!;
    this.index[slot] = place + 1;
    this.count += 1;
    this.append(place);
    return place;
  }

  /** Moves the entry to the end of the order. */
  touch(place: number): void {
    if (place === this.last) return;
    this.unlink(place);
    this.append(place);
  }

  remove(place: number): void {
    this.unlink(place);
    const own = place * this.width;
    this.clear(this.lookUp(this.entries, own));
    this.entries[own + BEHIND] = this.free;
    this.free = place;
    this.count -= 1;
  }

  number(place: number, which = 0): number {
    return this.numbers[(place * this.width + HEAD) / 2 + which]!;
  }

  set(place: number, value: number, which = 0): void {
    this.numbers[(place * this.width + HEAD) / 2 + which] = value;
  }

  /** All hashes, in order, and their first numbers. */
  copy(): { readonly words: Int32Array; readonly numbers: Float64Array } {
    const words = new Int32Array(this.count * WORDS);
    const numbers = new Float64Array(this.count);
    for (let place = this.first, i = 0; place !== NOWHERE; place = this.next(place), i += 1) {
      for (let word = 0; word < WORDS; word += 1) words[i * WORDS + word] = this.entries[place * this.width + word]!;
      numbers[i] = this.number(place);
    }
    return { words, numbers };
  }

  /** The position of the hash in the index, or where it would be inserted. */
  private lookUp(words: ArrayLike<number>, at: number): number {
    const { index, entries, width } = this;
    const mask = index.length - 1;
    const [a, b, c, d] = [words[at]!, words[at + 1]!, words[at + 2]!, words[at + 3]!];
    for (let slot = a & mask; ; slot = (slot + 1) & mask) {
      const held = index[slot]!;
      if (held === 0) return slot;
      const own = (held - 1) * width;
      if (entries[own] !== a || entries[own + 1] !== b) continue;
      if (entries[own + 2] === c && entries[own + 3] === d) return slot;
    }
  }

  /** Entries that were displaced by the removed one move up, so that they are still found. */
  private clear(slot: number): void {
    const { index } = this;
    const mask = index.length - 1;
    let hole = slot;
    for (let at = (hole + 1) & mask; index[at] !== 0; at = (at + 1) & mask) {
      const wanted = this.entries[(index[at]! - 1) * this.width]! & mask;
      // An entry may move only if the hole lies between its wanted position and its present one.
      if (((at - wanted) & mask) < ((at - hole) & mask)) continue;
      index[hole] = index[at]!;
      hole = at;
    }
    index[hole] = 0;
  }

  private append(place: number): void {
    const { entries, width, last } = this;
    entries[place * width + BEFORE] = last;
    entries[place * width + BEHIND] = NOWHERE;
    if (last === NOWHERE) this.first = place;
    else entries[last * width + BEHIND] = place;
    this.last = place;
  }

  private unlink(place: number): void {
    const { entries, width } = this;
    const before = entries[place * width + BEFORE]!;
    const behind = entries[place * width + BEHIND]!;
    if (before === NOWHERE) this.first = behind;
    else entries[before * width + BEHIND] = behind;
    if (behind === NOWHERE) this.last = before;
    else entries[behind * width + BEFORE] = before;
  }

  private grow(): void {
    const entries = new Int32Array(2 * this.entries.length);
    entries.set(this.entries);
    this.entries = entries;
    this.numbers = new Float64Array(entries.buffer);
    this.places *= 2;
    this.index = new Int32Array(2 * this.places);
    for (let place = this.first; place !== NOWHERE; place = this.next(place)) {
      this.index[this.lookUp(entries, place * this.width)] = place + 1;
    }
  }
}
