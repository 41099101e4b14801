/** Raises that others must sign (`raise` of a role): requested by `rowgate limits raise`, in force with enough signatures. Any raise can be revoked. */

import type { LimitReached } from '../../../core/alarm-sink.ts';
import { signersShown, stateName } from '../../../metering/approvals.ts';
import type { Raise } from '../../../metering/budget-store.ts';
import { type Holder, holderName, holderOf, holderWords } from '../../../metering/owner.ts';
import { type RaiseTerms, raiseApprovedBy, raiseHolds, raiseRequest } from '../../../metering/raise.ts';
import { amountName, windowName } from '../../../policy/model/limits-in-force.ts';
import { type RolePolicy, roleOf } from '../../../policy/model/policy.ts';
import { shownTime } from '../../../policy/source/calendar.ts';
import { type CommandContext, command, iso, name, reason, recordThenChange } from '../command.ts';
import { type ControlReply, done, failed } from '../protocol.ts';
import { newestFirst, refuseMany, refuseNameless, signature, signedBy, tooFewApprovers } from '../signed-requests.ts';

export interface ShownRaise {
  readonly id: string;
  /** `college_12_app`, `portal/7731` */
  readonly of: string;
  /** `rows 5000 per hour` */
  readonly limit: string;
  /** ISO 8601 time. */
  readonly until: string;
  readonly reason: string;
  readonly requestedBy: string;
  readonly approvedBy: readonly string[];
  /** How many signatures are missing. */
  readonly needed: number;
  /** `void`: the policy no longer allows it in this form. */
  readonly state: 'requested' | 'in force' | 'over' | 'revoked' | 'void';
  /** The text that approvers sign; absent if none is needed. */
  readonly text?: string;
}

/** The owner's raises that may be in force now, judged by their signers. */
export async function raisesOf(guard: CommandContext, role: RolePolicy, owner: string): Promise<readonly Raise[]> {
  const terms = await termsOf(guard, role);
  return guard.store.exceptions().raises.filter((raise) => raise.owner === owner && raiseHolds(raise, terms));
}

/** @param limit the raised limit, for the record. Reply: `{ raise }`. */
export async function askForRaise(guard: CommandContext, wanted: Raise, limit: LimitReached): Promise<ControlReply> {
  const { by } = wanted;
  const refused = refuseNameless(by, 'a larger limit of this role');
  if (refused) return refused;
  const askers = guard.store.exceptions().raises.flatMap((raise) => (raise.asked ? [raise.by] : []));
  const many = refuseMany(by, askers, 'raises');
  if (many) return many;
  const state = stateName(await guard.store.hashKey());
  const raise: Raise = { ...wanted, asked: { at: guard.now(), guard: guard.guard, state, approvals: [] } };
  const request = raiseRequest(raise);
  const { approvals, approvers } = await termsOf(guard, roleOfRaise(guard, raise));
  const tooFew = request && tooFewApprovers(request, approvers ?? new Map(), approvals ?? 1);
  return tooFew ?? change(guard, raise, by, 'requested', { limit });
}

/** Reply: `{ raises }`, newest first. */
export const listRaises = command({}, async (_, guard) => {
  const raises = await Promise.all(guard.store.exceptions().raises.map((raise) => shown(raise, guard)));
  return done({ raises: newestFirst(raises) });
});

/** Adds a signature; with enough of them the raise is in force. Reply: `{ raise }`. */
export const approveRaise = command({ id: name, signature }, async (given, guard, by) => {
  const raise = guard.store.exceptions().raises.find(({ id }) => id === given.id);
  const request = raise && raiseRequest(raise);
  if (!raise?.asked || !request) return failed('refused', `there is no raise "${given.id}" that is to be signed`);
  const { state } = await shown(raise, guard);
  if (state !== 'requested') return failed('refused', `the raise is ${state}`);
  const approvers = guard.policy()?.approvers ?? new Map();
  const signed = signedBy(request, given.signature, approvers, 'raise');
  if ('refusal' in signed) return signed.refusal;
  const changed: Raise = { ...raise, asked: { ...raise.asked, approvals: signed.approvals } };
  const terms = await termsOf(guard, roleOfRaise(guard, raise));
  return change(guard, changed, by, raiseHolds(changed, terms) ? 'in-force' : 'approved');
});

