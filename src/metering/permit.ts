/** Permits: the text that approvers sign, and whether enough of them did. */
import { type Approvers, approvedBy, rememberEnough, requestText, type SignedRequest } from './approvals.ts';
import type { Permit } from './budget-store.ts';
import type { Owner } from './measure.ts';

/** `ssh-keygen -Y sign -n rowgate-permit` */
export const PERMIT_NAMESPACE = 'rowgate-permit';
export const APPROVALS_NEEDED = 2;

/** Longer than any permit is in force: its rows are counted as a whole, for an owner of their own. */
export const PERMIT_WINDOW = { count: 3650, unit: 'day' } as const;
export const permitOwner = (id: string): Owner => `permit:${id}`;

/** What a permit must comply with. */
export interface PermitTerms {
  readonly approvers: Approvers | undefined;
  /** The store's name, see `stateName`; undefined until it is known. */
  readonly state: string | undefined;
}

/** What approvers sign: everything that the permit allows, who requested it, and where. */
export function permitRequest(permit: Permit): SignedRequest {
  const text = requestText('rowgate export permit, version 1', [
    ['id', permit.id],
    ['guard', permit.guard],
    ['state', permit.state],
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

/** A permit for another store is not valid here. */
export function isOfState(permit: Permit, state: string | undefined): boolean {
  return state !== undefined && permit.state === state;
}

/** Whether the permit is in force now. Caches checked signatures: cheap enough for each statement. */
export function permitHolds(permit: Permit, { approvers, state }: PermitTerms, now: number): boolean {
  if (permit.revokedBy !== undefined || now < permit.from || now >= permit.until || !approvers) return false;
  if (!isOfState(permit, state)) return false;
  const enough = () => approvedBy(permitRequest(permit), approvers).length >= APPROVALS_NEEDED;
  return rememberEnough(permit, [approvers], enough);
}
