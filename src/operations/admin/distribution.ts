/** A Prometheus histogram of durations, cheap enough to update for every statement. */

/** Upper bounds in seconds, 1 µs to 10 s: a cached judgement takes less than the first, a report may take as long as the last. */
export const BOUNDS = [
  1e-6, 2.5e-6, 5e-6, 1e-5, 2.5e-5, 5e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1,
  2.5, 5, 10,
];

export class Distribution {
  /** Counts by bucket; the last one is for durations above all bounds. */
  private readonly inBucket = new Float64Array(BOUNDS.length + 1);
  private total = 0;

  observe(seconds: number): void {
    let [low, high] = [0, BOUNDS.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (seconds <= (BOUNDS[middle] ?? 0)) high = middle;
      else low = middle + 1;
    }
    this.inBucket[low] = (this.inBucket[low] ?? 0) + 1;
    this.total += seconds;
  }

  get sum(): number {
    return this.total;
  }

  /** How many durations were at most each bound, as Prometheus counts; the last number is the total. */
  cumulative(): number[] {
    let below = 0;
    return Array.from(this.inBucket, (count) => {
      below += count;
      return below;
    });
  }
}
