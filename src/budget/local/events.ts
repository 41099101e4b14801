/** Counts events that lead to a lock: exceeded limits, and statements that the policy refused. */

import type { LeaseGrant } from '../../metering/budget-store.ts';
import type { Owner } from '../../metering/measure.ts';
import { type Holder, ownerOf } from '../../metering/owner.ts';
import type { LimitsInForce } from '../../policy/model/limits-in-force.ts';
import { windowName } from '../../policy/model/limits-in-force.ts';
import type { Warning } from '../../session/admission/budget-port.ts';
import type { BudgetContext } from './context.ts';
import { eventsWarning } from './messages.ts';

type Event = 'overrun' | 'refusal';

/** The part of the limit at which a warning is sent. */
const NEAR = 0.8;

export class Events {
  /** Events that could not be sent to the store yet. */
  private readonly owed: Record<Event, number> = { overrun: 0, refusal: 0 };
  private readonly near: Record<Event, boolean> = { overrun: false, refusal: false };

  private readonly owner: Owner;

  constructor(
    private readonly context: BudgetContext,
    private readonly holder: Holder,
    /** The warning for the holder's client, sent with its next answer. */
    private readonly notice: (warning: Warning) => void,
  ) {
    this.owner = ownerOf(holder);
  }

  /** Whether some events have not reached the store yet. */
  get isOwed(): boolean {
    return this.owed.overrun > 0 || this.owed.refusal > 0;
  }

  count(event: Event, { lock }: LimitsInForce): void {
    this.owed[event] += 1;
    this.tell(event, lock);
  }

  /** Sends events that could not be sent before. */
  retry({ lock }: LimitsInForce): void {
    for (const event of ['overrun', 'refusal'] as const) if (this.owed[event] > 0) this.tell(event, lock);
  }

  private tell(event: Event, lock: LimitsInForce['lock']): void {
    const rules = lock?.after.filter((rule) => rule.event === event) ?? [];
    const want = this.owed[event];
    this.owed[event] = 0;
    if (!lock || rules.length === 0) return;
    const measure = event === 'overrun' ? 'overruns' : 'refusals';
    const ceilings = rules.map(({ window }) => ({ window }));
    const failed = (error: unknown): void => {
      this.owed[event] += want;
      this.context.failed(error);
    };
    const judge = ([grant]: readonly LeaseGrant[]): void => {
      for (const [i, rule] of rules.entries()) this.judge(event, grant?.used[i] ?? 0, rule, lock);
    };
    try {
      const answer = this.context.store.take([{ owner: this.owner, measure, ceilings, want }]);
      if (answer instanceof Promise) void answer.then(judge).catch(failed);
      else judge(answer);
    } catch (error) {
      failed(error);
    }
  }

  private judge(
    event: Event,
    used: number,
    { amount, window }: NonNullable<LimitsInForce['lock']>['after'][number],
    { duration }: NonNullable<LimitsInForce['lock']>,
  ): void {
    const { context, owner, holder } = this;
    const name = `${amount} ${event}s ${windowName(window)}`;
    if (used >= amount) {
      const limit = { name, used, of: amount };
      context.locks.lock({ ...holder, owner, reason: `${used} ${event}s ${windowName(window)}`, duration, limit });
      return;
    }
    const near = used >= amount * NEAR;
    if (near && !this.near[event]) {
      const warning = eventsWarning(holder, event, used, amount);
      const limit = { name, used, of: amount };
      context.records.append('warning', { ...holder, by: 'rowgate', limit, message: warning.message });
      context.alarms.raise({ kind: 'warning', ...holder, text: warning.message, limit });
      this.notice(warning);
    }
    this.near[event] = near;
  }
}
