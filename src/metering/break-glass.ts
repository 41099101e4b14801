/** Break-glass: the text that approvers of an opening sign, and whether an opening is in force. */
import { type Approvers, approvedBy, rememberEnough, requestText, type SignedRequest } from './approvals.ts';
import type { BreakGlassOpening } from './budget-store.ts';
import { holderOf } from './owner.ts';

/** `ssh-keygen -Y sign -n rowgate-break-glass` */
export const BREAK_GLASS_NAMESPACE = 'rowgate-break-glass';

/** How a principal can be opened: `break_glass` in its policy. */
export interface BreakGlassRule {
  /** How many different people must sign. */
  readonly approvals: number;
  /** The longest time that it may be open, in milliseconds. */
  readonly for: number;
  /** Whose signatures count; absent: every approver's. */
  readonly approvers?: readonly string[] | undefined;
}

/** What an opening must comply with. */
export interface BreakGlassTerms {
  readonly rule: BreakGlassRule;
  /** The principal's current role. */
  readonly role: string;
  readonly approvers: Approvers | undefined;
  /** The store's name, see `stateName`; undefined until it is known. */
  readonly state: string | undefined;
}

/** The clocks of guards that share a store may differ by this much. */
const CLOCKS_DIFFER_MS = 60_000;

/** What approvers sign: everything that the opening allows, and for whom. */
export function breakGlassRequest(opening: BreakGlassOpening): SignedRequest {
  const text = requestText('rowgate break-glass, version 1', [
    ['id', opening.id],
    ['guard', opening.guard],
    ['state', opening.state],
    ['owner', opening.owner],
    ['role', opening.role],
    ['until', new Date(opening.until).toISOString()],
    ['reason', opening.reason],
    ['used by', opening.usedBy],
    ['requested by', opening.requestedBy],
    ['requested at', new Date(opening.requestedAt).toISOString()],
  ]);
  const { requestedBy, usedBy, approvals } = opening;
  return { text, namespace: BREAK_GLASS_NAMESPACE, parties: [requestedBy, usedBy], approvals };
}

export function principalOf({ owner }: Pick<BreakGlassOpening, 'owner'>): string {
  return holderOf(owner)?.principal ?? owner;
}

/** The approvers whose signatures count for this principal. */
export function approversOf({ approvers }: BreakGlassRule, all: Approvers | undefined): Approvers {
  if (!all || !approvers) return all ?? new Map();
  return new Map([...all].filter(([name]) => approvers.includes(name)));
}

/** Whether the opening is in force now. Caches checked signatures: cheap enough for each statement. */
export function breakGlassHolds(
  opening: BreakGlassOpening,
  { rule, role, approvers, state }: BreakGlassTerms,
  now: number,
): boolean {
  const { requestedAt, until } = opening;
  if (opening.closed !== undefined || opening.role !== role) return false;
  if (state === undefined || opening.state !== state) return false;
  // Also false if the clock was set back to before the request, or if the policy now allows less time.
  if (now >= until || now < requestedAt - CLOCKS_DIFFER_MS || until - requestedAt > rule.for) return false;
  const count = () => approvedBy(breakGlassRequest(opening), approversOf(rule, approvers)).length;
  return rememberEnough(opening, [rule, approvers], () => count() >= rule.approvals);
}
