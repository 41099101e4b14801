/** Where the budgets of a guard are kept, as `state` says it. */
import type { Config } from '../config/config.ts';
import type { BudgetStore } from '../meter/budget-store.ts';
import { memoryStore } from '../store/memory.ts';

export function openStore({ timeZone }: Config): BudgetStore {
  return memoryStore({ timeZone, now: Date.now });
}
