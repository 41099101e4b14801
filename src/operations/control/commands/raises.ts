/** Larger limits that others must sign (`raise` of a role): asked for by `rowgate limits raise`, in force when enough have signed. */

import { personBehind, signersShown, stateName } from '../../../metering/approvals.ts';
import type { Raise } from '../../../metering/budget-store.ts';
import { type Holder, holderName, holderOf, holderWords } from '../../../metering/owner.ts';
import { type RaiseTerms, raiseApprovedBy, raiseHolds, raiseRequest } from '../../../metering/raise.ts';
import { amountName, windowName } from '../../../policy/model/limits-in-force.ts';
import type { RolePolicy } from '../../../policy/model/policy.ts';
import { shownTime } from '../../../policy/source/calendar.ts';
import { asksAsNobody, signature, signedBy, tooFewApprovers } from '../approving.ts';
import { type Commanded, command, iso, name, UNRECORDED } from '../command.ts';
import { type ControlReply, done, failed } from '../protocol.ts';

export interface ShownRaise {
  readonly id: string;
  /** `college_12_app`, `portal/7731` */
  readonly of: string;
  /** `rows 5000 per hour` */
  readonly limit: string;
  /** ISO time. */
  readonly until: string;
  readonly reason: string;
  readonly requestedBy: string;
  readonly approvedBy: readonly string[];
  /** How many more must sign. */
  readonly needed: number;
  /** `void`: nobody may have it like this any more. */
  readonly state: 'requested' | 'in force' | 'over' | 'void';
  /** What approvers sign; absent where nobody need. */
  readonly text?: string;
}

/** All guards keep each of them in memory, also for a time after its end: no one person fills it. */
const MOST_OF_ONE = 200;

type Limit = { readonly name: string; readonly used: number; readonly of: number };

/** Those of the owner that may be in force now, by who has signed them. */
export async function raisesOf(guard: Commanded, role: RolePolicy, owner: string): Promise<readonly Raise[]> {
  const terms = await termsOf(guard, role);
  return guard.store.standing().raises.filter((raise) => raise.owner === owner && raiseHolds(raise, terms));
}

export async function askForRaise(guard: Commanded, wanted: Raise, limit: Limit): Promise<ControlReply> {
  const { by } = wanted;
  const nobody = asksAsNobody(by, 'a larger limit of this role');
  if (nobody) return nobody;
  const person = personBehind(by);
  const own = guard.store.standing().raises.filter((raise) => raise.asked && personBehind(raise.by) === person);
  if (own.length >= MOST_OF_ONE) return failed('refused', `"${person}" has asked for ${own.length} raises lately`);
  const state = stateName(await guard.store.hashKey());
  const raise: Raise = { ...wanted, asked: { at: guard.now(), guard: guard.guard, state, approvals: [] } };
  const request = raiseRequest(raise);
  const { approvals, approvers } = await termsOf(guard, roleOf(guard, raise));
  const tooFew = request && tooFewApprovers(request, approvers ?? new Map(), approvals ?? 1);
  return tooFew ?? change(guard, raise, by, 'requested', limit);
}

export const listRaises = command({}, async (_, guard) => {
  const raises = await Promise.all(guard.store.standing().raises.map((raise) => shown(raise, guard)));
  return done({ raises: raises.sort((a, b) => (a.id < b.id ? 1 : -1)) });
});

export const approveRaise = command({ id: name, signature }, async (given, guard, by) => {
  const raise = guard.store.standing().raises.find(({ id }) => id === given.id);
  const request = raise && raiseRequest(raise);
  if (!raise?.asked || !request) return failed('refused', `there is no raise "${given.id}" that is to be signed`);
  const { state } = await shown(raise, guard);
  if (state !== 'requested') return failed('refused', `the raise is ${state}`);
  const approvers = guard.policy()?.approvers ?? new Map();
  const signed = signedBy(request, given.signature, approvers, 'raise');
  if ('refusal' in signed) return signed.refusal;
  const changed: Raise = { ...raise, asked: { ...raise.asked, approvals: signed.approvals } };
  const terms = await termsOf(guard, roleOf(guard, raise));
  return change(guard, changed, by, raiseHolds(changed, terms) ? 'in-force' : 'approved');
});

function roleOf(guard: Commanded, { owner }: Raise): RolePolicy | undefined {
  const policy = guard.policy();
  const principal = policy?.principals.get(holderOf(owner)?.principal ?? '');
  return principal && policy?.roles.get(principal.role);
}

async function termsOf(guard: Commanded, role: RolePolicy | undefined): Promise<RaiseTerms> {
  const state = stateName(await guard.store.hashKey());
  return { approvals: role?.raise?.approvals, approvers: guard.policy()?.approvers, state };
}

/** Recorded, then in force. `limit`: as it is recorded; without it, what was asked for. */
async function change(
  guard: Commanded,
  raise: Raise,
  by: string,
  status: 'requested' | 'approved' | 'in-force',
  limit?: Limit,
): Promise<ControlReply> {
  const holder = holderOf(raise.owner) ?? { principal: raise.owner };
  const { id, until, reason } = raise;
  const approvers = guard.policy()?.approvers;
  const approved = signersShown(raiseApprovedBy(raise, approvers), approvers);
  const fields = {
    ...holder,
    ...(limit && { limit }),
    until: iso(until),
    reason,
    by,
    status,
    raise: { id, requested_by: raise.by, approved_by: approved },
  };
  if (!guard.records.append('raise', fields)) return UNRECORDED;
  try {
    await guard.store.change({ kind: 'raise', raise });
  } catch (error) {
    guard.records.append('raise', { ...fields, status: 'failed' });
    throw error;
  }
  const answer = await shown(raise, guard);
  const text = wordsOf(status, holder, raise, answer, guard.timeZone);
  if (text !== undefined) guard.alarms.raise({ kind: 'raise', ...holder, text, reason, by });
  return done({ raise: answer });
}

/** Whoever lets more leave is seen by others. */
function wordsOf(
  status: string,
  holder: Holder,
  { until }: Raise,
  { limit, approvedBy }: ShownRaise,
  timeZone: string,
): string | undefined {
  const what = `${holderWords(holder)}: ${limit} until ${shownTime(until, timeZone)}`;
  if (status === 'requested') return `a larger limit is asked for, of ${what}`;
  return status === 'in-force' ? `a larger limit holds, of ${what}; signed by ${approvedBy.join(', ')}` : undefined;
}

async function shown(raise: Raise, guard: Commanded): Promise<ShownRaise> {
  const { id, owner, measure, amount, window, until, reason, by } = raise;
  const role = roleOf(guard, raise);
  const terms = await termsOf(guard, role);
  const approvedBy = raiseApprovedBy(raise, terms.approvers);
  const needed = raise.asked ? Math.max(0, (terms.approvals ?? 1) - approvedBy.length) : 0;
  const request = raiseRequest(raise);
  const holder = holderOf(owner);
  return {
    id,
    of: holder ? holderName(holder) : owner,
    limit: `${measure} ${amountName(measure, amount)} ${windowName(window)}`,
    until: iso(until),
    reason,
    requestedBy: by,
    approvedBy,
    needed,
    state: stateOf(raise, role, terms, guard.now()),
    ...(request && { text: request.text }),
  };
}

function stateOf(raise: Raise, role: RolePolicy | undefined, terms: RaiseTerms, now: number): ShownRaise['state'] {
  if (raise.until <= now) return 'over';
  if (!role) return 'void';
  if (raiseHolds(raise, terms)) return 'in force';
  return raise.asked && raise.asked.state === terms.state ? 'requested' : 'void';
}