/** Refuses one that was requested, or ends one in force. */
export const revokeRaise = command({ id: name, reason }, async (given, guard, by) => {
  const raise = guard.store.exceptions().raises.find(({ id }) => id === given.id);
  if (!raise) return failed('refused', `there is no raise "${given.id}"`);
  if (raise.revokedBy !== undefined) return failed('refused', 'the raise was revoked already');
  if (raise.until <= guard.now()) return failed('refused', 'the raise is over');
  return change(guard, { ...raise, revokedBy: by }, by, 'revoked', { why: given.reason });
});

function roleOfRaise(guard: CommandContext, { owner }: Raise): RolePolicy | undefined {
  const policy = guard.policy();
  const principal = policy?.principals.get(holderOf(owner)?.principal ?? '');
  return principal && policy && roleOf(policy, principal);
}

async function termsOf(guard: CommandContext, role: RolePolicy | undefined): Promise<RaiseTerms> {
  const state = stateName(await guard.store.hashKey());
  return { approvals: role?.raise?.approvals, approvers: guard.policy()?.approvers, state };
}

/** Records the change, then makes it. `limit`: as it is recorded; without it, the requested one. `why`: not its own reason. */
async function change(
  guard: CommandContext,
  raise: Raise,
  by: string,
  status: 'requested' | 'approved' | 'in-force' | 'revoked',
  { limit, why = raise.reason }: { readonly limit?: LimitReached; readonly why?: string } = {},
): Promise<ControlReply> {
  const holder = holderOf(raise.owner) ?? { principal: raise.owner };
  const { id, until } = raise;
  const approvers = guard.policy()?.approvers;
  const approved = signersShown(raiseApprovedBy(raise, approvers), approvers);
  const fields = {
    ...holder,
    ...(limit && { limit }),
    until: iso(until),
    reason: why,
    by,
    status,
    raise: { id, requested_by: raise.by, approved_by: approved },
  };
  const record = (failed = {}) => guard.records.append('raise', { ...fields, ...failed });
  const refused = await recordThenChange(guard, record, { kind: 'raise', raise });
  if (refused) return refused;
  const answer = await shown(raise, guard);
  const text = wordsOf(status, holder, raise, answer, guard.timeZone);
  if (text !== undefined) guard.alarms.raise({ kind: 'raise', ...holder, text, reason: why, by });
  return done({ raise: answer });
}

/** A raise must be visible to others, so it alarms. */
function wordsOf(
  status: string,
  holder: Holder,
  { until }: Raise,
  { limit, approvedBy }: ShownRaise,
  timeZone: string,
): string | undefined {
  const what = `${holderWords(holder)}: ${limit} until ${shownTime(until, timeZone)}`;
  if (status === 'requested') return `a larger limit is asked for, of ${what}`;
  if (status === 'revoked') return `a larger limit is refused or ended, of ${what}`;
  return status === 'in-force' ? `a larger limit holds, of ${what}; signed by ${approvedBy.join(', ')}` : undefined;
}

async function shown(raise: Raise, guard: CommandContext): Promise<ShownRaise> {
  const { id, owner, measure, amount, window, until, reason, by } = raise;
  const role = roleOfRaise(guard, raise);
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
  if (raise.revokedBy !== undefined) return 'revoked';
  if (raise.until <= now) return 'over';
  if (!role) return 'void';
  if (raiseHolds(raise, terms)) return 'in force';
  return raise.asked && raise.asked.state === terms.state ? 'requested' : 'void';
}
