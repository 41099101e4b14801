/** Keeps long work from holding up the others of its process: it works for a moment, and leaves them as long. */
import { performance } from 'node:perf_hooks';
import { setTimeout as wait } from 'node:timers/promises';

const MOMENT_MS = 2;

export class LoopYield {
  private begun = performance.now();

  /** To be called often. */
  async take(): Promise<void> {
    if (performance.now() - this.begun < MOMENT_MS) return;
    await wait(MOMENT_MS, undefined, { ref: false });
    this.begun = performance.now();
  }
}
