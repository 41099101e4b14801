/** What records refer to that stand not far before them, by number. */

/** So many records back: what stands farther away is said again, so that a reader need keep no more. */
export const REACH = 100_000;

export class WithinReach<T> {
  private readonly bySeq = new Map<number, T>();

  get(seq: unknown): T | undefined {
    return this.bySeq.get(seq as number);
  }

  add(seq: number, value: T): void {
    this.bySeq.set(seq, value);
    for (const first of this.bySeq.keys()) {
      if (seq - first <= REACH) break;
      this.bySeq.delete(first);
    }
  }

  delete(seq: unknown): void {
    this.bySeq.delete(seq as number);
  }
}
