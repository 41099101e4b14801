/** The entry of a map that was put in longest ago. Whoever begins at the front anew each time goes through all that was taken from there. */
export class Oldest<Value> {
  private order: IterableIterator<[string, Value]>;
  private front: readonly [string, Value] | undefined;

  /** An entry that is put in anew, with which it stands at the end, must be taken out before; where its value may be the same, `leaves` must say so. */
  constructor(private readonly map: ReadonlyMap<string, Value>) {
    this.order = map.entries();
  }

  /** The entry of this key is about to be taken out, and perhaps put in anew. */
  leaves(key: string): void {
    if (this.front?.[0] === key) this.front = undefined;
  }

  /** It stays the same until it is taken out. */
  entry(): readonly [string, Value] | undefined {
    while (this.map.size > 0) {
      // What was put in anew meanwhile is found again at the end.
      if (this.front && this.map.get(this.front[0]) === this.front[1]) return this.front;
      const next = this.order.next();
      this.front = next.done ? undefined : next.value;
      if (next.done) this.order = this.map.entries();
    }
    this.front = undefined;
    return undefined;
  }
}
