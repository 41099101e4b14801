/** Tokens that were given back before they expired, as at a logout: kept by the store, so that all who share it know them, and after a restart. */
import type { BudgetStore } from '../metering/budget-store.ts';
import { ownerOfToken } from '../metering/owner.ts';

export class GivenBack {
  constructor(private readonly store: Pick<BudgetStore, 'logouts' | 'logOut' | 'standing'>) {}

  /** Asked at each statement of an end user. */
  has(digest: string): boolean {
    const { logouts } = this.store;
    // What an earlier version has put among the locks holds on.
    return logouts.has(digest) || this.store.standing().locks.has(ownerOfToken(digest));
  }

  /** Resolves with false where they are too many. Rejects where it could not be kept. @param end of the token itself, milliseconds since the epoch. */
  async add(digest: string, end: number): Promise<boolean> {
    return this.has(digest) || this.store.logOut({ token: digest, end });
  }
}
