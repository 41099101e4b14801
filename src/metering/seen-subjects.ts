/** Who was seen, and when last: the distinct people of one owner and measure, as keyed hashes. */

import { HashTable, NOWHERE } from './hash-table.ts';
import { hashText, readHash, WORDS } from './hashes.ts';
import { forEachSighting, runsOf, type Sightings } from './sightings.ts';

/** LRU: an evicted person counts again when seen again, so the count is never too low. */
export const MOST_REMEMBERED_SUBJECTS = 1_000_000;
/** How many are written out at once. */
const AT_ONCE = 5_000;

/** A buffer for one hash. */
const one = new Int32Array(WORDS);

export class SeenSubjects {
  /** In the order of the last sighting; the number is its time. */
  private readonly seen = new HashTable(1);

  /** `seen`: from `entries`. */
  constructor(
    seen: readonly Sightings[] = [],
    private readonly most = MOST_REMEMBERED_SUBJECTS,
  ) {
    for (const some of seen) forEachSighting(some, (words, sight) => void this.see(words, sight));
  }

  get size(): number {
    return this.seen.size;
  }

  lastSight(key: string): number | undefined {
    readHash(key, 0, one);
    const place = this.seen.find(one, 0);
    return place === NOWHERE ? undefined : this.seen.number(place);
  }

  /**
   * Marks a person as seen now; if the clock was set back, the later sighting stays.
   * @param words of the hash. @returns the last sighting before; undefined if the person is new here.
   */
  see(words: ArrayLike<number>, now: number): number | undefined {
    const { seen } = this;
    const known = seen.find(words, 0);
    if (known !== NOWHERE) {
      const before = seen.number(known);
      seen.set(known, Math.max(before, now));
      seen.touch(known);
      return before;
    }
    if (seen.size >= this.most) seen.remove(seen.oldest);
    seen.set(seen.add(words, 0), now);
    return undefined;
  }

  /** Forgets people from the longest unseen on, while `gone` is true for their last sighting. */
  forget(gone: (lastSight: number) => boolean): void {
    const { seen } = this;
    while (seen.oldest !== NOWHERE && gone(seen.number(seen.oldest))) seen.remove(seen.oldest);
  }

  *sights(): IterableIterator<number> {
    for (let place = this.seen.oldest; place !== NOWHERE; place = this.seen.next(place)) yield this.seen.number(place);
  }

  /** Everyone now, even if they change before they are written out. */
  entries(): Iterable<Sightings> {
    const { words, numbers } = this.seen.copy();
    return written(words, numbers);
  }
}

function* written(words: Int32Array, sights: Float64Array): IterableIterator<Sightings> {
  for (let from = 0; from < sights.length; from += AT_ONCE) {
    const to = Math.min(sights.length, from + AT_ONCE);
    yield { hashes: hashText(words.subarray(from * WORDS, to * WORDS)), at: runsOf(sights.subarray(from, to)) };
  }
}
