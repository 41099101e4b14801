/** How long a judgement may go on: the walks over a statement spend steps, and it is given up where its time is over. */

/** What is done in steps, between which other sessions are served. */
export type Steps<T> = Generator<undefined, T, undefined>;

/** Raised where the time is over. Not a bug: the guard refuses the statement. */
export class WorkLimitExceeded extends Error {}

/** Steps between two looks at the clock: a fraction of a millisecond. */
const EVERY = 500;

/**
 * So many take some 40 ms, and no look at the clock: an everyday statement is never given up, on a cold or a busy machine either. What
 * asyncpg asks the catalogs about types takes 21,000.
 */
const FREE = 40_000;

export class WorkLimit {
  private spent = 0;
  private next = FREE;

  /** `isOver` says whether the time is over; it is the clock's only way in. */
  constructor(private isOver: () => boolean) {}

  /** Other work was done meanwhile: a new time begins. */
  resume(isOver: () => boolean): void {
    this.isOver = isOver;
  }

  /** Counts what is about to be done, in about the work of one node of the tree. Throws WorkLimitExceeded. */
  spend(steps = 1): void {
    this.spent += steps;
    if (this.spent < this.next) return;
    this.next = this.spent + EVERY;
    if (this.isOver()) throw new WorkLimitExceeded();
  }
}

/** Never over: for what no client sent. */
export const UNLIMITED_WORK = new WorkLimit(() => false);
