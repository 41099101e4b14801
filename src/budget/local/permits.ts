/** Permits that pay for a principal's statements in place of its windows, until they are used up. */

import type { StatementJudgement } from '../../guard/decision.ts';
import { approvedBy } from '../../metering/approvals.ts';
import type { Permit } from '../../metering/budget-store.ts';
import { Lease } from '../../metering/lease.ts';
import type { Owner } from '../../metering/measure.ts';
import { PERMIT_WINDOW, permitHolds, permitOwner, permitRequest } from '../../metering/permit.ts';
import type { Over, PayingAccount } from '../../session/admission/budget-port.ts';
import type { BudgetContext } from './context.ts';
import { permitSpent } from './messages.ts';

const MOST_AHEAD = 1_000;
const NOTHING: readonly PayingAccount[] = [];

export class Permits {
  private readonly byId = new Map<string, { permit: Permit; lease: Lease; told: boolean }>();

  constructor(
    private readonly owner: Owner,
    private readonly principal: string,
    private readonly context: BudgetContext,
  ) {}

  /** Permits that cover this statement, used up or not: it must only read, and only the permit's tables. */
  for({ kind, tables, disclosures }: StatementJudgement): readonly PayingAccount[] {
    const { permits } = this.context.store.exceptions();
    if (permits.length === 0) return NOTHING;
    if ((kind.kind !== 'read' && kind.kind !== 'copy-out') || tables.length === 0) return NOTHING;
    // INVARIANT 162: of whom a called function reads is in none of the tables that were signed for.
    if (disclosures?.some(({ elsewhere }) => elsewhere)) return NOTHING;
    return permits
      .filter((permit) => this.holds(permit) && tables.every((table) => permit.tables.includes(table)))
      .map(({ id }) => id);
  }

  /** The lease on a permit's rows; undefined if the permit is no longer in force. */
  lease(id: PayingAccount): Lease | undefined {
    const permit = this.context.store.exceptions().permits.find((one) => one.id === id);
    if (!permit || !this.holds(permit)) return undefined;
    const known = this.byId.get(id);
    if (known) return known.lease;
    const terms = { ceilings: [{ window: PERMIT_WINDOW, limit: permit.rows }] };
    const lease = new Lease(permitOwner(id), 'rows', terms, MOST_AHEAD, this.context.days);
    this.byId.set(id, { permit, lease, told: false });
    return lease;
  }

  leases(): Lease[] {
    return [...this.byId.values()].map(({ lease }) => lease);
  }

  /** The refusal, if the lease that was used up is a permit's. */
  spent(lease: Lease): Over | undefined {
    const found = [...this.byId.values()].find((one) => one.lease === lease);
    if (!found) return undefined;
    if (!found.told) this.record(found.permit);
    found.told = true;
    const { id, rows } = found.permit;
    return {
      kind: 'over',
      refusal: permitSpent(id, rows, Math.max(0, rows - lease.taken(0))),
      limit: { name: `permit ${id}`, used: lease.spent(0), of: rows },
    };
  }

  private record(of: Permit): void {
    const { id, rows, tables, from, until, requestedBy } = of;
    const permit = {
      id,
      tables,
      rows,
      from: new Date(from).toISOString(),
      until: new Date(until).toISOString(),
      requested_by: requestedBy,
      approved_by: approvedBy(permitRequest(of), this.context.approvers() ?? new Map()),
    };
    this.context.records.append('permit', { principal: this.principal, by: 'rowgate', permit, status: 'spent' });
  }

  private holds(permit: Permit): boolean {
    const { approvers, state, clock } = this.context;
    return permit.owner === this.owner && permitHolds(permit, { approvers: approvers(), state: state() }, clock());
  }
}
