/** People with an instant each, for other processes and the disk: plain JSON, without a string for each person. */
import { CHARACTERS, readHash, WORDS } from './hashes.ts';

/**
 * The instant is a person's last sighting where an account is stored. In a report to a store it is the time of the grant that a new person's place came
 * from; for a person who is counted already it is negative: a time on the day on which they were shown. 0: that is not known.
 */
export interface Sightings {
  /** The 20 characters of each hash, concatenated. */
  readonly hashes: string;
  /** Run lengths: a number of consecutive people, and their instant. */
  readonly at: readonly (readonly [number, number])[];
}

/** @param keys one hash each. */
export function sightingsOf(keys: readonly string[], at = 0): Sightings {
  return { hashes: keys.join(''), at: keys.length > 0 ? [[keys.length, at]] : [] };
}

export function countOf({ hashes }: Sightings): number {
  return hashes.length / CHARACTERS;
}

/** Joins equal neighbours into runs. */
export function runsOf(instants: ArrayLike<number>): [number, number][] {
  const runs: [number, number][] = [];
  for (let from = 0, to = 0; from < instants.length; from = to) {
    while (to < instants.length && instants[to] === instants[from]) to += 1;
    runs.push([to - from, instants[from]!]);
  }
  return runs;
}

/** Calls `call` for each person, with the same array each time: it must not be kept. */
export function forEachSighting({ hashes, at }: Sightings, call: (words: Int32Array, instant: number) => void): void {
  const words = new Int32Array(WORDS);
  let from = 0;
  for (const [count, instant] of at) {
    for (let i = 0; i < count; i += 1, from += CHARACTERS) {
      readHash(hashes, from, words);
      call(words, instant);
    }
  }
}
