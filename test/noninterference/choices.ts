/** A source of random choices that remembers them, so that a statement can be made again, or from fewer choices. */

export class Choices {
  /** The choices so far. */
  readonly made: number[] = [];
  private state: number;

  /** Chooses by the seed, or by `again`, which was `made` before; behind its end always the first. */
  constructor(
    seed: number,
    private readonly again?: readonly number[],
  ) {
    this.state = seed >>> 0;
  }

  /** From 0 to below `n`. 0 is the simplest choice. */
  int(n: number): number {
    const chosen = this.again ? Math.min(this.again[this.made.length] ?? 0, n - 1) : this.random(n);
    this.made.push(chosen);
    return chosen;
  }

  chance(percent: number): boolean {
    return this.int(100) >= 100 - percent;
  }

  /** The first should be the simplest. */
  pick<T>(of: readonly T[]): T {
    const one = of[this.int(of.length)];
    if (one === undefined) throw new Error('nothing to pick from');
    return one;
  }

  /** mulberry32 */
  private random(n: number): number {
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    let t = this.state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * n);
  }
}

/**
 * Fewer and smaller choices for which `still` holds, tried at most `tries` times: leaves out runs of them, then takes the first
 * alternative in their place.
 */
export async function shrink(
  choices: readonly number[],
  still: (smaller: readonly number[]) => Promise<boolean>,
  tries = 300,
): Promise<readonly number[]> {
  let best = choices;
  let left = tries;
  const attempt = async (candidate: readonly number[]): Promise<boolean> => {
    left -= 1;
    if (left < 0 || !(await still(candidate))) return false;
    best = candidate;
    return true;
  };
  for (let size = Math.ceil(choices.length / 2); size >= 1 && left > 0; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = 0; at < best.length && left > 0; ) {
      const dropped = [...best.slice(0, at), ...best.slice(at + size)];
      const zeroed = best.map((choice, i) => (i >= at && i < at + size ? 0 : choice));
      if (await attempt(dropped)) continue;
      if (zeroed.some((choice, i) => choice !== best[i])) await attempt(zeroed);
      at += size;
    }
  }
  return best;
}
