/** Break-glass: the text that approvers of an opening sign, and whether one holds. Who is let in by it is for the budgets. */
import { type Approvers, approvedBy, requestText, type SignedRequest } from './approvals.ts';
import type { BreakGlassOpening } from './budget-store.ts';
import { holderOf } from './owner.ts';

/** `ssh-keygen -Y sign -n rowgate-break-glass` */
export const BREAK_GLASS_NAMESPACE = 'rowgate-break-glass';

/** How a principal is closed: `break_glass` in its policy. */
export interface BreakGlassRule {
  /** So many different people must sign. */
  readonly approvals: number;
  /** The longest that it may be open, milliseconds. */
  readonly for: number;
  /** Whose signatures count; absent: every approver's. */
  readonly approvers?: readonly string[] | undefined;
}

/** What an opening is held against. */
export interface BreakGlassTerms {
  readonly rule: BreakGlassRule;
  /** The principal's role now. */
  readonly role: string;
  readonly approvers: Approvers | undefined;
  /** Of the store, `stateName`; undefined where it has not said it yet. */
  readonly state: string | undefined;
}

/** Clocks of the guards of a fleet may differ by so much. */
const CLOCKS_DIFFER_MS = 60_000;

/** What approvers sign: everything that the opening allows, and whom. */
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

/** Those whose signatures count for it. */
export function approversOf({ approvers }: BreakGlassRule, all: Approvers | undefined): Approvers {
  if (!all || !approvers) return all ?? new Map();
  return new Map([...all].filter(([name]) => approvers.includes(name)));
}

interface Judged {
  readonly rule: BreakGlassRule;
  readonly approvers: Approvers | undefined;
  readonly enough: boolean;
}

const judged = new WeakMap<BreakGlassOpening, Judged>();

/** Whether the principal is open by it now. Remembers signatures that it has checked: cheap enough for each statement. */
export function breakGlassHolds(
  opening: BreakGlassOpening,
  { rule, role, approvers, state }: BreakGlassTerms,
  now: number,
): boolean {
  const { requestedAt, until } = opening;
  if (opening.closed !== undefined || opening.role !== role) return false;
  if (state === undefined || opening.state !== state) return false;
  // Also where the clock was set back to a time before anybody had asked, or the policy shortened what may be asked for.
  if (now >= until || now < requestedAt - CLOCKS_DIFFER_MS || until - requestedAt > rule.for) return false;
  const known = judged.get(opening);
  if (known && known.rule === rule && known.approvers === approvers) return known.enough;
  const enough = approvedBy(breakGlassRequest(opening), approversOf(rule, approvers)).length >= rule.approvals;
  judged.set(opening, { rule, approvers, enough });
  return enough;
}
