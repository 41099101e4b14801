/** How often each of a few words came: of a closed list as a rule, and bounded where a list turns out not to be closed. */

/** So many different words; what comes beyond them counts as this one. */
const MOST = 64;
const OTHER = 'other';

export class Counts {
  private readonly byWord = new Map<string, number>();

  /** Words that are shown from the start, with 0: Prometheus sees the first rise only of a series that it has seen before. */
  constructor(known: readonly string[] = []) {
    for (const word of known) this.byWord.set(word, 0);
  }

  add(word: string, times = 1): void {
    const count = this.byWord.get(word);
    // Whatever is counted, the number of series that come of it is bounded.
    if (count === undefined && this.byWord.size >= MOST) this.byWord.set(OTHER, (this.byWord.get(OTHER) ?? 0) + times);
    else this.byWord.set(word, (count ?? 0) + times);
  }

  entries(): Iterable<[string, number]> {
    return this.byWord.entries();
  }
}
