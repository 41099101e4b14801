/** Says once a day which principals will soon be unable to log in, by their `valid_until`: in the decision log, and to who is to know. */
import type { Logger } from 'pino';
import type { AlarmSink } from '../core/alarm-sink.ts';
import type { RecordSink } from '../decision-log/record-sink.ts';
import type { BudgetStore, LeaseClaim } from '../metering/budget-store.ts';
import { endingPrincipals, lastDayText } from '../policy/model/last-days.ts';
import type { Policy } from '../policy/model/policy.ts';
import { localTime } from '../policy/source/calendar.ts';

export interface LastDaysOptions {
  readonly store: BudgetStore;
  readonly records: Pick<RecordSink, 'append'>;
  readonly alarms: AlarmSink;
  readonly log: Logger;
  readonly timeZone: string;
  policy(): Pick<Policy, 'principals'>;
  /** Milliseconds since the epoch. */
  clock(): number;
}

/** One a day, for all guards that share the store. */
const CLAIM: LeaseClaim = {
  owner: 'valid-until',
  measure: 'statements',
  ceilings: [{ window: { count: 1, unit: 'day' }, limit: 1 }],
  want: 1,
};
/** More of them are counted in the alarm. */
const MOST_NAMED = 10;

export class LastDays {
  /** Seen to by this process. */
  private day: string | undefined;

  constructor(private readonly options: LastDaysOptions) {}

  /** To be called now and then. Never rejects: what could not be said is tried again. */
  async look(): Promise<void> {
    const { store, records, alarms, log, timeZone, policy, clock } = this.options;
    const now = clock();
    const ending = endingPrincipals(policy().principals.values(), now);
    const { date } = localTime(now, timeZone);
    if (ending.length === 0 || this.day === date) return;
    this.day = date;
    try {
      const [grant] = await store.take([CLAIM]);
      if (!grant || grant.granted < 1) return;
      const each = ending.map((one) => `"${one.name}" until ${lastDayText(one, now, timeZone)}`);
      for (const [at, { name, validUntil }] of ending.entries()) {
        const message = `principal ${each[at]}: then it cannot log in any more`;
        records.append('warning', {
          principal: name,
          by: 'rowgate',
          until: new Date(validUntil).toISOString(),
          message,
        });
      }
      const more = each.length > MOST_NAMED ? ` and ${each.length - MOST_NAMED} more` : '';
      const text = `principals that soon cannot log in any more: ${each.slice(0, MOST_NAMED).join(', ')}${more}`;
      log.warn({ principals: ending.map(({ name }) => name) }, text);
      alarms.raise({ kind: 'expiry', text });
    } catch (error) {
      this.day = undefined;
      log.error({ err: error }, 'could not say which principals will be unable to log in');
    }
  }
}
