/** Counts how often each word of a small list occurred. Memory stays bounded even if the list turns out to be open. */

/** The most different words; any further word counts as OTHER. */
const MOST = 64;
const OTHER = 'other';

export class Counts {
  private readonly byWord = new Map<string, number>();

  /** Words that are reported from the start, with 0: Prometheus sees a counter's first increase only if it has seen the series before. */
  constructor(known: readonly string[] = []) {
    for (const word of known) this.byWord.set(word, 0);
  }

  add(word: string, times = 1): void {
    const count = this.byWord.get(word);
    // Bounds the number of series, whatever is counted.
    if (count === undefined && this.byWord.size >= MOST) this.byWord.set(OTHER, (this.byWord.get(OTHER) ?? 0) + times);
    else this.byWord.set(word, (count ?? 0) + times);
  }

  entries(): Iterable<[string, number]> {
    return this.byWord.entries();
  }
}
