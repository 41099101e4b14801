/** Which roles are only observed now by what approvers have signed (`rowgate observe`): followed as it begins and ends, and told. */
import type { Logger } from 'pino';
import { TellOnce } from '../budget/local/tell-once.ts';
import type { AlarmSink } from '../core/alarm-sink.ts';
import type { RecordSink } from '../decision-log/record-sink.ts';
import { stateName } from '../metering/approvals.ts';
import type { BudgetStore, Observation } from '../metering/budget-store.ts';
import { observationApprovals, observationFields, observationHolds } from '../metering/observation.ts';
import type { Policy } from '../policy/model/policy.ts';

export interface ObservationsOptions {
  readonly store: BudgetStore;
  readonly records: Pick<RecordSink, 'append'>;
  readonly alarms: AlarmSink;
  readonly log: Logger;
  /** Of the files, in force now. */
  policy(): Policy;
  /** Called if the set of observed roles may have changed: sessions must check their policy again. */
  changed(): void;
}

/**
 * A pooler of transactions hands a connection from session to session as it is: what an observed role has changed in one would
 * meet the same role when it is held to its policy again.
 */
export function mayObserve(pooling: 'none' | 'session' | 'transaction'): boolean {
  return pooling !== 'transaction';
}

const LOOK_MS = 100;
/** The store is asked again for its key. */
const RETRY_MS = 1_000;
const NONE: ReadonlySet<string> = new Set();

export class Observations {
  private readonly once: TellOnce;
  private readonly looking: NodeJS.Timeout;
  /** Of the store, `stateName`; until it has said it nothing is observed. */
  private state: string | undefined;
  private last = '';
  private stopped = false;

  constructor(private readonly options: ObservationsOptions) {
    const { store, log } = options;
    this.once = new TellOnce(store, log);
    // Not at once: who changed it may be in the middle of a session's work.
    store.onExceptions(() => setImmediate(() => this.look()));
    this.looking = setInterval(() => this.look(), LOOK_MS);
    this.looking.unref();
    void this.askState();
  }

  stop(): void {
    this.stopped = true;
    clearInterval(this.looking);
  }

  /** Roles of this policy that are only observed now. */
  observed({ roles, approvers }: Policy): ReadonlySet<string> {
    const { store } = this.options;
    const { observations } = store.exceptions();
    if (observations.length === 0) return NONE;
    const now = store.now();
    const holding = observations.filter((observation) => {
      const role = roles.get(observation.role);
      if (role?.access !== 'restricted') return false;
      return observationHolds(
        observation,
        { approvals: observationApprovals(role), approvers, state: this.state },
        now,
      );
    });
    return new Set(holding.map(({ role }) => role));
  }

  private look(): void {
    if (this.stopped) return;
    const { store, policy, changed } = this.options;
    const { observations } = store.exceptions();
    if (observations.length === 0 && this.last === '') return;
    const observed = JSON.stringify([...this.observed(policy())].sort());
    if (observed !== this.last) {
      this.last = observed;
      changed();
    }
    const now = store.now();
    for (const one of observations)
      if (one.begunAt !== undefined && !one.ended && now >= one.until) void this.over(one);
  }

  /** Its time is over: reported and ended for good. Setting a clock back does not start it again. */
  private over(observation: Observation): Promise<void> {
    const { store, records, alarms, policy } = this.options;
    const { id, role, until, reason } = observation;
    return this.once.tell(
      `observe:${id}:over`,
      () => {
        const fields = observationFields(observation, policy().approvers, 'rowgate', 'over');
        if (!records.append('observe', fields)) return false;
        const text = `role "${role}" is held to its policy again: the time in which it was only observed is over`;
        alarms.raise({ kind: 'observe', text, reason, by: 'rowgate' });
        return true;
      },
      () => {
        const ended = { by: 'rowgate', at: Math.max(until, store.now()) };
        return store.change({ kind: 'observation', observation: { ...observation, ended } });
      },
    );
  }

  private async askState(): Promise<void> {
    while (!this.stopped && this.state === undefined) {
      try {
        this.state = stateName(await this.options.store.hashKey());
      } catch {
        await new Promise((done) => setTimeout(done, RETRY_MS).unref());
      }
    }
    this.look();
  }
}
