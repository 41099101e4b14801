/** Keyed hashes of data subjects' keys: 120 bits, as four words of 30 bits while counting, and as 20 characters of base64url between processes. */
import { Buffer } from 'node:buffer';

export const WORDS = 4;
const CHARACTERS_OF_WORD = 5;
export const CHARACTERS = WORDS * CHARACTERS_OF_WORD;
const ALPHABET = Buffer.from('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_');
const NONE = 255;
const VALUE_OF = new Uint8Array(128).fill(NONE);
for (const [value, character] of ALPHABET.entries()) VALUE_OF[character] = value;

/** A set of people. */
export interface Hashes {
  readonly count: number;
  /** Four words for each, concatenated. They may be computed on demand. */
  readonly words: ArrayLike<number>;
  /** These people and others, who may be the same: computed together. */
  with(others: readonly Hashes[]): Hashes;
}

/** Concatenated. */
export function hashText(words: ArrayLike<number>): string {
  const bytes = Buffer.allocUnsafe(words.length * CHARACTERS_OF_WORD);
  for (let i = 0, at = 0; i < words.length; i += 1, at += CHARACTERS_OF_WORD) {
    const word = words[i]!;
    bytes[at] = ALPHABET[word >>> 24]!;
    bytes[at + 1] = ALPHABET[(word >>> 18) & 63]!;
    bytes[at + 2] = ALPHABET[(word >>> 12) & 63]!;
    bytes[at + 3] = ALPHABET[(word >>> 6) & 63]!;
    bytes[at + 4] = ALPHABET[word & 63]!;
  }
  return bytes.toString('latin1');
}

/** One text for each hash. */
export function eachHash(text: string): string[] {
  return Array.from({ length: text.length / CHARACTERS }, (_, i) => text.slice(i * CHARACTERS, (i + 1) * CHARACTERS));
}

/** Reads the hash that begins at that character. @throws RangeError if there is none. */
export function readHash(text: string, from: number, words: Int32Array): void {
  let values = 0;
  for (let word = 0, at = from; word < WORDS; word += 1) {
    let value = 0;
    for (let i = 0; i < CHARACTERS_OF_WORD; i += 1, at += 1) {
      const six = VALUE_OF[text.charCodeAt(at)] ?? NONE;
      values |= six;
      value = (value << 6) | six;
    }
    words[word] = value;
  }
  if (values > 63) throw new RangeError('not the hash of a person');
}
