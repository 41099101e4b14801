/** Watches the memory of this process, in which the guard runs. */

export interface Memory {
  /** At most, in MB. */
  readonly most: number;
  /** By how much the fourth quarter of the time took more than the second: what leaks goes on growing, what is remembered is bounded. */
  readonly growth: number;
}

const EVERY_MS = 1_000;

export function watchMemory(): { end(): Memory } {
  const taken: number[] = [];
  const timer = setInterval(() => taken.push(process.memoryUsage().rss / 1024 / 1024), EVERY_MS);
  return {
    end() {
      clearInterval(timer);
      const quarter = (n: number): number => {
        const part = taken.slice(((n - 1) * taken.length) / 4, (n * taken.length) / 4);
        return part.sort((a, b) => a - b)[Math.floor(part.length / 2)] ?? 0;
      };
      return { most: Math.max(...taken), growth: quarter(4) - quarter(2) };
    },
  };
}
