/** The accounts of all owners, as a store keeps them. The store decides where, and what survives a crash. */
import { Account, type AccountState } from './account.ts';
import type { LeaseClaim, LeaseGrant, LeaseReturn } from './budget-store.ts';
import { CalendarDays } from './days.ts';
import type { Measure, Owner, WindowOfMeasure } from './measure.ts';
import type { Sightings } from './sightings.ts';

export class Accounts {
  private readonly days: CalendarDays;
  /** By measure and owner. */
  private readonly accounts = new Map<string, Account>();
  private sweeping = this.accounts.entries();

  /** `timeZone`: for `per day`. */
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

  /** Which of the people are counted in every one of these windows. This does not renew their sighting. */
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

  /** For replaying a journal: an account from its stored form, or a new one. */
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

  /** Checks the next `most` accounts and drops empty ones. Repeated calls reach every account. */
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

  /** Includes accounts that are added during the iteration. */
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

/** A measure contains no space, so the key is unambiguous. */
function accountKey(owner: Owner, measure: Measure): string {
  return `${measure} ${owner}`;
}
