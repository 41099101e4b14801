/** Roles in observe mode for a time: the text that approvers sign, and whether an observation is in force. */
import {
  type Approvers,
  approvedBy,
  rememberEnough,
  requestText,
  type SignedRequest,
  signersShown,
} from './approvals.ts';
import type { Observation } from './budget-store.ts';

/** `ssh-keygen -Y sign -n rowgate-observe` */
export const OBSERVE_NAMESPACE = 'rowgate-observe';

/** What an observation must comply with. */
export interface ObservationTerms {
  /** How many different approvers must sign. */
  readonly approvals: number;
  readonly approvers: Approvers | undefined;
  /** The store's name, see `stateName`; undefined until it is known. */
  readonly state: string | undefined;
}

/** As many as must sign a raise for the role, but at least one: an observed role is not restricted at all. */
export function observationApprovals(role: { readonly raise?: { readonly approvals: number } }): number {
  return Math.max(1, role.raise?.approvals ?? 1);
}

/** The clocks of guards that share a store may differ by this much. */
const CLOCKS_DIFFER_MS = 60_000;

/** What approvers sign: everything that the observation allows. */
export function observationRequest(observation: Observation): SignedRequest {
  const { id, guard, state, role, until, reason, requestedBy, requestedAt, approvals } = observation;
  const text = requestText('rowgate observe, version 1', [
    ['id', id],
    ['guard', guard],
    ['state', state],
    ['role', role],
    ['until', new Date(until).toISOString()],
    ['reason', reason],
    ['requested by', requestedBy],
    ['requested at', new Date(requestedAt).toISOString()],
  ]);
  return { text, namespace: OBSERVE_NAMESPACE, parties: [requestedBy], approvals };
}

/** Whether it may be in force at that time, apart from the signatures. */
export function observationMayHold(
  { ended, state, until, requestedAt }: Observation,
  terms: Pick<ObservationTerms, 'state'>,
  now: number,
): boolean {
  if (ended !== undefined || terms.state === undefined || state !== terms.state) return false;
  // Also false if the clock was set back to before the request.
  return now < until && now >= requestedAt - CLOCKS_DIFFER_MS;
}

/** Whether it is in force now. Caches checked signatures. */
export function observationHolds(observation: Observation, terms: ObservationTerms, now: number): boolean {
  if (!observationMayHold(observation, terms, now)) return false;
  const { approvals, approvers } = terms;
  // INVARIANT 106: a role is observed for a time only if people other than the requester have signed it, with keys of the policy in force.
  const enough = () =>
    approvers !== undefined && approvedBy(observationRequest(observation), approvers).length >= approvals;
  return rememberEnough(observation, [approvals, approvers], enough);
}

/** What the decision log records of a step. */
export function observationFields(
  observation: Observation,
  approvers: Approvers | undefined,
  by: string,
  status: string,
  reason = observation.reason,
) {
  const { id, role, until, requestedBy } = observation;
  const names = approvers ? approvedBy(observationRequest(observation), approvers) : [];
  return {
    role,
    until: new Date(until).toISOString(),
    reason,
    by,
    status,
    observe: { id, requested_by: requestedBy, approved_by: signersShown(names, approvers) },
  };
}
