/** What one session asks of its principal's budget. */

import type { LimitReached } from '../../core/alarm-sink.ts';
import { gate } from '../../estimates/gate.ts';
import type { StatementJudgement } from '../../guard/decision.ts';
import type { ChargeLine } from '../../metering/charge-line.ts';
import type { Lease } from '../../metering/lease.ts';
import type { TakeOutcome } from '../../metering/leases.ts';
import type {
  Budget,
  BudgetAdmitted,
  BudgetRefusal,
  BudgetTaken,
  Demand,
  DemandOfMany,
  DisclosedByStatement,
  Over,
  Prepayment,
  Sent,
  Sighting,
  Warning,
} from '../../session/admission/budget-port.ts';
import type { SessionPolicy } from '../../session/ports.ts';
import type { LastAnswers } from '../../session/results/last-answers.ts';
import type { BudgetContext } from './context.ts';
import { lockedRefusal, storeUnavailable } from './messages.ts';
import type { Meter } from './meter.ts';
import type { OwnerBudget } from './owner-budget.ts';
import type { PrincipalBudget } from './principal-budget.ts';
import { StatementCharges } from './statement-charges.ts';

export class SessionBudget implements Budget {
  private closed = false;
  /** The planner has returned its estimate. */
  private readonly estimated = (): void => {
    if (!this.closed) this.wake();
  };

  /** @param wake called when the session may ask again. */
  constructor(
    private readonly principal: PrincipalBudget,
    private readonly context: BudgetContext,
    /** The current policy: a long statement must obey limits that change while it runs. */
    private readonly policyNow: () => SessionPolicy | undefined,
    private readonly wake: () => void,
  ) {
    principal.sessions += 1;
  }

  admit(
    judgedBy: SessionPolicy,
    statement: StatementJudgement,
    prepayments: readonly Prepayment[],
    sent: () => Sent,
    user?: string,
    counted = false,
  ): BudgetAdmitted {
    const { principal } = this;
    const { own } = principal;
    const policy = this.policyNow() ?? judgedBy;
    const lock = this.context.locks.of(own.owner);
    if (lock)
      return { kind: 'refused', refusal: lockedRefusal(own.holder, lock, this.context.timeZone), effect: 'lock' };
    const closed = this.context.openings.refusal(policy.principal);
    if (closed) return { kind: 'refused', refusal: closed };
    const locked = principal.lockedPerson(user);
    if (locked) return locked;
    const person = principal.personOf(policy, user);
    const limits = own.follow(policy);
    person?.follow(policy);
    const permit = this.permit(statement);
    if (permit === 'wait') return this.wait(user);
    if (permit === 'unavailable') return { kind: 'refused', refusal: storeUnavailable() };
    const paid = permit !== undefined;
    // A permit is for exceptional exports, which the limit on estimates must not refuse.
    const estimated = paid ? undefined : limits.estimatedRows;
    const charges = paid || estimated !== undefined ? undefined : this.atOnce(statement, prepayments, person, counted);
    const kept = (all: StatementCharges) => (prepayments.length === 0 ? undefined : all);
    if (charges)
      return admitted(this.rowsLeft(undefined, person), principal.warnings(person), undefined, kept(charges));
    const notLeft = paid && !person ? undefined : this.isLeft(statement, paid ? undefined : own, person, user);
    if (notLeft) return notLeft;
    const rowsLeft = this.rowsLeft(permit?.rows, person);
    const payment = this.payment(prepayments, permit?.account, own, person, counted, estimated === undefined);
    if (payment === 'unavailable') return { kind: 'refused', refusal: storeUnavailable() };
    if (payment.outcome.kind !== 'taken') return this.notPaid(payment.outcome, person, user);
    let outcome: TakeOutcome = payment.outcome;
    if (estimated !== undefined) {
      const expected = { policy, statement, sent, wake: this.estimated, limit: estimated, rowsLeft };
      const refused = gate(this.context.estimates, expected);
      if (refused === 'wait') return { kind: 'wait' };
      if (refused) return this.estimatedOver(refused, prepayments, payment);
      outcome = this.paid(payment.lines, person, true);
    }
    const taken = principal.answer(outcome, person, true);
    if (taken.kind !== 'taken') return taken.kind === 'wait' ? this.wait(user) : taken;
    return admitted(rowsLeft, taken.warnings, permit?.account, kept(payment.charges));
  }

  private rowsLeft(ofPermit: number | undefined, person: OwnerBudget | undefined): number {
    return Math.min(ofPermit ?? this.principal.own.rowsLeft(), person?.rowsLeft() ?? Number.POSITIVE_INFINITY);
  }

