/**
 * Tokens that were given back before they expired, as at a logout. The store keeps them, so that all guards that share it know them, also after a
 * restart.
 */
import type { BudgetStore } from '../metering/budget-store.ts';

export class LoggedOutTokens {
  constructor(private readonly store: Pick<BudgetStore, 'logouts' | 'logOut'>) {}

  /** Called for each statement of an end user. */
  has(digest: string): boolean {
    return this.store.logouts.has(digest);
  }

  /** Resolves with false if there are too many. Rejects if it could not be stored. @param end of the token itself, milliseconds since the epoch. */
  async add(digest: string, end: number): Promise<boolean> {
    return this.has(digest) || this.store.logOut({ token: digest, end });
  }
}
