/** Export permits: the text that approvers sign, and whether enough of them did. What a permit lets through is for the budgets. */
import { type Approvers, approvedBy, requestText, type SignedRequest } from './approvals.ts';
import type { Permit } from './budget-store.ts';
import type { Owner } from './measure.ts';

/** `ssh-keygen -Y sign -n rowgate-permit` */
export const PERMIT_NAMESPACE = 'rowgate-permit';
export const APPROVALS_NEEDED = 2;

/** Longer than any permit holds: its rows are counted as a whole, for an owner of their own. */
export const PERMIT_WINDOW = { count: 3650, unit: 'day' } as const;
export const permitOwner = (id: string): Owner => `permit:${id}`;

/** What a permit is held against. */
export interface PermitTerms {
  readonly approvers: Approvers | undefined;
  /** Of the store, `stateName`; undefined where it has not said it yet. */
  readonly state: string | undefined;
}

/** What approvers of a permit sign: everything that it allows, who asked for it, and where. */
export function permitRequest(permit: Permit): SignedRequest {
  const text = requestText('rowgate export permit, version 2', [
    ['id', permit.id],
    ['guard', permit.guard ?? null],
    ['state', permit.state ?? null],
    ['owner', permit.owner],
    ['tables', permit.tables],
    ['rows', permit.rows],
    ['from', new Date(permit.from).toISOString()],
    ['until', new Date(permit.until).toISOString()],
    ['reason', permit.reason],
    ['requested by', permit.requestedBy],
    ['requested at', new Date(permit.requestedAt).toISOString()],
  ]);
  return { text, namespace: PERMIT_NAMESPACE, parties: [permit.requestedBy], approvals: permit.approvals };
}

/** What was signed for another store lets nothing through here, nor what an earlier version had signed without naming one. */
export function isOfState(permit: Permit, state: string | undefined): boolean {
  return state !== undefined && permit.state === state;
}

const judged = new WeakMap<Permit, { readonly approvers: Approvers; readonly enough: boolean }>();

/** Whether the permit may be used now. Remembers signatures that it has checked: cheap enough for each statement. */
export function permitHolds(permit: Permit, { approvers, state }: PermitTerms, now: number): boolean {
  if (permit.revokedBy !== undefined || now < permit.from || now >= permit.until || !approvers) return false;
  if (!isOfState(permit, state)) return false;
  const known = judged.get(permit);
  if (known?.approvers === approvers) return known.enough;
  const enough = approvedBy(permitRequest(permit), approvers).length >= APPROVALS_NEEDED;
  judged.set(permit, { approvers, enough });
  return enough;
}
