/** Limits concurrent work, so that one person can occupy neither all running slots nor all waiting ones. */
import { AsyncLocalStorage } from 'node:async_hooks';
import { ConsoleProblem } from './problem.ts';

/** The person for whom the current work is done. */
export const asker = new AsyncLocalStorage<string>();

export interface Places {
  readonly running: { readonly all: number; readonly ofOne: number };
  readonly waiting: { readonly all: number; readonly ofOne: number };
}

interface Waiting {
  readonly who: string;
  start(): void;
}

export class FairQueue {
  private readonly running = new Map<string, number>();
  /** When each began last, in turns. */
  private readonly turns = new Map<string, number>();
  private turn = 0;
  private waiting: Waiting[] = [];

  constructor(private readonly places: Places) {}

  /** Does the work when there is a place for the asker. Throws ConsoleProblem where too much of it waits. */
  async run<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    const who = asker.getStore() ?? '';
    if (this.mayStart(who)) this.begin(who);
    else await this.wait(who, signal);
    try {
      return await work();
    } finally {
      this.running.set(who, this.runningOf(who) - 1);
      this.startNext();
      this.forgetIdle(who);
    }
  }

  private wait(who: string, signal: AbortSignal | undefined): Promise<void> {
    const { all, ofOne } = this.places.waiting;
    const own = this.waiting.filter((one) => one.who === who).length;
    if (own >= ofOne || this.waiting.length >= all) throw new ConsoleProblem('too-many', 'too many questions at once');
    return new Promise((done, fail) => {
      const place = { who, start: done };
      this.waiting.push(place);
      // The browser has gone.
      signal?.addEventListener(
        'abort',
        () => {
          this.waiting = this.waiting.filter((one) => one !== place);
          fail(new ConsoleProblem('failed', 'it was given up'));
        },
        { once: true },
      );
    });
  }

  /** People take turns: the next one served is the one whose latest work began first. */
  private startNext(): void {
    for (;;) {
      const ready = this.waiting.filter(({ who }) => this.mayStart(who));
      const [next] = ready.sort((a, b) => (this.turns.get(a.who) ?? 0) - (this.turns.get(b.who) ?? 0));
      if (!next) return;
      this.waiting = this.waiting.filter((one) => one !== next);
      this.begin(next.who);
      next.start();
    }
  }

  private forgetIdle(who: string): void {
    if (this.runningOf(who) > 0) return;
    this.running.delete(who);
    if (!this.waiting.some((one) => one.who === who)) this.turns.delete(who);
  }

  private mayStart(who: string): boolean {
    const { all, ofOne } = this.places.running;
    const running = [...this.running.values()].reduce((sum, count) => sum + count, 0);
    return running < all && this.runningOf(who) < ofOne;
  }

  private begin(who: string): void {
    this.running.set(who, this.runningOf(who) + 1);
    this.turn += 1;
    this.turns.set(who, this.turn);
  }

  private runningOf(who: string): number {
    return this.running.get(who) ?? 0;
  }
}
