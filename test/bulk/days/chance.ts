/** Random choices for the honest days, from a seed. */
import { Random } from '../../support/random.ts';

const FINE = 1 << 30;

export class Chance extends Random {
  /** From 0 to below 1. */
  part(): number {
    return this.int(FINE) / FINE;
  }

  /** True with this probability. */
  happens(probability: number): boolean {
    return this.part() < probability;
  }

  /** From `low` to `high`, both included. */
  between(low: number, high: number): number {
    return low + this.int(high - low + 1);
  }

  /** How often something happens that happens `mean` times on average (Poisson). */
  times(mean: number): number {
    // In pieces: the product of all parts would become 0.
    if (mean > 30) return this.times(30) + this.times(mean - 30);
    const least = Math.exp(-mean);
    let count = 0;
    for (let product = this.part(); product > least; product *= this.part()) count += 1;
    return count;
  }

  /** `n` different ones. */
  some<T>(of: readonly T[], n: number): T[] {
    const rest = [...of];
    return Array.from({ length: Math.min(n, rest.length) }, () => rest.splice(this.int(rest.length), 1)[0]!);
  }
}
