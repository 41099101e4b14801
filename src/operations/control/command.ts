/** A command of the control socket: its arguments, and the parts of the guard that it uses. */
import { z } from 'zod';
import type { AlarmSink } from '../../core/alarm-sink.ts';
import type { RecordSink } from '../../decision-log/record-sink.ts';
import type { BudgetStore, ExceptionsChange } from '../../metering/budget-store.ts';
import { type Holder, holderOf, holderWords, ownerOf } from '../../metering/owner.ts';
import { isUserName } from '../../metering/user-name.ts';
import { type Policy, roleOf } from '../../policy/model/policy.ts';
import { suggestion } from '../../policy/source/suggestion.ts';
import type { LiveSession } from '../../server/sessions.ts';
import { type ControlReply, failed } from './protocol.ts';

/** The parts of a running guard that commands use. */
export interface CommandContext {
  readonly store: BudgetStore;
  readonly records: Pick<RecordSink, 'append'>;
  readonly alarms: AlarmSink;
  readonly timeZone: string;
  /** The name of this guard. */
  readonly guard: string;
  /** The pooling mode of the connections to the server. */
  readonly pooling: 'none' | 'session' | 'transaction';
  /** The policy in force; undefined if there is none yet. */
  policy(): Policy | undefined;
  /** The same as the files have it: without the modes of roles that are only observed for a time. */
  filedPolicy(): Policy | undefined;
  /** The open sessions of this process. */
  sessions(): readonly Pick<LiveSession, 'summary'>[];
  /** Milliseconds since the epoch. */
  now(): number;
  newId(): string;
}

export interface ControlCommand {
  run(given: Readonly<Record<string, unknown>>, guard: CommandContext, by: string): Promise<ControlReply>;
}

/** A command with arguments of this shape. */
export function command<Shape extends z.ZodRawShape>(
  shape: Shape,
  run: (given: z.output<z.ZodObject<Shape>>, guard: CommandContext, by: string) => Promise<ControlReply>,
): ControlCommand {
  const schema = z.strictObject(shape);
  return {
    run: async (given, guard, by) => {
      const parsed = schema.safeParse(given);
      if (parsed.success) return run(parsed.data as z.output<z.ZodObject<Shape>>, guard, by);
      const [issue] = parsed.error.issues;
      return failed('call', `${shownKey(issue?.path) || 'arguments'}: ${issue?.message}`);
    },
  };
}

/** As it is written on the command line. */
function shownKey(path: readonly PropertyKey[] = []): string {
  return path.join('.').replace(/^forMs$/, '--for');
}

/** Shown in terminals: without characters that move the cursor, break the line, or change text direction. */
const LINE = /^[^\p{C}\p{Zl}\p{Zp}]*$/u;
const EXPECTED_LINE = 'expected a line of text';
export const name = z.string().min(1).max(128).regex(LINE, EXPECTED_LINE);
/** A principal, or an end user of one as `portal/7731`; `user` if the principal's name is ambiguous. */
export const holder = {
  principal: z.string().min(1).max(500),
  user: z.string().min(1).max(400).regex(LINE, EXPECTED_LINE).optional(),
};
export const reason = z.string().trim().min(1, 'a reason is needed').max(500).regex(LINE, EXPECTED_LINE);

const DAY_MS = 86_400_000;
/** Milliseconds. An exception that is to last longer belongs in the policy. */
export const forMs = z
  .int()
  .min(1)
  .max(31 * DAY_MS, 'expected 31 days at most');

/** A change is recorded before it is made; if it cannot be recorded, it is not made. */
export const UNRECORDED = failed('failed', 'the decision log cannot be written, so nothing was changed');

/** Records the change, then makes it. If making it fails, `record` is called again with the failure. Undefined: it was made. */
export async function recordThenChange(
  { store }: CommandContext,
  record: (failed?: { readonly status: 'failed' }) => boolean,
  change: ExceptionsChange,
): Promise<ControlReply | undefined> {
  if (!record()) return UNRECORDED;
  try {
    await store.change(change);
    return undefined;
  } catch (error) {
    record({ status: 'failed' });
    throw error;
  }
}

export const iso = (time: number): string => new Date(time).toISOString();

export const shownOwner = (owner: string): string => holderOf(owner)?.principal ?? owner;

/** The principal with this name and its role; or why there is none. */
export function findPrincipal(guard: CommandContext, name: string) {
  const policy = guard.policy();
  if (!policy) return { refusal: failed('failed', 'no policy is in force yet') };
  const principal = policy.principals.get(name);
  const role = principal && roleOf(policy, principal);
  if (!principal || !role) {
    const near = suggestion(name, policy.principals.keys());
    return { refusal: failed('refused', `principal "${name}" does not exist${near}`) };
  }
  return { principal, role, policy };
}

/** The principal, or the end user of one, that `holder` names. Only tokens could tell whether an end user with that name exists. */
export function findHolder(guard: CommandContext, { principal: said, user }: SaidHolder) {
  const known = guard.policy()?.principals;
  const holders = holdersNamed({ principal: said, user }).filter(({ principal }) => known?.has(principal));
  const possible = holders.filter((one) => one.user === undefined || known?.get(one.principal)?.token);
  if (possible.length > 1) return { refusal: ambiguous(said, possible) };
  const holder = possible[0] ?? holders[0] ?? { principal: said };
  // No token can carry a name with other characters, and the stored name is shown to others.
  if (holder.user !== undefined && !isUserName(holder.user)) {
    return { refusal: failed('call', 'the name of the person holds a character that no name of a person has') };
  }
  const found = findPrincipal(guard, holder.principal);
  if (found.refusal) return { refusal: found.refusal };
  if (holder.user !== undefined && !found.principal.token) {
    return { refusal: failed('refused', `principal "${holder.principal}" has no end users: it has no "token"`) };
  }
  return { ...found, holder, owner: ownerOf(holder) };
}

interface SaidHolder {
  readonly principal: string;
  readonly user?: string | undefined;
}

/** All principals and end users that the words may mean: their names may contain slashes. */
export function holdersNamed({ principal: said, user }: SaidHolder): readonly Holder[] {
  if (user !== undefined) return [{ principal: said, user }];
  const slashes = [...said.matchAll(/\//g)].map(({ index }) => index);
  const people = slashes.map((at) => ({ principal: said.slice(0, at), user: said.slice(at + 1) }));
  return [{ principal: said }, ...people.filter((person) => person.user !== '')];
}

export function ambiguous(said: string, holders: readonly Holder[]): ControlReply {
  const each = holders.map(({ principal, user }) =>
    user === undefined ? holderWords({ principal }) : `user "${user}" of principal "${principal}"`,
  );
  return failed(
    'refused',
    `"${said}" may be ${each.join(' or ')}`,
    'Name the principal alone, and the user by --user.',
  );
}
