/** The accounts of all owners: what a store keeps. Where they are kept, and what of them outlives a crash, is the store's. */
import { Account, type AccountState } from './account.ts';
import type { LeaseClaim, LeaseGrant, LeaseReturn } from './budget-store.ts';
import { CalendarDays } from './days.ts';
import type { Measure, Owner, WindowOfMeasure } from './measure.ts';
import type { Sightings } from './sightings.ts';

export class Accounts {
  private readonly days: CalendarDays;
  /** By measure and owner. */
  private readonly accounts = new Map<string, Account>();
  /** Where the sweep is. */
  private sweeping = this.accounts.entries();

  /** `timeZone`: of `per day`. */
  constructor(timeZone: string) {
    this.days = new CalendarDays(timeZone);
  }

  take({ owner, measure, ceilings, want }: LeaseClaim, now: number): LeaseGrant {
    return this.open(owner, measure).take(ceilings, want, now);
  }

  giveBack({ owner, measure, amount, at }: LeaseReturn): void {
    this.find(owner, measure)?.giveBack(amount, at);
  }

  saw(owner: Owner, measure: Measure, windows: readonly WindowOfMeasure[], sightings: Sightings, now: number): void {
    this.open(owner, measure).saw(windows, sightings, now);
  }

  /** Which of them stand in each of these windows. They are not seen anew by that. */
  known(
    owner: Owner,
    measure: Measure,
    windows: readonly WindowOfMeasure[],
    keys: readonly string[],
    now: number,
  ): boolean[] {
    return this.find(owner, measure)?.known(windows, keys, now) ?? keys.map(() => false);
  }

  used(owner: Owner, measure: Measure, windows: readonly WindowOfMeasure[], now: number): number[] {
    return this.find(owner, measure)?.used(windows, now) ?? windows.map(() => 0);
  }

  /** For who reads a journal: the account as it was written down, or a new one. */
  restore(owner: Owner, measure: Measure, state: AccountState, people: readonly Sightings[]): void {
    this.accounts.set(accountKey(owner, measure), new Account(this.days, state, people));
  }

  open(owner: Owner, measure: Measure): Account {
    const key = accountKey(owner, measure);
    let account = this.accounts.get(key);
    if (!account) {
      account = new Account(this.days);
      this.accounts.set(key, account);
    }
    return account;
  }

  /** Drops accounts in which nothing is counted any more, among the next so many. Going on like this comes to each of them. */
  sweep(now: number, most: number): void {
    for (let looked = 0; looked < most; looked += 1) {
      const next = this.sweeping.next();
      if (next.done) {
        this.sweeping = this.accounts.entries();
        return;
      }
      const [key, account] = next.value;
      if (account.isEmpty(now)) this.accounts.delete(key);
    }
  }

  /** Those that begin while they are gone through are among them. */
  *entries(): IterableIterator<{ owner: Owner; measure: Measure; account: Account }> {
    for (const [key, account] of this.accounts) {
      const space = key.indexOf(' ');
      yield { measure: key.slice(0, space) as Measure, owner: key.slice(space + 1), account };
    }
  }

  private find(owner: Owner, measure: Measure): Account | undefined {
    return this.accounts.get(accountKey(owner, measure));
  }
}

/** No measure holds a space. */
function accountKey(owner: Owner, measure: Measure): string {
  return `${measure} ${owner}`;
}
