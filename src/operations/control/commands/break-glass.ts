/** `rowgate break-glass`: opens a closed principal for a time, with the signatures of approvers. */

import { openingRecord } from '../../../budget/local/opening-record.ts';
import { approvedBy, personBehind, stateName } from '../../../metering/approvals.ts';
import {
  approversOf,
  type BreakGlassRule,
  breakGlassHolds,
  breakGlassRequest,
  principalOf,
} from '../../../metering/break-glass.ts';
import type { BreakGlassOpening } from '../../../metering/budget-store.ts';
import { ownerOf } from '../../../metering/owner.ts';
import { shownTime } from '../../../policy/source/calendar.ts';
import { type CommandContext, command, findPrincipal, forMs, iso, name, reason, recordThenChange } from '../command.ts';
import { type ControlReply, done, failed } from '../protocol.ts';
import { newestFirst, refuseMany, refuseNameless, signature, signedBy, tooFewApprovers } from '../signed-requests.ts';

export interface ShownOpening {
  readonly id: string;
  readonly principal: string;
  readonly role: string;
  readonly usedBy: string;
  readonly requestedBy: string;
  /** ISO 8601 times. */
  readonly requestedAt: string;
  readonly until: string;
  readonly reason: string;
  readonly approvedBy: readonly string[];
  /** How many signatures are missing. */
  readonly needed: number;
  /** `void`: the principal was removed, has another role, or may no longer be opened this way. */
  readonly state: 'requested' | 'open' | 'over' | 'closed' | 'void';
  /** The text that approvers sign. */
  readonly text: string;
}

const person = name.regex(/^[A-Za-z0-9_][A-Za-z0-9_.@\\-]*$/, 'expected the name of a person');

/** Asks for an opening. Reply: `{ opening }`. Refused for a principal without `break_glass`, or longer than its `for`. */
export const askOpening = command(
  { principal: name, forMs, reason, usedBy: person.optional() },
  async (given, guard, by) => {
    const refused = refuseNameless(by, 'an opening');
    if (refused) return refused;
    const found = findPrincipal(guard, given.principal);
    if (found.refusal) return found.refusal;
    const { breakGlass: rule } = found.principal;
    if (!rule) return failed('refused', `principal "${given.principal}" is not closed: it has no "break_glass"`);
    if (given.forMs > rule.for) {
      return failed('refused', `principal "${given.principal}" may be open for ${rule.for / 60_000} minutes at most`);
    }
    const askers = guard.store.exceptions().openings.map(({ requestedBy }) => requestedBy);
    const many = refuseMany(by, askers, 'openings');
    if (many) return many;
    const now = guard.now();
    const opening: BreakGlassOpening = {
      id: guard.newId(),
      owner: ownerOf({ principal: given.principal }),
      role: found.role.name,
      guard: guard.guard,
      state: stateName(await guard.store.hashKey()),
      until: now + given.forMs,
      reason: given.reason,
      usedBy: given.usedBy ?? personBehind(by),
      requestedBy: by,
      requestedAt: now,
      approvals: [],
    };
    const approvers = approversOf(rule, found.policy.approvers);
    const tooFew = tooFewApprovers(breakGlassRequest(opening), approvers, rule.approvals);
    if (tooFew) return tooFew;
    const reply = await change(guard, opening, by, 'requested');
    const what = `${rule.approvals} must sign it`;
    const text = `an opening of principal "${given.principal}" until ${shownTime(opening.until, guard.timeZone)} is asked for, to be used by ${opening.usedBy}: ${what}`;
    return told(guard, opening, reply, text, by);
  },
);

/** Reply: `{ openings }`, newest first. */
export const listOpenings = command({}, async (_, guard) => {
  const openings = await Promise.all(guard.store.exceptions().openings.map((opening) => shown(opening, guard)));
  return done({ openings: newestFirst(openings) });
});

/** Adds a signature; with enough of them the principal is open. Reply: `{ opening }`. */
export const approveOpening = command({ id: name, signature }, async (given, guard, by) => {
  const opening = find(guard, given.id);
  if (!opening) return unknown(given.id);
  const terms = await termsOf(guard, opening);
  const state = stateOf(opening, terms, guard.now());
  if (state === 'open') return failed('refused', 'the principal is open by it already');
  if (state !== 'requested' || !terms) return failed('refused', ENDED[state]);
  const { rule } = terms;
  const approvers = approversOf(rule, terms.approvers);
  const signed = signedBy(breakGlassRequest(opening), given.signature, approvers, 'opening');
  if ('refusal' in signed) return signed.refusal;
  const { approvals, names } = signed;
  const opens = names.length >= rule.approvals;
  const changed = { ...opening, approvals, ...(opens && { openedAt: guard.now() }) };
  const reply = await change(guard, changed, by, opens ? 'opened' : 'approved');
  if (!opens) return reply;
  const principal = principalOf(opening);
  const text = `principal "${principal}" is open until ${shownTime(opening.until, guard.timeZone)}, to be used by ${opening.usedBy}; signed by ${names.join(', ')}`;
  return told(guard, changed, reply, text, by);
});

