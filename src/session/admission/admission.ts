/** Asks the budget for the statements of a client's message, before any of them is recorded. The message waits where the answer does. */
import type { LimitReached } from '../../core/alarm-sink.ts';
import { type Refusal, refusal } from '../../core/refusal.ts';
import type { StatementJudgement, StatementKind } from '../../guard/decision.ts';
import { notTogether } from '../client/query-plan.ts';
import type { StatementEndUser } from '../end-user/token-setting.ts';
import type { SessionPolicy, SessionPorts } from '../ports.ts';
import type { Charges, PayingAccount, Prepayment, Sent, Warning } from './budget-port.ts';

/** What the budget has said of a statement that may run. */
export interface AdmissionGrant {
  /** Rows that may still be shown; absent if no window limits them. */
  readonly rowsLeft?: number | undefined;
  readonly account?: PayingAccount | undefined;
  readonly charges?: Charges | undefined;
  /** What was paid before it runs. */
  readonly prepaid?: readonly Prepayment[];
}

/** So many people are paid for before others are served, where the message has further statements. */
const MOST_AT_ONCE = 1_000;

/** Of a statement that is not asked for. */
const FREELY: AdmissionGrant = {};

/** Why a message may not run, and which of its statements is why. */
export interface NotAdmitted {
  readonly kind: 'refused';
  readonly at: number;
  readonly refusal: Refusal;
  readonly limit?: LimitReached;
  readonly effect?: 'lock';
}

export type Admittance = { readonly kind: 'granted'; readonly of: readonly AdmissionGrant[] } | NotAdmitted | 'wait';

/** What must be known of the session. */
interface Asker {
  readonly ports: SessionPorts;
  /** Something was asked of the budget since it was last told to rest. */
  asked: boolean;
  tell(warnings: readonly Warning[] | undefined): void;
  /** The server has something to answer. */
  runs(): boolean;
  /** Others are served before the rest. */
  mustYield(): boolean;
}

export class Admission {
  /** The budget has not answered: until it has, the message is not taken up again. */
  waits = false;
  /** What its first statements were granted, while the next one waits. */
  private granted: AdmissionGrant[] = [];
  private under: SessionPolicy | undefined;
  private cancelled = false;
  /** How many people were paid for since others were served. */
  private weight = 0;
  /** When it began to wait; 0: it does not. */
  private since = 0;

  constructor(private readonly c: Asker) {}

  /**
   * Asks for one statement after the other. If the message is then not sent, amounts granted to it stay counted, except those that were set aside:
   * too much, never too little. @param prepaid what is to be paid for each before it runs. @param sent a statement as the budget needs it for its
   * plan; undefined: it is not alone in its message. @param whose the end user of each. @param counted they were counted as statements before.
   */
  ask(
    policy: SessionPolicy,
    statements: readonly StatementJudgement[],
    prepaid: (at: number) => readonly Prepayment[],
    sent: (at: number) => Sent | undefined,
    whose: readonly StatementEndUser[],
    counted = false,
  ): Admittance {
    if (this.under !== policy) this.drop();
    this.under = policy;
    for (let at = this.granted.length; at < statements.length; at += 1) {
      if (this.weight > MOST_AT_ONCE) {
        this.weight = 0;
        if (this.c.mustYield()) return 'wait';
      }
      const paid = prepaid(at);
      const answer = this.cancelled
        ? cancelled()
        : this.askFor(policy, statements[at]!, paid, () => sent(at), whose[at]?.person?.user, counted);
      if (answer === 'wait') {
        if (this.since === 0) this.since = this.c.ports.now();
        this.waits = true;
        return 'wait';
      }
      if ('refusal' in answer) return { ...answer, kind: 'refused', at };
      this.granted.push(answer);
      for (const { keys } of paid) this.weight += keys.length;
    }
    return { kind: 'granted', of: this.granted };
  }

