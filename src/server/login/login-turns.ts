/**
 * Lets connections that have not logged in work one after another, for a few milliseconds in a turn of the event loop: however many send something at once,
 * sessions are served in between.
 */
import { performance } from 'node:perf_hooks';
import { nextTick } from 'node:process';

/** Milliseconds of one turn. A step that has begun, such as a TLS handshake's, may take longer. */
const SLICE = 4;

export class LoginTurns {
  /** In the order of service. */
  private readonly waiting: (() => void)[] = [];
  private scheduled = false;

  /** `now`: monotonic milliseconds. `afterOthers` calls when the event loop has turned. */
  constructor(
    private readonly now = () => performance.now(),
    private readonly afterOthers: (act: () => void) => void = setImmediate,
  ) {}

  /** Resolves when the caller may work until it waits for something else. */
  next(): Promise<void> {
    return new Promise((resolve) => {
      this.waiting.push(resolve);
      this.schedule();
    });
  }

  private schedule(): void {
    if (this.scheduled || this.waiting.length === 0) return;
    this.scheduled = true;
    this.afterOthers(() => void this.serve());
  }

  private async serve(): Promise<void> {
    const began = this.now();
    // Continues in a microtask: a turn lasts until the microtasks of the work it started are done.
    await undefined;
    do {
      this.waiting.shift()?.();
      await new Promise<void>((done) => nextTick(done));
    } while (this.waiting.length > 0 && this.now() - began < SLICE);
    this.scheduled = false;
    this.schedule();
  }
}
