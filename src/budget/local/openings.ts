/** Closed principals (break-glass): whether an opening is in force, and reports of its first use and its end. */
import type { Logger } from 'pino';
import type { AlarmSink } from '../../core/alarm-sink.ts';
import type { LoginRefusal } from '../../core/login-refusal.ts';
import { type Refusal, refusal } from '../../core/refusal.ts';
import type { RecordSink } from '../../decision-log/record-sink.ts';
import type { Approvers } from '../../metering/approvals.ts';
import { breakGlassHolds, principalOf } from '../../metering/break-glass.ts';
import type { BreakGlassOpening, BudgetStore } from '../../metering/budget-store.ts';
import { ownerOf } from '../../metering/owner.ts';
import type { BreakGlass, Policy, Principal } from '../../policy/model/policy.ts';
import { openingRecord } from './opening-record.ts';
import { TellOnce } from './tell-once.ts';

/** The parts of the policy that are used. */
export interface PolicyOfOpenings {
  readonly principals: Policy['principals'];
  readonly approvers?: Approvers;
}

export interface OpeningsOptions {
  readonly store: BudgetStore;
  readonly records: RecordSink;
  readonly alarms: AlarmSink;
  readonly log: Logger;
  /** The policy in force. */
  policy(): PolicyOfOpenings;
  /** The store's name, see `stateName`; until it is known, no opening is in force. */
  state(): string | undefined;
  /** Milliseconds since the epoch. */
  clock(): number;
}

type Step = 'used' | 'over';

export class Openings {
  private readonly once: TellOnce;

  constructor(private readonly options: OpeningsOptions) {
    this.once = new TellOnce(options.store, options.log);
  }

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

  /** The principal has logged in, from `client`. The first guard that sees it, of all that share the store, reports it. */
  loggedIn(name: string, client: string): void {
    const { breakGlass, role } = this.options.policy().principals.get(name) ?? {};
    if (!breakGlass || role === undefined) return;
    const opening = this.openingOf(name, role, breakGlass);
    if (!opening) return;
    const text = `principal "${name}" is used for the first time since it was opened, from ${client}; it was opened for ${opening.usedBy}`;
    void this.tellOnce(opening, 'used', text);
  }

  /** Reports openings whose time is over, and closes them for good: setting a clock back opens none again. */
  sweep(): void {
    const { openings } = this.options.store.exceptions();
    if (openings.length === 0) return;
    const now = this.options.clock();
    for (const opening of openings) {
      if (opening.openedAt === undefined || opening.closed || now < opening.until) continue;
      const text = `principal "${principalOf(opening)}" is closed again: its time is over`;
      void this.tellOnce(opening, 'over', text);
    }
  }

  /** The rule that keeps the principal closed now. While the store is unreachable, the last known openings apply. */
  private closes(principal: Principal | undefined): BreakGlass | undefined {
    if (!principal?.breakGlass) return undefined;
    const { name, role, breakGlass } = principal;
    return this.openingOf(name, role, breakGlass) === undefined ? breakGlass : undefined;
  }

  private openingOf(name: string, role: string, rule: BreakGlass): BreakGlassOpening | undefined {
    const { store, clock, policy, state } = this.options;
    const { openings } = store.exceptions();
    if (openings.length === 0) return undefined;
    const now = clock();
    const owner = ownerOf({ principal: name });
    const terms = { rule, role, approvers: policy().approvers, state: state() };
    return openings.find((opening) => opening.owner === owner && breakGlassHolds(opening, terms, now));
  }

  private tellOnce(opening: BreakGlassOpening, step: Step, text: string): Promise<void> {
    const { store, records, alarms, policy, clock } = this.options;
    const tell = (): boolean => {
      const principal = principalOf(opening);
      const { principals, approvers } = policy();
      const fields = openingRecord(opening, principals.get(principal)?.breakGlass, approvers, 'rowgate', step);
      if (!records.append('break-glass', fields)) return false;
      alarms.raise({ kind: 'break-glass', principal, text, reason: opening.reason, by: 'rowgate' });
      return true;
    };
    return this.once.tell(`break-glass:${opening.id}:${step}`, tell, async () => {
      if (step !== 'over') return;
      const closed = { by: 'rowgate', at: Math.max(opening.until, clock()) };
      await store.change({ kind: 'opening', opening: { ...opening, closed } });
    });
  }
}

/** Only a client that has shown the password is told. */
function closedLogin(principal: string, rule: BreakGlass): LoginRefusal {
  return {
    reason: 'break-glass',
    sqlstate: '28000',
    message: `principal "${principal}" is closed`,
    detail: opened(rule),
    hint: HINT,
  };
}

/** Ends a session after its opening. */
function closedSession(principal: string, rule: BreakGlass): LoginRefusal {
  return {
    ...closedLogin(principal, rule),
    sqlstate: '57P05',
    message: `terminating connection because principal "${principal}" is closed again`,
  };
}

/** Refuses a statement in the moment before such a session ends. */
function closedRefusal(principal: string, rule: BreakGlass): Refusal {
  return refusal('break-glass', '28000', `principal "${principal}" is closed again`, {
    detail: opened(rule),
    hint: HINT,
  });
}

function opened({ approvals }: BreakGlass): string {
  const who = approvals === 1 ? '1 approver has' : `${approvals} approvers have`;
  return `It is opened for a time when ${who} signed it.`;
}

const HINT = 'Ask for an opening by "rowgate break-glass ask", on the host of the guard.';
