/** Opens the store of the budgets, as `state` says it. */
import type { Logger } from 'pino';
import type { Config } from '../config/config.ts';
import type { BudgetStore } from '../meter/budget-store.ts';
import { fileStore } from '../store/file.ts';
import { memoryStore } from '../store/memory.ts';
import { orStartError } from './start-error.ts';

/** Throws StartError. Of several workers the primary has it. */
export async function openStore({ state, timeZone }: Config, log: Logger): Promise<BudgetStore> {
  const notice = (message: string): void => log.error(message);
  switch (state.kind) {
    case 'memory':
      return memoryStore({ timeZone, now: Date.now });
    case 'file':
      return orStartError(`could not open the state in ${state.folder}`, () =>
        fileStore({ folder: state.folder, timeZone, now: Date.now, notice }),
      );
    case 'redis':
      throw new Error('not here yet');
  }
}
