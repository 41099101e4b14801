/** The primary's side of the remote store: what a worker asks of the budgets is asked of the one store. */
import { Buffer } from 'node:buffer';
import type { BudgetStore } from '../../metering/budget-store.ts';
import type { Handlers } from './channel.ts';
import type { StoreMessages } from './messages.ts';

/** What a worker was granted stays counted when it dies; it alone can give it back. */
export function storeHandlers(store: BudgetStore): Handlers<StoreMessages> {
  return {
    budgetTake: (claims) => store.take(claims),
    budgetBack: (returns) => {
      store.giveBack(returns);
      return null;
    },
    budgetSaw: ({ owner, measure, windows, sightings }) => {
      store.saw(owner, measure, windows, sightings);
      return null;
    },
    budgetKnown: ({ owner, measure, windows, keys }) => store.known(owner, measure, windows, keys),
    budgetUsed: ({ owner, measure, windows }) => store.used(owner, measure, windows),
    standingChange: async (change) => {
      await store.change(change);
      return null;
    },
    logOut: (logout) => store.logOut(logout),
    hashKey: async () => Buffer.from(await store.hashKey()).toString('base64'),
    settled: () => null,
  };
}
