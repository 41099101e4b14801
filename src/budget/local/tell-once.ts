/** Reports an event once, by one of all guards that share a store. */
import type { Logger } from 'pino';
import type { BudgetStore, LeaseClaim, LeaseGrant } from '../../metering/budget-store.ts';

/** Longer than any exception is kept that is reported this way. */
const KEPT = { count: 3650, unit: 'day' } as const;
/** How soon a failed report is tried again. */
const RETRY_MS = 1_000;

export class TellOnce {
  /** Events that this process has reported, or is about to. */
  private readonly seenTo = new Set<string>();

  constructor(
    private readonly store: BudgetStore,
    private readonly log: Logger,
  ) {}

  /** `told`: returns false if the event could not be recorded; a later call then tries again. Never rejects. */
  async tell(key: string, told: () => boolean, then?: () => Promise<void>): Promise<void> {
    if (this.seenTo.has(key)) return;
    this.seenTo.add(key);
    const claim: LeaseClaim = { owner: key, measure: 'statements', ceilings: [{ window: KEPT, limit: 1 }], want: 1 };
    try {
      const [grant] = (await this.store.take([claim])) as readonly [LeaseGrant];
      if (grant.granted < 1) return;
      if (!told()) {
        this.store.giveBack([{ owner: key, measure: 'statements', windows: [KEPT], amount: 1, at: grant.at }]);
        throw new Error('the decision log cannot be written');
      }
      await then?.();
    } catch (error) {
      this.log.error({ err: error, step: key }, 'a step could not be told; trying again');
      setTimeout(() => this.seenTo.delete(key), RETRY_MS).unref();
    }
  }
}
