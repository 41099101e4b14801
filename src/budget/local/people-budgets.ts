/** The budgets of the people behind one principal, as far as they were here lately; what they have taken is in the store. */
import { LRUCache } from 'lru-cache';
import type { Owner } from '../../metering/measure.ts';
import { OwnerBudget, type OwnerBudgetOptions } from './owner-budget.ts';

/** Of more the longest unused are forgotten: the store is asked again where they come back. */
const MOST_REMEMBERED = 10_000;
/** As for principals. */
const FORGET_MS = 600_000;

export class PeopleBudgets {
  private readonly byUser: LRUCache<string, OwnerBudget>;
  /** Those that may have something to give back or to report. */
  private readonly busy = new Set<OwnerBudget>();
  private forgotAt: number;
  /** When somebody was last seen at something, in the process's time. */
  lastUse = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly principal: string,
    private readonly options: OwnerBudgetOptions,
  ) {
    this.forgotAt = options.context.now();
    this.byUser = new LRUCache({
      max: MOST_REMEMBERED,
      dispose: (budget) => {
        this.busy.delete(budget);
        budget.sweep(true, false);
      },
    });
  }

  /** Of a person who does something now. */
  of(user: string): OwnerBudget {
    let budget = this.byUser.get(user);
    if (!budget) {
      budget = new OwnerBudget({ principal: this.principal, user }, this.options);
      this.byUser.set(user, budget);
    }
    this.busy.add(budget);
    return budget;
  }

  /** `awaited`: whether somebody waits for an answer. */
  sweep(all: boolean, awaited: (owner: Owner) => boolean): void {
    if (this.busy.size > 0) this.lastUse = this.options.context.now();
    for (const budget of this.busy) {
      budget.sweep(all, awaited(budget.owner));
      if (budget.isAtRest) this.busy.delete(budget);
    }
    if (all) this.byUser.clear();
    else this.forget();
  }

  /** Those who have not taken anything for a while; the rest is looked at the next time. */
  private forget(): void {
    const now = this.options.context.now();
    if (now - this.forgotAt < FORGET_MS / 10) return;
    this.forgotAt = now;
    const forgotten: string[] = [];
    for (const user of this.byUser.rkeys()) {
      const budget = this.byUser.peek(user);
      if (!budget || this.busy.has(budget)) continue;
      if (now - budget.lastUse < FORGET_MS) break;
      forgotten.push(user);
    }
    for (const user of forgotten) this.byUser.delete(user);
  }
}
