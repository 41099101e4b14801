/** Raises that others must sign: the text that they sign, and whether one is in force. */
import { type Approvers, approvedBy, requestText, type SignedRequest } from './approvals.ts';
import type { Raise } from './budget-store.ts';

/** `ssh-keygen -Y sign -n rowgate-raise` */
export const RAISE_NAMESPACE = 'rowgate-raise';

/** What a raise must comply with. */
export interface RaiseTerms {
  /** How many must sign; undefined if the role requires no signatures. */
  readonly approvals: number | undefined;
  readonly approvers: Approvers | undefined;
  readonly state: string | undefined;
}

/** What approvers sign; undefined if no signature is needed. */
export function raiseRequest(raise: Raise): SignedRequest | undefined {
  const { asked } = raise;
  if (!asked) return undefined;
  const text = requestText('rowgate limits raise, version 1', [
    ['id', raise.id],
    ['guard', asked.guard],
    ['state', asked.state],
    ['owner', raise.owner],
    ['measure', raise.measure],
    ['window', `${raise.window.count} ${raise.window.unit}`],
    ['amount', raise.amount],
    ['until', new Date(raise.until).toISOString()],
    ['reason', raise.reason],
    ['requested by', raise.by],
    ['requested at', new Date(asked.at).toISOString()],
  ]);
  return { text, namespace: RAISE_NAMESPACE, parties: [raise.by], approvals: asked.approvals };
}

/** The approvers whose signatures count now. */
export function raiseApprovedBy(raise: Raise, approvers: Approvers | undefined): readonly string[] {
  const request = raiseRequest(raise);
  return request && approvers ? approvedBy(request, approvers) : [];
}

/** Whether it may be in force, apart from its time: one that was revoked never is. A raise that was requested for signing is never in force without signatures. */
export function raiseHolds(raise: Raise, { approvals, approvers, state }: RaiseTerms): boolean {
  // INVARIANT 143: a raise that was refused or taken back never holds, not even with all signatures.
  if (raise.revokedBy !== undefined) return false;
  if (!raise.asked) return approvals === undefined;
  return raise.asked.state === state && raiseApprovedBy(raise, approvers).length >= (approvals ?? 1);
}
