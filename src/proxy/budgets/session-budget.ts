/** What one session asks of its principal's budget. */
import type { PeopleOfRow, StatementJudgement } from '../../guard/decision.ts';
import type { Outcome } from '../../meter/leases.ts';
import type { Admitted, Budget, Demand, Refused, Sent, Sighting, Taken } from '../../session/budget.ts';
import type { SessionPolicy } from '../../session/ports.ts';
import { gate } from '../estimates/gate.ts';
import type { BudgetContext } from './context.ts';
import { lockedRefusal, storeUnavailable } from './messages.ts';
import type { Meter } from './meter.ts';
import type { PrincipalBudget } from './principal-budget.ts';

export class SessionBudget implements Budget {
  private closed = false;
  /** The planner has answered. */
  private readonly estimated = (): void => {
    if (!this.closed) this.wake();
  };

  /** @param wake the session may ask again. */
  constructor(
    private readonly principal: PrincipalBudget,
    private readonly context: BudgetContext,
    /** The policy now: a statement that runs long is held to the limits of now. */
    private readonly policyNow: () => SessionPolicy | undefined,
    private readonly wake: () => void,
  ) {
    principal.sessions += 1;
  }

  admit(judgedBy: SessionPolicy, statement: StatementJudgement, sent: () => Sent): Admitted {
    const { principal } = this;
    const policy = this.policyNow() ?? judgedBy;
    const lock = this.context.locks.of(principal.owner);
    if (lock) return { kind: 'refused', refusal: lockedRefusal(principal.name, lock), effect: 'lock' };
    const limits = principal.follow(policy);
    const permit = this.permit(statement);
    if (permit === 'wait') return this.wait();
    if (permit === 'unavailable') return { kind: 'refused', refusal: storeUnavailable() };
    if (permit === undefined) {
      const notLeft = this.isLeft(statement);
      if (notLeft) return notLeft;
    }
    const rowsLeft = permit?.rows ?? principal.meter('rows')?.lease.room() ?? Number.POSITIVE_INFINITY;
    // A permit pays for what is no ordinary day's work.
    if (permit === undefined && limits.estimatedRows) {
      const expected = { policy, statement, sent, wake: this.estimated, limit: limits.estimatedRows, rowsLeft };
      const refused = gate(this.context.estimates, expected);
      if (refused) return refused === 'wait' ? { kind: 'wait' } : refused;
    }
    const statements = principal.meter('statements');
    const taken = principal.answer(statements ? principal.leases.take([statements.amount(1)]) : FREELY);
    if (taken.kind !== 'taken') return taken.kind === 'wait' ? this.wait() : taken;
    const { warnings } = taken;
    return {
      kind: 'admitted',
      ...(rowsLeft !== Number.POSITIVE_INFINITY && { rowsLeft: Math.max(0, Math.floor(rowsLeft)) }),
      ...(warnings && { warnings }),
      ...(permit && { account: permit.account }),
    };
  }

  mayPay(_policy: SessionPolicy, statement: StatementJudgement): boolean {
    return this.principal.permits.for(statement).length > 0;
  }

  take(judgedBy: SessionPolicy, demand: Demand): Taken {
    const taken = this.principal.take(this.policyNow() ?? judgedBy, demand);
    return taken.kind === 'wait' ? this.wait() : taken;
  }

  event(policy: SessionPolicy, event: 'overrun' | 'refusal'): void {
    this.principal.event(policy, event);
  }

  canary(judgedBy: SessionPolicy, sighting: Sighting): Refused | undefined {
    return this.principal.canaries.seen(this.policyNow() ?? judgedBy, sighting);
  }

  /** Nothing: what is not used goes back after a second, since the next statement mostly comes sooner. */
  rest(): void {}

  /** The session is over. */
  close(): void {
    this.closed = true;
    this.principal.forgetWaiting(this.wake);
    this.principal.sessions -= 1;
  }

  private wait(): { readonly kind: 'wait' } {
    this.principal.wakeLater(this.wake);
    return { kind: 'wait' };
  }

  /** The first permit that is not used up; undefined where there is none, and the windows pay. */
  private permit(
    statement: StatementJudgement,
  ): { account: string; rows: number } | 'wait' | 'unavailable' | undefined {
    for (const account of this.principal.permits.for(statement)) {
      const rows = this.permitRows(account);
      if (rows !== undefined) return typeof rows === 'number' ? { account, rows } : rows;
    }
    return undefined;
  }

  /** How many rows a permit still pays; undefined where it is used up. */
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

  /** Why the statement may not begin: of something that it will take, nothing is left. */
  private isLeft(statement: StatementJudgement): Admitted | undefined {
    const { principal } = this;
    const known = principal.leases.look(principal.limited);
    if (known.kind === 'wait') return this.wait();
    if (known.kind !== 'taken') return { kind: 'refused', refusal: storeUnavailable() };
    const needed = this.neededBy(statement);
    if (this.have(needed)) return undefined;
    for (const meter of needed) {
      const outcome = principal.leases.have([meter.amount(1)]);
      if (outcome.kind === 'wait' && !outcome.rate) return this.wait();
      if (outcome.kind === 'unavailable') return { kind: 'refused', refusal: storeUnavailable() };
      // A limit that locks does so for a row that passes it, not for a statement that may have none.
      if (outcome.kind !== 'short' || meter.passedBy(1)?.effect === 'lock') continue;
      const over = principal.answer(outcome);
      return over.kind === 'over' ? over : { kind: 'refused', refusal: storeUnavailable() };
    }
    return undefined;
  }

  /** Whether there is one of each, and of the statement itself: asked for all at once, since a store elsewhere is a way there and back. */
  private have(needed: readonly Meter[]): boolean {
    const lines = needed.map((meter) => meter.amount(1));
    const statements = this.principal.meter('statements');
    if (statements) lines.push(statements.amount(1));
    return this.principal.leases.have(lines).kind === 'taken';
  }

  private neededBy({ kind, people = NOBODY }: StatementJudgement): Meter[] {
    const { principal } = this;
    const shows = kind.kind === 'read' ? !kind.catalogs : SHOWS.has(kind.kind);
    if (!shows) return [];
    const measures = [principal.meter('rows'), principal.meter('bytes')];
    for (const one of people) if (isNameless(one)) measures.push(principal.meter(`subjects.${one.subject}`));
    return measures.filter((meter) => meter !== undefined);
  }
}

/** Of these each row is counted. A write may change rows without showing one. */
const SHOWS: ReadonlySet<StatementJudgement['kind']['kind']> = new Set(['copy-out', 'fetch', 'declare', 'execute']);
const NOBODY: readonly PeopleOfRow[] = [];
const FREELY: Outcome = { kind: 'taken' };

/** Each row takes a place for somebody whose key it does not show. */
function isNameless({ ways, unnamed }: PeopleOfRow): boolean {
  return unnamed > 0 || ways.some(({ keys }) => keys.length === 0);
}
