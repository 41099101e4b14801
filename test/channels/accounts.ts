/** Counts what each account really pays: a meter of people for each owner, in the order of the guards that made them. */
import type { Meter, MeterOptions } from '../../src/budget/local/meter.ts';

export interface Paid {
  /** People who were named, and were not known before. */
  readonly people: number;
  /** Questions and values. */
  readonly others: number;
}

interface Account {
  readonly meter: Meter;
  people: number;
}

const accounts = new Map<string, Account>();

/** What the owner whose name ends with `user` has paid since the beginning. */
export function paidBy(user: string): Paid {
  const account = accounts.get(user);
  if (!account) return { people: 0, others: 0 };
  // Asked first: it looks up those who are held.
  const spent = account.meter.lease.spent(0);
  return { people: account.people, others: spent - account.people };
}

export function forget(user: string): void {
  accounts.delete(user);
}

/** For `vi.mock`: the module with a Meter that is known here. */
export function watched(module: { Meter: typeof Meter }): { Meter: typeof Meter } {
  return {
    Meter: class extends module.Meter {
      constructor(options: MeterOptions) {
        super(options);
        const { known } = this;
        const user = options.owner.split('/').at(-1);
        if (!known || user === undefined) return;
        const account: Account = { meter: this, people: 0 };
        accounts.set(user, account);
        const sawFirst = known.sawFirst.bind(known);
        known.sawFirst = (...seen) => {
          account.people += 1;
          sawFirst(...seen);
        };
      }
    },
  };
}