  /**
   * Far from every limit, all in one step: nothing is used up, and what is to be paid is taken. @returns undefined if nothing was taken: then it is to be
   * asked for step by step.
   */
  private atOnce(
    statement: StatementJudgement,
    prepayments: readonly Prepayment[],
    person: OwnerBudget | undefined,
    counted: boolean,
  ): StatementCharges | undefined {
    const { principal } = this;
    const { own, leases } = principal;
    if (prepayments.length > 1 || !own.isKnown || person?.isKnown === false) return undefined;
    const charges = new StatementCharges(leases);
    const lines: ChargeLine[] = [];
    if (!counted) {
      addOne(lines, own.meter('statements'));
      addOne(lines, person?.meter('statements'));
    }
    const payers = { account: undefined, own, person };
    if (prepayments.length > 0 && principal.addPrepaid(lines, prepayments, charges, payers)) return undefined;
    const paying = lines.length;
    const needed: Meter[] = [];
    addNeeded(needed, statement, own);
    if (person) addNeeded(needed, statement, person);
    for (const meter of needed) addOne(lines, meter);
    return leases.takeAhead(lines, paying, person?.limited) ? charges : undefined;
  }

  /**
   * The charges before the statement runs, and whether they are covered. INVARIANT 64: the refusal does not depend on what the statement would show, so
   * it reveals nothing of it.
   * @param takes they are taken as well, where all of them are covered.
   */
  private payment(
    prepayments: readonly Prepayment[],
    account: string | undefined,
    own: OwnerBudget,
    person: OwnerBudget | undefined,
    counted: boolean,
    takes: boolean,
  ): Payment | 'unavailable' {
    const { principal } = this;
    const charges = new StatementCharges(principal.leases);
    const lines: ChargeLine[] = [];
    if (!counted) {
      addOne(lines, own.meter('statements'));
      addOne(lines, person?.meter('statements'));
    }
    const payers = { account, own: account === undefined ? own : undefined, person };
    if (prepayments.length > 0 && principal.addPrepaid(lines, prepayments, charges, payers)) return 'unavailable';
    return { lines, charges, outcome: this.paid(lines, person, takes) };
  }

  private paid(lines: readonly ChargeLine[], person: OwnerBudget | undefined, takes: boolean): TakeOutcome {
    if (lines.length === 0) return FREELY;
    const { leases } = this.principal;
    return takes ? leases.take(lines, person?.limited) : leases.have(lines);
  }

  private notPaid(outcome: TakeOutcome, person: OwnerBudget | undefined, user: string | undefined): BudgetAdmitted {
    const answer = this.principal.answer(outcome, person, true);
    if (answer.kind === 'wait') return this.wait(user);
    return answer.kind === 'taken' ? { kind: 'refused', refusal: storeUnavailable() } : answer;
  }

  /**
   * INVARIANT 243: an estimate uses statistics over all rows: a refusal by it, or an error of the planner, tells something, so it costs the amount that
   * was to be set aside, and states no number.
   */
  private estimatedOver(
    refused: Over | BudgetRefusal,
    prepayments: readonly Prepayment[],
    { lines, charges }: Payment,
  ): BudgetAdmitted {
    if (prepayments.length === 0) return refused;
    this.principal.leases.take(lines);
    charges.settle(() => 'failed');
    if (refused.kind !== 'over') return refused;
    const { detail: _, ...refusal } = refused.refusal;
    return { ...refused, refusal: { ...refusal, message: 'the planner expects more rows than the limit allows' } };
  }

  mayPay(_policy: SessionPolicy, statement: StatementJudgement): boolean {
    return this.principal.permits.for(statement).length > 0;
  }

  take(judgedBy: SessionPolicy, demand: Demand): BudgetTaken {
    const taken = this.principal.take(this.policyNow() ?? judgedBy, demand);
    return taken.kind === 'wait' ? this.wait(demand.user) : taken;
  }

  takeMany(judgedBy: SessionPolicy, demand: DemandOfMany): 'taken' | 'wait' | 'singly' {
    const taken = this.principal.takeMany(this.policyNow() ?? judgedBy, demand);
    if (taken === 'wait') this.wait(demand.user);
    return taken;
  }

  /** The policy and the end user are part of the key, so that no session gets another's answer. */
  answers(): LastAnswers {
    return this.principal.answers;
  }

  event(policy: SessionPolicy, event: 'overrun' | 'refusal', user?: string, limit?: LimitReached): void {
    this.principal.event(policy, event, user, limit);
  }

  told(judgedBy: SessionPolicy, told: DisclosedByStatement): void {
    this.principal.told(this.policyNow() ?? judgedBy, told);
  }

  canary(judgedBy: SessionPolicy, sighting: Sighting): BudgetRefusal | undefined {
    return this.principal.canary(this.policyNow() ?? judgedBy, sighting);
  }