  private askFor(
    policy: SessionPolicy,
    statement: StatementJudgement,
    prepaid: readonly Prepayment[],
    sent: () => Sent | undefined,
    user: string | undefined,
    counted: boolean,
  ): AdmissionGrant | Omit<NotAdmitted, 'kind' | 'at'> | 'wait' {
    const { c } = this;
    if (!isAskedFor(statement.kind, policy)) return FREELY;
    for (const { refusal: why } of prepaid) if (why) return { refusal: why };
    c.asked = true;
    let alone = true;
    const answer = c.ports.budget.admit(
      policy,
      statement,
      prepaid,
      () => {
        const one = sent();
        alone = one !== undefined;
        return one ?? NOTHING;
      },
      user,
      counted,
    );
    // A statement that must be judged by its plan, and has no plan of its own, does not run.
    if (!alone) {
      if (answer.kind === 'admitted') answer.charges?.settle(() => 'free');
      return { refusal: notTogether() };
    }
    switch (answer.kind) {
      case 'wait':
        return 'wait';
      case 'over':
        c.ports.budget.event(policy, 'overrun', user, answer.limit);
        return answer;
      case 'refused':
        return answer;
      case 'admitted':
        c.tell(answer.warnings);
        // Each member by its name: V8 copies what is spread member by member.
        return { prepaid, rowsLeft: answer.rowsLeft, account: answer.account, charges: answer.charges };
    }
  }

  /** The message waits for something else than its budget that is asked of the world. */
  hold(policy: SessionPolicy): void {
    this.under ??= policy;
    if (this.since === 0) this.since = this.c.ports.now();
    this.waits = true;
  }

  /** For how long the message has waited, in milliseconds. */
  get waited(): number {
    return this.since === 0 ? 0 : this.c.ports.now() - this.since;
  }

  /** The message was sent, refused or dropped. */
  done(): void {
    if (this.under === undefined) return;
    this.waits = false;
    this.drop();
    this.under = undefined;
    this.cancelled = false;
    this.since = 0;
  }

  /** Gives back what was set aside for statements that were not sent. */
  private drop(): void {
    for (const { charges } of this.granted) charges?.settle(() => 'free');
    this.granted = [];
    this.weight = 0;
  }

  /** The granted statements are sent: what was set aside is now theirs. */
  sent(): void {
    this.granted = [];
  }

  /** The client does not want the message any more, if that is what it waits for. @returns whether it is; it may be taken up again. */
  cancel(): boolean {
    if (!this.waits || this.c.runs()) return false;
    this.cancelled = true;
    this.waits = false;
    return true;
  }
}

/** The statement that the budget is asked for. What is run by name reads the tables of what it names. */
export function askedFor(statement: StatementJudgement, inner: StatementJudgement | undefined): StatementJudgement {
  if (!inner) return statement;
  const { tables, columns } = inner;
  return { ...statement, tables, columns };
}

const NOTHING: Sent = { text: '', parameterTypes: [] };

/**
 * Not for statements that show nothing and end something: a client over its limit must be able to end a transaction, and a pool to clean up a
 * connection. In observe mode nothing is refused, so nothing is taken.
 */
function isAskedFor(kind: StatementKind, policy: SessionPolicy): boolean {
  if (policy.role.mode === 'observe') return false;
  switch (kind.kind) {
    case 'transaction':
    case 'set':
    case 'deallocate':
    case 'close':
    case 'discard':
      return false;
    case 'read':
    case 'write':
    case 'prepare':
    case 'execute':
    case 'declare':
    case 'fetch':
    case 'copy-out':
    case 'copy-in':
    case 'listen':
    case 'temporary':
    case 'explain':
    case 'other':
      return true;
  }
}

/** In PostgreSQL's words. */
export function cancelledByUser(): Refusal {
  return refusal('cancelled', '57014', 'canceling statement due to user request');
}

function cancelled(): { refusal: Refusal } {
  return { refusal: cancelledByUser() };
}
