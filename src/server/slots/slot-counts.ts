/** Counts what is taken of every limit on connections. Which limits there are and what they are called is `connection-limits.ts`'s. */

/** A slot that a connection would take; without a `limit` it is counted only. */
export interface SlotClaim {
  readonly key: string;
  readonly limit: number | undefined;
}

export class SlotCounts {
  private readonly taken = new Map<string, number>();

  /** Takes all of them and returns undefined, or takes none and returns the index of the one that was full. */
  take(claims: readonly SlotClaim[]): number | undefined {
    // Nothing can come between the look and the taking: both are one call, in the one process that counts.
    const full = claims.findIndex(({ key, limit }) => limit !== undefined && this.count(key) >= limit);
    if (full >= 0) return full;
    for (const { key } of claims) this.taken.set(key, this.count(key) + 1);
    return undefined;
  }

  give(keys: readonly string[]): void {
    for (const key of keys) {
      const left = this.count(key) - 1;
      if (left > 0) this.taken.set(key, left);
      else this.taken.delete(key);
    }
  }

  count(key: string): number {
    return this.taken.get(key) ?? 0;
  }
}

/** What one worker holds of them, so that it can be given back when the worker dies. */
export class SlotHolding {
  private readonly held = new Map<string, number>();
  private gone = false;

  constructor(private readonly counts: SlotCounts) {}

  take(claims: readonly SlotClaim[]): number | undefined {
    // What a dead worker asked for last must not be taken after its slots were given back.
    if (this.gone) return 0;
    const full = this.counts.take(claims);
    if (full === undefined) for (const { key } of claims) this.held.set(key, (this.held.get(key) ?? 0) + 1);
    return full;
  }

  /** A worker cannot give back what it does not hold: an error in one worker must not open the others' limits. */
  give(keys: readonly string[]): void {
    for (const key of keys) {
      const held = this.held.get(key);
      if (held === undefined) continue;
      if (held > 1) this.held.set(key, held - 1);
      else this.held.delete(key);
      this.counts.give([key]);
    }
  }

  giveAll(): void {
    this.gone = true;
    for (const [key, count] of this.held) this.counts.give(Array.from({ length: count }, () => key));
    this.held.clear();
  }
}