  /** Does nothing: leases that are not used go back after a second, as the next statement mostly comes sooner. */
  rest(): void {}

  /** Call when the session ends. */
  close(): void {
    this.closed = true;
    this.principal.forgetWaiting(this.wake);
    this.principal.sessions -= 1;
  }

  private wait(user: string | undefined): { readonly kind: 'wait' } {
    this.principal.wakeLater(this.wake, user);
    return { kind: 'wait' };
  }

  /** The first permit that is not used up; undefined if there is none, and the windows pay. */
  private permit(
    statement: StatementJudgement,
  ): { account: string; rows: number } | 'wait' | 'unavailable' | undefined {
    for (const account of this.principal.permits.for(statement)) {
      const rows = this.permitRows(account);
      if (rows !== undefined) return typeof rows === 'number' ? { account, rows } : rows;
    }
    return undefined;
  }

  /** How many rows a permit still covers; undefined if it is used up. */
  private permitRows(account: string): number | 'wait' | 'unavailable' | undefined {
    const { permits, leases } = this.principal;
    const lease = permits.lease(account);
    if (!lease) return undefined;
    const outcome = leases.have([{ lease, need: 1 }]);
    switch (outcome.kind) {
      case 'taken':
        return lease.room();
      case 'short':
        return undefined;
      case 'wait':
      case 'unavailable':
        return outcome.kind;
    }
  }

  /** Why the statement may not begin: a budget that it needs is used up. `own`: undefined if a permit pays. */
  private isLeft(
    statement: StatementJudgement,
    own: OwnerBudget | undefined,
    person: OwnerBudget | undefined,
    user: string | undefined,
  ): BudgetAdmitted | undefined {
    const { principal } = this;
    const needed: Meter[] = [];
    const lines: ChargeLine[] = [];
    for (const payer of [own, person]) {
      if (!payer) continue;
      addNeeded(needed, statement, payer);
      addOne(lines, payer.meter('statements'));
    }
    // Asks for all windows and the statement itself together: a remote store costs a round trip.
    for (const meter of needed) addOne(lines, meter);
    const known = principal.leases.look(limitedOf(own, person), lines);
    if (known.kind === 'wait') return this.wait(user);
    if (known.kind !== 'taken') return { kind: 'refused', refusal: storeUnavailable() };
    if (principal.leases.have(lines).kind === 'taken') return undefined;
    for (const meter of needed) {
      const outcome = principal.leases.have([meter.amount(1)]);
      if (outcome.kind === 'wait' && !outcome.rate) return this.wait(user);
      if (outcome.kind === 'unavailable') return { kind: 'refused', refusal: storeUnavailable() };
      // A limit that locks acts when a row exceeds it, not when a statement begins that may return none.
      if (outcome.kind !== 'short' || meter.passedBy(1)?.effect === 'lock') continue;
      const over = principal.answer(outcome, person);
      return over.kind === 'over' ? over : { kind: 'refused', refusal: storeUnavailable() };
    }
    return undefined;
  }
}

/** What is charged before a statement runs. */
interface Payment {
  readonly lines: readonly ChargeLine[];
  readonly charges: StatementCharges;
  readonly outcome: TakeOutcome;
}

function admitted(
  rowsLeft: number,
  warnings: readonly Warning[] | undefined,
  account: string | undefined,
  charges: StatementCharges | undefined,
): BudgetAdmitted {
  return {
    kind: 'admitted',
    rowsLeft: rowsLeft === Number.POSITIVE_INFINITY ? undefined : Math.max(0, Math.floor(rowsLeft)),
    warnings,
    account,
    charges,
  };
}

function addNeeded(needed: Meter[], { kind }: StatementJudgement, payer: OwnerBudget): void {
  const shows = kind.kind === 'read' ? !kind.catalogs : SHOWS.has(kind.kind);
  if (!shows) return;
  const add = (meter: Meter | undefined): void => {
    if (meter) needed.push(meter);
  };
  add(payer.meter('rows'));
  add(payer.meter('bytes'));
}

function addOne(lines: ChargeLine[], meter: Meter | undefined): void {
  if (meter) lines.push(meter.amount(1));
}

function limitedOf(own: OwnerBudget | undefined, person: OwnerBudget | undefined): readonly Lease[] {
  if (!own || !person) return (own ?? person)?.limited ?? [];
  return [...own.limited, ...person.limited];
}

/** Kinds with rows that are counted one by one. A write may change rows without showing any. */
const SHOWS: ReadonlySet<StatementJudgement['kind']['kind']> = new Set(['copy-out', 'fetch', 'declare', 'execute']);
const FREELY: TakeOutcome = { kind: 'taken' };
