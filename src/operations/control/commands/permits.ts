/** `rowgate permit`: exports beyond the limits, requested by one person and approved by two others. */

import { z } from 'zod';
import { approvedBy, stateName } from '../../../metering/approvals.ts';
import type { Permit } from '../../../metering/budget-store.ts';
import { ownerOf } from '../../../metering/owner.ts';
import { APPROVALS_NEEDED, isOfState, PERMIT_WINDOW, permitOwner, permitRequest } from '../../../metering/permit.ts';
import type { RolePolicy } from '../../../policy/model/policy.ts';
import { shownTime } from '../../../policy/source/calendar.ts';
import {
  type CommandContext,
  command,
  findPrincipal,
  forMs,
  iso,
  name,
  reason,
  recordThenChange,
  shownOwner,
} from '../command.ts';
import { type ControlReply, done, failed } from '../protocol.ts';
import { newestFirst, refuseMany, refuseNameless, signature, signedBy } from '../signed-requests.ts';

export interface ShownPermit {
  readonly id: string;
  readonly principal: string;
  readonly tables: readonly string[];
  readonly rows: number;
  /** Of `rows`; includes leases. */
  readonly used: number;
  /** ISO 8601 times. */
  readonly from: string;
  readonly until: string;
  readonly reason: string;
  readonly requestedBy: string;
  readonly approvedBy: readonly string[];
  /** `void`: it names another state store. */
  readonly state: 'requested' | 'approved' | 'in force' | 'over' | 'revoked' | 'void';
  /** The text that approvers sign. */
  readonly text: string;
}

/** Asks for an export beyond the limits. Reply: `{ permit, needed }`. Refused for tables that the role may not read. */
export const requestPermit = command(
  {
    principal: name,
    tables: z.array(name).min(1, 'name a table').max(100),
    rows: z.int().min(1).max(10_000_000_000),
    from: z.int().optional(),
    forMs,
    reason,
  },
  async (given, guard, by) => {
    const refused = refuseNameless(by, 'a permit');
    if (refused) return refused;
    const found = findPrincipal(guard, given.principal);
    if (found.refusal) return found.refusal;
    const tables: string[] = [];
    for (const table of given.tables) {
      const full = tableOf(found.role, table);
      if (full === undefined) {
        return failed('refused', `role "${found.role.name}" may not read a table "${table}": a permit grants none`);
      }
      if (!tables.includes(full)) tables.push(full);
    }
    const askers = guard.store.exceptions().permits.map(({ requestedBy }) => requestedBy);
    const many = refuseMany(by, askers, 'permits');
    if (many) return many;
    const now = guard.now();
    const from = given.from ?? now;
    const until = from + given.forMs;
    if (until <= now) return failed('call', 'the permit would be over before it is asked for');
    const permit: Permit = {
      id: guard.newId(),
      owner: ownerOf({ principal: given.principal }),
      guard: guard.guard,
      state: stateName(await guard.store.hashKey()),
      tables: tables.sort(),
      rows: given.rows,
      from,
      until,
      reason: given.reason,
      requestedBy: by,
      requestedAt: now,
      approvals: [],
    };
    return change(guard, permit, by, 'requested');
  },
);

/** Reply: `{ permits }`, newest first. */
export const listPermits = command({}, async (_, guard) => {
  const permits = await Promise.all(guard.store.exceptions().permits.map((permit) => shown(permit, guard)));
  return done({ permits: newestFirst(permits) });
});

