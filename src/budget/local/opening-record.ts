/** What the decision log records of a break-glass opening: for whom it is, and which keys signed it. */

import type { OpeningRecord } from '../../decision-log/record-sink.ts';
import { type Approvers, approvedBy, signersShown } from '../../metering/approvals.ts';
import { approversOf, breakGlassRequest, principalOf } from '../../metering/break-glass.ts';
import type { BreakGlassOpening } from '../../metering/budget-store.ts';
import type { BreakGlass } from '../../policy/model/policy.ts';

/** `rule`: undefined if the principal was removed; then no signature counts. */
export function openingRecord(
  opening: BreakGlassOpening,
  rule: BreakGlass | undefined,
  all: Approvers | undefined,
  by: string,
  status: string,
  reason = opening.reason,
): OpeningRecord {
  const approvers: Approvers = rule ? approversOf(rule, all) : new Map();
  const names = approvedBy(breakGlassRequest(opening), approvers);
  return {
    principal: principalOf(opening),
    role: opening.role,
    by,
    reason,
    status,
    break_glass: {
      id: opening.id,
      used_by: opening.usedBy,
      requested_by: opening.requestedBy,
      until: new Date(opening.until).toISOString(),
      approved_by: signersShown(names, approvers),
    },
  };
}
