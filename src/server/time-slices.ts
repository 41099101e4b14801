/**
 * Shares the time of this process among sessions, so that none blocks the others: a session with work for longer than a slice waits for its next
 * turn, and turns go round by principal. While there is little to do, each is served as soon as its bytes come.
 */
import { performance } from 'node:perf_hooks';

/** Milliseconds of one turn. A stage of a judgement cannot be interrupted, and may take longer. */
const SLICE = 4;

/** Milliseconds in one turn of the event loop for bytes that have just come; what comes later in it waits. */
const AT_ONCE = 8;

/** Milliseconds from which on it is counted how long the event loop's turn has lasted. */
const NOTICEABLE = 1;

/** What may have to wait. */
export interface SliceTaker {
  /** Sessions with the same value share their turns: the principal. */
  readonly sharesWith: string;
  /** Its turn has come. Called once for each `ask`. */
  onTurn(): void;
}

export class TimeSlices {
  /** Milliseconds of work in this turn of the event loop. */
  private spent = 0;
  /** When the present work began; undefined between two. */
  private began: number | undefined;
  private scheduled = false;
  /** The waiting sessions, by `sharesWith`, in the order of service. */
  private readonly waiting = new Map<string, SliceTaker[]>();

  /** Who was served last. */
  private last: string | undefined;

  /** `now`: monotonic milliseconds. `afterOthers` calls when the event loop has turned, and what had come by then was taken. */
  constructor(
    private readonly now = () => performance.now(),
    private readonly afterOthers: (act: () => void) => void = setImmediate,
  ) {}

  /** No more work should begin before the event loop has turned. */
  get isBusy(): boolean {
    return this.spent > AT_ONCE;
  }

  /** What is being done has taken its time; the rest should `ask`. */
  isOver(): boolean {
    return this.began !== undefined && this.now() - this.began > SLICE;
  }

  /** Counts the time of `work`. */
  run(work: () => void): void {
    // Work within work, as where one session ends another, is part of it.
    if (this.began !== undefined) {
      work();
      return;
    }
    this.began = this.now();
    try {
      work();
    } finally {
      this.spent += this.now() - this.began;
      this.began = undefined;
      if (this.spent > NOTICEABLE) this.schedule();
    }
  }

  /** `taker.onTurn` is called after those that asked before. */
  ask(taker: SliceTaker): void {
    const others = this.waiting.get(taker.sharesWith);
    if (others) others.push(taker);
    else this.waiting.set(taker.sharesWith, [taker]);
    this.schedule();
  }

  private schedule(): void {
    if (this.scheduled) return;
    this.scheduled = true;
    this.afterOthers(this.turn);
  }

  /** Once in a turn of the event loop. */
  private readonly turn = (): void => {
    this.scheduled = false;
    this.spent = 0;
    while (this.waiting.size > 0 && this.spent < SLICE) this.serve();
    if (this.waiting.size > 0) this.schedule();
  };

  private serve(): void {
    let next: [string, SliceTaker[]] | undefined;
    // Who had the last turn has asked for the next one within it: others who have come since go before.
    for (next of this.waiting) if (next[0] !== this.last) break;
    const [key, takers] = next!;
    const taker = takers.shift()!;
    // To the end of the round.
    this.waiting.delete(key);
    if (takers.length > 0) this.waiting.set(key, takers);
    this.last = key;
    this.run(() => taker.onTurn());
  }
}