/** Adds a signature. Reply: `{ permit, needed }`, with the number of signatures still missing. */
export const approvePermit = command({ id: name, signature }, async (given, guard, by) => {
  const permit = find(guard, given.id);
  if (!permit) return unknown(given.id);
  if (permit.revokedBy !== undefined) return failed('refused', 'the permit was revoked');
  if (permit.until <= guard.now()) return failed('refused', 'the permit is over');
  if (!isOfState(permit, stateName(await guard.store.hashKey()))) {
    return failed('refused', 'the permit is void: it does not name the state of this guard', 'Ask for it again.');
  }
  const approvers = guard.policy()?.approvers ?? new Map();
  const signed = signedBy(permitRequest(permit), given.signature, approvers, 'permit');
  if ('refusal' in signed) return signed.refusal;
  const { approvals, names } = signed;
  const reply = await change(guard, { ...permit, approvals }, by, 'approved');
  if (reply.ok && names.length >= APPROVALS_NEEDED) {
    const principal = shownOwner(permit.owner);
    const what = `${permit.rows} rows of ${permit.tables.join(', ')} until ${shownTime(permit.until, guard.timeZone)}`;
    const text = `principal "${principal}" is permitted an export: ${what}; approved by ${names.join(', ')}`;
    guard.alarms.raise({ kind: 'permit', principal, text, reason: permit.reason, by });
  }
  return reply;
});

/** Ends a permit for good. Reply: `{ permit, needed }`. */
export const revokePermit = command({ id: name, reason }, async (given, guard, by) => {
  const permit = find(guard, given.id);
  if (!permit) return unknown(given.id);
  if (permit.revokedBy !== undefined) return failed('refused', 'the permit was revoked already');
  return change(guard, { ...permit, revokedBy: by }, by, 'revoked', given.reason);
});

/** Records the change, then makes it. */
async function change(
  guard: CommandContext,
  permit: Permit,
  by: string,
  status: string,
  why = permit.reason,
): Promise<ControlReply> {
  const approved = approvedBy(permitRequest(permit), guard.policy()?.approvers ?? new Map());
  const fields = {
    principal: shownOwner(permit.owner),
    by,
    reason: why,
    status,
    permit: {
      id: permit.id,
      tables: permit.tables,
      rows: permit.rows,
      from: iso(permit.from),
      until: iso(permit.until),
      requested_by: permit.requestedBy,
      approved_by: approved,
    },
  };
  const record = (failed = {}) => guard.records.append('permit', { ...fields, ...failed });
  const refused = await recordThenChange(guard, record, { kind: 'permit', permit });
  if (refused) return refused;
  return done({ permit: await shown(permit, guard), needed: Math.max(0, APPROVALS_NEEDED - approved.length) });
}

/** The table as the role's policy names it, such as `public.students`. */
function tableOf(role: RolePolicy, table: string): string | undefined {
  if (role.access === 'unrestricted') return table.includes('.') ? table : undefined;
  const full = (relation: { schema: string; name: string }) => `${relation.schema}.${relation.name}`;
  const readable = [...role.relations.values()].filter(({ system, select }) => !system && select !== undefined);
  const found = readable.filter(({ relation }) => full(relation) === table || relation.name === table);
  return found.length === 1 && found[0] ? full(found[0].relation) : undefined;
}

async function shown(permit: Permit, guard: CommandContext): Promise<ShownPermit> {
  const names = approvedBy(permitRequest(permit), guard.policy()?.approvers ?? new Map());
  const [used = 0] = await guard.store.used(permitOwner(permit.id), 'rows', [PERMIT_WINDOW]);
  return {
    id: permit.id,
    principal: shownOwner(permit.owner),
    tables: permit.tables,
    rows: permit.rows,
    used,
    from: iso(permit.from),
    until: iso(permit.until),
    reason: permit.reason,
    requestedBy: permit.requestedBy,
    approvedBy: names,
    state: stateOf(permit, names.length, stateName(await guard.store.hashKey()), guard.now()),
    text: permitRequest(permit).text,
  };
}

function stateOf(permit: Permit, approvals: number, state: string, now: number): ShownPermit['state'] {
  if (permit.revokedBy !== undefined) return 'revoked';
  if (permit.until <= now) return 'over';
  if (!isOfState(permit, state)) return 'void';
  if (approvals < APPROVALS_NEEDED) return 'requested';
  return permit.from <= now ? 'in force' : 'approved';
}

function find({ store }: CommandContext, id: string): Permit | undefined {
  return store.exceptions().permits.find((permit) => permit.id === id);
}

function unknown(id: string): ControlReply {
  return failed('refused', `there is no permit "${id}"`);
}
