/** The budgets of a principal's recent end users in this process; their usage is in the store. */
import { LRUCache } from 'lru-cache';
import type { Owner } from '../../metering/measure.ts';
import { OwnerBudget, type OwnerBudgetOptions } from './owner-budget.ts';

/** LRU: an evicted end user is asked for at the store when they come back. */
const MOST_REMEMBERED = 10_000;
/** As for principals. */
const FORGET_MS = 600_000;

export class EndUserBudgets {
  private readonly byUser: LRUCache<string, OwnerBudget>;
  /** Those that may have leases to return or sightings to report. */
  private readonly busy = new Set<OwnerBudget>();
  private forgotAt: number;
  /** When an end user was last active, in the process's time. */
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

  /** The budget of an active end user. */
  of(user: string): OwnerBudget {
    let budget = this.byUser.get(user);
    if (!budget) {
      budget = new OwnerBudget({ principal: this.principal, user }, this.options);
      this.byUser.set(user, budget);
    }
    this.busy.add(budget);
    return budget;
  }

  /** `awaited`: whether a session waits for an answer. */
  sweep(all: boolean, awaited: (owner: Owner) => boolean): void {
    if (this.busy.size > 0) this.lastUse = this.options.context.now();
    for (const budget of this.busy) {
      budget.sweep(all, awaited(budget.owner));
      if (budget.isAtRest) this.busy.delete(budget);
    }
    if (all) this.byUser.clear();
    else this.forget();
  }

  /** Forgets end users that have been idle for a while. A part of the list is checked each time. */
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
