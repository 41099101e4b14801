/** People with an instant of each, as they go between processes and to disk: plain JSON, without a string for each of them. */
import { CHARACTERS, readHash, WORDS } from './hashes.ts';

export interface Sightings {
  /** Of each the 20 characters of the hash, one behind the other. */
  readonly hashes: string;
  /** So many, one behind the other, and the instant of each of these. */
  readonly at: readonly (readonly [number, number])[];
}

/** @param keys hashes, each by itself. */
export function sightingsOf(keys: readonly string[], at = 0): Sightings {
  return { hashes: keys.join(''), at: keys.length > 0 ? [[keys.length, at]] : [] };
}

export function countOf({ hashes }: Sightings): number {
  return hashes.length / CHARACTERS;
}

/** Equal ones one behind the other. */
export function runsOf(instants: ArrayLike<number>): [number, number][] {
  const runs: [number, number][] = [];
  for (let from = 0, to = 0; from < instants.length; from = to) {
    while (to < instants.length && instants[to] === instants[from]) to += 1;
    runs.push([to - from, instants[from]!]);
  }
  return runs;
}

/** Calls for each. @param call is given the same words each time, and keeps none of them. */
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
