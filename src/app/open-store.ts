/** Opens the store of the budgets, as `state` says it. */
import type { Logger } from 'pino';
import { fileStore } from '../budget/store/disk.ts';
import { memoryStore } from '../budget/store/memory.ts';
import type { Config } from '../config/config.ts';
import type { BudgetStore } from '../metering/budget-store.ts';
import { orStartError } from './start-error.ts';
import { settleStrings } from './v8-settings.ts';

/** Throws StartError. Of several workers the primary has it. */
export async function openStore({ state, timeZone, name }: Config, log: Logger): Promise<BudgetStore> {
  const notice = (message: string): void => log.error(message);
  switch (state.kind) {
    case 'memory':
      return memoryStore({ timeZone, now: Date.now });
    case 'file':
      return orStartError(`could not open the state in ${state.folder}`, () =>
        fileStore({ folder: state.folder, timeZone, now: Date.now, notice }),
      );
    case 'redis': {
      // Its client is much code, which a guard without it does not load.
      const { redisStore } = await import('../budget/store/redis.ts');
      settleStrings();
      return orStartError(`could not open the state in ${new URL(state.url).host}`, () =>
        redisStore({ url: state.url, name, timeZone, notice }),
      );
    }
  }
}