/** Ends an opening or a request for one. Reply: `{ opening }`. */
export const closeOpening = command({ id: name, reason: reason.optional() }, async (given, guard, by) => {
  const opening = find(guard, given.id);
  if (!opening) return unknown(given.id);
  if (opening.closed) return failed('refused', ENDED.closed);
  const closed = { ...opening, closed: { by, at: guard.now() } };
  const reply = await change(guard, closed, by, 'closed', given.reason);
  const text = `principal "${principalOf(opening)}" is closed again, before its time`;
  return told(guard, closed, reply, text, by);
});

const ENDED = {
  open: 'the principal is open by it already',
  requested: 'the opening was not signed by enough',
  over: 'the time of the opening is over',
  closed: 'the opening was closed',
  void: 'the principal is gone, or may not be opened like this any more',
} as const;

type Terms = { readonly rule: BreakGlassRule } & Parameters<typeof breakGlassHolds>[1];

/** What the opening must comply with now; undefined if the principal was removed or is no longer closed. */
async function termsOf(guard: CommandContext, { owner }: BreakGlassOpening): Promise<Terms | undefined> {
  const policy = guard.policy();
  const principal = policy?.principals.get(principalOf({ owner }));
  if (!principal?.breakGlass) return undefined;
  const state = stateName(await guard.store.hashKey());
  return { rule: principal.breakGlass, role: principal.role, approvers: policy?.approvers, state };
}

function stateOf(opening: BreakGlassOpening, terms: Terms | undefined, now: number): ShownOpening['state'] {
  if (opening.closed) return opening.closed.at >= opening.until ? 'over' : 'closed';
  if (opening.until <= now) return 'over';
  if (!terms) return 'void';
  if (breakGlassHolds(opening, terms, now)) return 'open';
  // If it would not hold even without signatures, no signature can open it.
  const unsigned = { ...terms, rule: { ...terms.rule, approvals: 0 } };
  return breakGlassHolds(opening, unsigned, now) ? 'requested' : 'void';
}

/** Records the change, then makes it. */
async function change(
  guard: CommandContext,
  opening: BreakGlassOpening,
  by: string,
  status: string,
  why = opening.reason,
): Promise<ControlReply> {
  const policy = guard.policy();
  const rule = policy?.principals.get(principalOf(opening))?.breakGlass;
  const fields = openingRecord(opening, rule, policy?.approvers, by, status, why);
  const record = (failed = {}) => guard.records.append('break-glass', { ...fields, ...failed });
  const refused = await recordThenChange(guard, record, { kind: 'opening', opening });
  if (refused) return refused;
  return done({ opening: await shown(opening, guard) });
}

/** Sends the alarm from the guard where the change was made. */
function told(
  guard: CommandContext,
  opening: BreakGlassOpening,
  reply: ControlReply,
  text: string,
  by: string,
): ControlReply {
  if (reply.ok) {
    const principal = principalOf(opening);
    guard.alarms.raise({ kind: 'break-glass', principal, text, reason: opening.reason, by });
  }
  return reply;
}

async function shown(opening: BreakGlassOpening, guard: CommandContext): Promise<ShownOpening> {
  const terms = await termsOf(guard, opening);
  const names = terms ? approvedBy(breakGlassRequest(opening), approversOf(terms.rule, terms.approvers)) : [];
  return {
    id: opening.id,
    principal: principalOf(opening),
    role: opening.role,
    usedBy: opening.usedBy,
    requestedBy: opening.requestedBy,
    requestedAt: iso(opening.requestedAt),
    until: iso(opening.until),
    reason: opening.reason,
    approvedBy: names,
    needed: Math.max(0, (terms?.rule.approvals ?? 0) - names.length),
    state: stateOf(opening, terms, guard.now()),
    text: breakGlassRequest(opening).text,
  };
}

function find({ store }: CommandContext, id: string): BreakGlassOpening | undefined {
  return store.exceptions().openings.find((opening) => opening.id === id);
}

function unknown(id: string): ControlReply {
  return failed('refused', `there is no opening "${id}"`);
}
