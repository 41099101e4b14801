/** Random values that can be repeated: fuzzing prints its seed, and ROWGATE_SEED repeats a run. */
import { randomInt } from 'node:crypto';

export class Random {
  private state: number;

  constructor(readonly seed: number) {
    this.state = seed >>> 0;
  }

  /** From 0 to below `n` (mulberry32). */
  int(n: number): number {
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    let t = this.state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * n);
  }

  /** True once in `n` times. */
  once(n: number): boolean {
    return this.int(n) === 0;
  }

  pick<T>(of: readonly T[]): T {
    return of[this.int(of.length)]!;
  }

  bytes(n: number): Buffer {
    return Buffer.from(Array.from({ length: n }, () => this.int(256)));
  }
}

/** The same at each `npm test`, another at each long run; ROWGATE_SEED sets it. */
export function fuzzSeed(): number {
  const { ROWGATE_SEED, ROWGATE_LONG } = process.env;
  if (ROWGATE_SEED !== undefined) return Number(ROWGATE_SEED);
  return ROWGATE_LONG ? randomInt(2 ** 31) : 20261125;
}

/** How many inputs a fuzz test takes. */
export function fuzzRuns(short: number, long: number): number {
  return Number(process.env.ROWGATE_RUNS ?? (process.env.ROWGATE_LONG ? long : short));
}

/** Calls `act` with each input's own source, so that a failure can be had again by its seed alone. */
export function fuzz(runs: number, act: (random: Random) => void): void {
  const seed = fuzzSeed();
  for (let run = 0; run < runs; run += 1) {
    const random = new Random(seed + run);
    try {
      act(random);
    } catch (error) {
      throw new Error(`input ${run}: again by ROWGATE_SEED=${random.seed} ROWGATE_RUNS=1`, { cause: error });
    }
  }
}
