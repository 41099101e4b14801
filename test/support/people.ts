/** Hashes of people as stores and accounts use them, by names that a test can read. */
import { createHash } from 'node:crypto';
import { type Hashes, readHash, WORDS } from '../../src/metering/hashes.ts';
import { type Sightings, sightingsOf } from '../../src/metering/sightings.ts';

/** The hash of a name: like a keyed hash, 20 characters of base64url. */
export function hashOf(name: string): string {
  return createHash('sha256').update(name).digest('base64url').slice(0, 20);
}

/** @param grantedAt 0: no place was taken for them. */
export function seen(names: readonly string[], grantedAt = 0): Sightings {
  return sightingsOf(names.map(hashOf), grantedAt);
}

export function wordsOf(name: string): Int32Array {
  const words = new Int32Array(WORDS);
  readHash(hashOf(name), 0, words);
  return words;
}

/** @param hashed called for each name, when the words are asked for. */
export function hashesOf(names: readonly string[], hashed: (name: string) => void = () => {}): Hashes {
  const hash = (name: string): number[] => {
    hashed(name);
    return [...wordsOf(name)];
  };
  let words: number[] | undefined;
  return {
    count: names.length,
    get words() {
      words ??= names.flatMap(hash);
      return words;
    },
    with: joined,
  };
}

function joined(this: Hashes, others: readonly Hashes[]): Hashes {
  const all = [this, ...others];
  return {
    count: all.reduce((sum, { count }) => sum + count, 0),
    get words() {
      return all.flatMap(({ words }) => Array.from(words));
    },
    with: joined,
  };
}
