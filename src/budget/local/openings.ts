/** Principals that are closed until an opening of them was signed: whether one holds now, and telling of its first use and its end. */
import type { Logger } from 'pino';
import type { AlarmSink } from '../../core/alarm-sink.ts';
import type { LoginRefusal } from '../../core/login-refusal.ts';
import type { Refusal } from '../../core/refusal.ts';
import type { RecordSink } from '../../decision-log/record-sink.ts';
import type { Approvers } from '../../metering/approvals.ts';
import { breakGlassHolds, principalOf } from '../../metering/break-glass.ts';
import type { BreakGlassOpening, BudgetStore, LeaseClaim, LeaseGrant } from '../../metering/budget-store.ts';
import { ownerOf } from '../../metering/owner.ts';
import type { BreakGlass, Policy, Principal } from '../../policy/model/policy.ts';
import { closedLogin, closedRefusal, closedSession } from './opening-messages.ts';
import { openingRecord } from './opening-record.ts';

/** What is read of the policy. */
export interface PolicyOfOpenings {
  readonly principals: Policy['principals'];
  readonly approvers?: Approvers;
}

export interface OpeningsOptions {
  readonly store: BudgetStore;
  readonly records: RecordSink;
  readonly alarms: AlarmSink;
  readonly log: Logger;
  /** In force now. */
  policy(): PolicyOfOpenings;
  /** Of the store, `stateName`; undefined until it has said it: nothing is open before. */
  state(): string | undefined;
  /** Milliseconds since the epoch. */
  clock(): number;
}

type Step = 'used' | 'over';

/** Longer than an opening is kept. */
const KEPT = { count: 3650, unit: 'day' } as const;

export class Openings {
  /** Steps that this process has seen to, or is about to. */
  private readonly seenTo = new Set<string>();

  constructor(private readonly options: OpeningsOptions) {}

  /** Why the principal may not log in now. */
  loginRefusal(name: string): LoginRefusal | undefined {
    const rule = this.closes(this.options.policy().principals.get(name));
    return rule && closedLogin(name, rule);
  }

  /** Why its sessions must end. */
  sessionEnd(name: string): LoginRefusal | undefined {
    const rule = this.closes(this.options.policy().principals.get(name));
    return rule && closedSession(name, rule);
  }

  /** Why a statement may not run. */
  refusal(principal: Principal): Refusal | undefined {
    const rule = this.closes(principal);
    return rule && closedRefusal(principal.name, rule);
  }

  /** Somebody has logged in, from `client`. The first of all guards that share the store tells of it. */
  loggedIn(name: string, client: string): void {
    const { breakGlass, role } = this.options.policy().principals.get(name) ?? {};
    if (!breakGlass || role === undefined) return;
    const opening = this.openingOf(name, role, breakGlass);
    if (!opening) return;
    const text = `principal "${name}" is used for the first time since it was opened, from ${client}; it was opened for ${opening.usedBy}`;
    void this.tellOnce(opening, 'used', text);
  }

  /** Tells of those whose time is over, and closes them for good: a clock that is set back opens none again. */
  sweep(): void {
    const { openings } = this.options.store.standing();
    if (openings.length === 0) return;
    const now = this.options.clock();
    for (const opening of openings) {
      if (opening.openedAt === undefined || opening.closed || now < opening.until) continue;
      const text = `principal "${principalOf(opening)}" is closed again: its time is over`;
      void this.tellOnce(opening, 'over', text);
    }
  }

  /** By which the principal is closed now. The last standing that is known holds while the store cannot be reached. */
  private closes(principal: Principal | undefined): BreakGlass | undefined {
    if (!principal?.breakGlass) return undefined;
    const { name, role, breakGlass } = principal;
    return this.openingOf(name, role, breakGlass) === undefined ? breakGlass : undefined;
  }

  private openingOf(name: string, role: string, rule: BreakGlass): BreakGlassOpening | undefined {
    const { store, clock, policy, state } = this.options;
    const { openings } = store.standing();
    if (openings.length === 0) return undefined;
    const now = clock();
    const owner = ownerOf({ principal: name });
    const terms = { rule, role, approvers: policy().approvers, state: state() };
    return openings.find((opening) => opening.owner === owner && breakGlassHolds(opening, terms, now));
  }

  private async tellOnce(opening: BreakGlassOpening, step: Step, text: string): Promise<void> {
    const { store, records, alarms, log, policy, clock } = this.options;
    const key = `break-glass:${opening.id}:${step}`;
    if (this.seenTo.has(key)) return;
    this.seenTo.add(key);
    const windows = [KEPT];
    const claim: LeaseClaim = { owner: key, measure: 'statements', ceilings: [{ window: KEPT, limit: 1 }], want: 1 };
    try {
      const [grant] = (await store.take([claim])) as readonly [LeaseGrant];
      if (grant.granted < 1) return;
      const principal = principalOf(opening);
      const { principals, approvers } = policy();
      const fields = openingRecord(opening, principals.get(principal)?.breakGlass, approvers, 'rowgate', step);
      if (!records.append('break-glass', fields)) {
        store.giveBack([{ owner: key, measure: 'statements', windows, amount: 1, at: grant.at }]);
        throw new Error('the decision log cannot be written');
      }
      alarms.raise({ kind: 'break-glass', principal, text, reason: opening.reason, by: 'rowgate' });
      if (step !== 'over') return;
      const closed = { by: 'rowgate', at: Math.max(opening.until, clock()) };
      await store.change({ kind: 'opening', opening: { ...opening, closed } });
    } catch (error) {
      log.error({ err: error, opening: opening.id, step }, 'a step of break-glass could not be told; trying again');
      setTimeout(() => this.seenTo.delete(key), RETRY_MS).unref();
    }
  }
}

/** A step that could not be told is tried again. */
const RETRY_MS = 1_000;
