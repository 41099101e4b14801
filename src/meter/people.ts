/** Who was seen, and when last: the distinct people of one owner and measure, by keyed hashes of their keys. */
import { Oldest } from './oldest.ts';

/** So many are told apart. Of more the longest unseen are forgotten: seen again they count again, so that too much is counted, never too little. */
export const MOST_REMEMBERED_PEOPLE = 1_000_000;

export class People {
  /** By key, in the order in which they were last seen. */
  private readonly lastSeen: Map<string, number>;
  private readonly oldest: Oldest<number>;

  /** `seen`: as `entries` gave them. */
  constructor(
    seen: Iterable<readonly [string, number]> = [],
    private readonly most = MOST_REMEMBERED_PEOPLE,
  ) {
    this.lastSeen = new Map(seen);
    this.oldest = new Oldest(this.lastSeen);
  }

  get size(): number {
    return this.lastSeen.size;
  }

  lastSight(key: string): number | undefined {
    return this.lastSeen.get(key);
  }

  /** Returns the instant that stands: a later one, where the clock was set back. */
  see(key: string, now: number): number {
    const before = this.lastSeen.get(key);
    const last = before === undefined ? now : Math.max(before, now);
    // Put in anew, so that it stands at the end.
    this.oldest.leaves(key);
    this.lastSeen.delete(key);
    this.lastSeen.set(key, last);
    if (this.lastSeen.size > this.most) {
      const [oldest] = this.oldest.entry() ?? [key];
      this.lastSeen.delete(oldest);
    }
    return last;
  }

  /** Forgets the longest unseen as long as `gone` says so of their last sight. */
  forget(gone: (lastSight: number) => boolean): void {
    for (let entry = this.oldest.entry(); entry && gone(entry[1]); entry = this.oldest.entry()) {
      this.lastSeen.delete(entry[0]);
    }
  }

  sights(): IterableIterator<number> {
    return this.lastSeen.values();
  }

  entries(): IterableIterator<[string, number]> {
    return this.lastSeen.entries();
  }
}
