/** `rowgate observe`: switches an enforced role to observe mode for a time, with the signatures of approvers. */
import { stateName } from '../../../metering/approvals.ts';
import type { Observation } from '../../../metering/budget-store.ts';
import {
  observationApprovals,
  observationFields,
  observationHolds,
  observationMayHold,
  observationRequest,
} from '../../../metering/observation.ts';
import type { RolePolicy } from '../../../policy/model/policy.ts';
import { shownTime } from '../../../policy/source/calendar.ts';
import { suggestion } from '../../../policy/source/suggestion.ts';
import { mayObserve } from '../../../server/observations.ts';
import { type CommandContext, command, forMs, iso, name, reason, recordThenChange } from '../command.ts';
import { type ControlReply, done, failed } from '../protocol.ts';
import { newestFirst, refuseMany, refuseNameless, signature, signedBy, tooFewApprovers } from '../signed-requests.ts';

export interface ShownObservation {
  readonly id: string;
  readonly role: string;
  readonly requestedBy: string;
  /** ISO 8601 times. */
  readonly requestedAt: string;
  readonly until: string;
  readonly reason: string;
  readonly approvedBy: readonly string[];
  /** How many signatures are missing. */
  readonly needed: number;
  /** `void`: the role was removed, or the signatures no longer count. */
  readonly state: 'requested' | 'in force' | 'over' | 'ended' | 'void';
  /** The text that approvers sign. */
  readonly text: string;
}

/** Asks for observe mode for a time. Reply: `{ observation }`. Refused for unrestricted and observed roles, and with a transaction pooler. */
export const askObservation = command({ role: name, forMs, reason }, async (given, guard, by) => {
  const refused = refuseNameless(by, 'an observed role');
  if (refused) return refused;
  // Not the policy in force: that lags behind an observation which has just ended.
  const policy = guard.filedPolicy();
  if (!policy) return failed('failed', 'no policy is in force yet');
  const role = policy.roles.get(given.role);
  if (!role)
    return failed('refused', `role "${given.role}" does not exist${suggestion(given.role, policy.roles.keys())}`);
  if (role.access === 'unrestricted')
    return failed('refused', `role "${given.role}" is unrestricted: it is held to no policy`);
  if (role.mode === 'observe') return failed('refused', `role "${given.role}" is only observed already, by its policy`);
  if (!mayObserve(guard.pooling)) {
    const hint = 'What it changed in a connection would meet it later, when it is held to its policy again.';
    return failed('refused', 'with upstream.pooling: transaction no role is observed for a time', hint);
  }
  const many = refuseMany(
    by,
    guard.store.exceptions().observations.map(({ requestedBy }) => requestedBy),
    'observations',
  );
  if (many) return many;
  const terms = await termsOf(guard, role);
  const now = guard.now();
  const observation: Observation = {
    id: guard.newId(),
    role: role.name,
    guard: guard.guard,
    state: terms.state,
    until: now + given.forMs,
    reason: given.reason,
    requestedBy: by,
    requestedAt: now,
    approvals: [],
  };
  const tooFew = tooFewApprovers(observationRequest(observation), terms.approvers ?? new Map(), terms.approvals);
  if (tooFew) return tooFew;
  const until = shownTime(observation.until, guard.timeZone);
  return change(
    guard,
    observation,
    by,
    'requested',
    `role "${role.name}" is to be only observed until ${until}: ${terms.approvals} must sign it`,
  );
});

/** Reply: `{ observations }`, newest first. */
export const listObservations = command({}, async (_, guard) => {
  const observations = await Promise.all(guard.store.exceptions().observations.map((one) => shown(one, guard)));
  return done({ observations: newestFirst(observations) });
});

/** Adds a signature; with enough of them the role is observed. Reply: `{ observation }`. */
export const approveObservation = command({ id: name, signature }, async (given, guard, by) => {
  const observation = find(guard, given.id);
  if (!observation) return unknown(given.id);
  const { state } = await shown(observation, guard);
  if (state !== 'requested') return failed('refused', `the observation is ${state}`);
  const { approvals, approvers } = await termsOf(guard, roleOf(guard, observation));
  const signed = signedBy(observationRequest(observation), given.signature, approvers ?? new Map(), 'observation');
  if ('refusal' in signed) return signed.refusal;
  const begins = signed.names.length >= approvals;
  const changed = { ...observation, approvals: signed.approvals, ...(begins && { begunAt: guard.now() }) };
  if (!begins) return change(guard, changed, by, 'approved');
  const until = shownTime(observation.until, guard.timeZone);
  return change(
    guard,
    changed,
    by,
    'in-force',
    `role "${observation.role}" is only observed until ${until}; signed by ${signed.names.join(', ')}`,
  );
});

/** Enforces the role again before the time is over. Reply: `{ observation }`. */
export const endObservation = command({ id: name, reason: reason.optional() }, async (given, guard, by) => {
  const observation = find(guard, given.id);
  if (!observation) return unknown(given.id);
  const { state } = await shown(observation, guard);
  if (state === 'ended' || state === 'over') return failed('refused', `the observation is ${state}`);
  const ended = { ...observation, ended: { by, at: guard.now() } };
  const text = `role "${observation.role}" is held to its policy again, before its time`;
  return change(guard, ended, by, 'ended', text, given.reason);
});

async function termsOf(guard: CommandContext, role: RolePolicy | undefined) {
  const state = stateName(await guard.store.hashKey());
  return { approvals: observationApprovals(role ?? {}), approvers: guard.policy()?.approvers, state };
}

function roleOf(guard: CommandContext, { role: name }: Observation): RolePolicy | undefined {
  const role = guard.policy()?.roles.get(name);
  return role?.access === 'restricted' ? role : undefined;
}

/** Records the change, then makes it. `text`: the alarm's text. */
async function change(
  guard: CommandContext,
  observation: Observation,
  by: string,
  status: string,
  text?: string,
  why = observation.reason,
): Promise<ControlReply> {
  const fields = observationFields(observation, guard.policy()?.approvers, by, status, why);
  const record = (failed = {}) => guard.records.append('observe', { ...fields, ...failed });
  const refused = await recordThenChange(guard, record, { kind: 'observation', observation });
  if (refused) return refused;
  if (text !== undefined) guard.alarms.raise({ kind: 'observe', text, reason: why, by });
  return done({ observation: await shown(observation, guard) });
}

function find(guard: CommandContext, id: string): Observation | undefined {
  return guard.store.exceptions().observations.find((observation) => observation.id === id);
}

function unknown(id: string): ControlReply {
  return failed('refused', `there is no observation "${id}"`);
}

async function shown(observation: Observation, guard: CommandContext): Promise<ShownObservation> {
  const { id, role, requestedBy, requestedAt, until, reason, ended } = observation;
  const held = roleOf(guard, observation);
  const terms = await termsOf(guard, held);
  const now = guard.now();
  const request = observationRequest(observation);
  const approvedBy = observationFields(observation, terms.approvers, requestedBy, '').observe.approved_by.map(
    ({ name }) => name,
  );
  const state = (): ShownObservation['state'] => {
    if (ended) return ended.at >= until ? 'over' : 'ended';
    if (until <= now) return 'over';
    if (held && observationHolds(observation, terms, now)) return 'in force';
    return held && observationMayHold(observation, terms, now) ? 'requested' : 'void';
  };
  return {
    id,
    role,
    requestedBy,
    requestedAt: iso(requestedAt),
    until: iso(until),
    reason,
    approvedBy,
    needed: Math.max(0, terms.approvals - approvedBy.length),
    state: state(),
    text: request.text,
  };
}
