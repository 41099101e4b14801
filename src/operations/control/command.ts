/** A command of the control socket: what it takes, and what of the guard it works on. */
import { z } from 'zod';
import type { AlarmSink } from '../../core/alarm-sink.ts';
import type { RecordSink } from '../../decision-log/record-sink.ts';
import type { BudgetStore } from '../../metering/budget-store.ts';
import { type Holder, holderOf, holderWords, ownerOf as ownerOfHolder } from '../../metering/owner.ts';
import { isUserName } from '../../metering/user-name.ts';
import type { Policy } from '../../policy/model/policy.ts';
import { type ControlReply, failed } from './protocol.ts';

/** What the commands need of a running guard. */
export interface Commanded {
  readonly store: BudgetStore;
  readonly records: Pick<RecordSink, 'append'>;
  readonly alarms: AlarmSink;
  readonly timeZone: string;
  /** The name of this guard. */
  readonly guard: string;
  /** In force now; undefined where there is none yet. */
  policy(): Policy | undefined;
  /** Milliseconds since the epoch. */
  now(): number;
  newId(): string;
}

export interface ControlCommand {
  run(given: Readonly<Record<string, unknown>>, guard: Commanded, by: string): Promise<ControlReply>;
}

/** A command whose arguments have that shape. */
export function command<Shape extends z.ZodRawShape>(
  shape: Shape,
  run: (given: z.output<z.ZodObject<Shape>>, guard: Commanded, by: string) => Promise<ControlReply>,
): ControlCommand {
  const schema = z.strictObject(shape);
  return {
    run: async (given, guard, by) => {
      const parsed = schema.safeParse(given);
      if (parsed.success) return run(parsed.data as z.output<z.ZodObject<Shape>>, guard, by);
      const [issue] = parsed.error.issues;
      return failed('call', `${issue?.path.join('.') || 'arguments'}: ${issue?.message}`);
    },
  };
}

/** Shown in terminals: nothing that would move the cursor, begin a line, or turn text around. */
const LINE = /^[^\p{C}\p{Zl}\p{Zp}]*$/u;
const EXPECTED_LINE = 'expected a line of text';
export const name = z.string().min(1).max(128).regex(LINE, EXPECTED_LINE);
/** A principal, or a person behind one as `portal/7731`; `user` where the name of the principal leaves that open. */
export const holder = {
  principal: z.string().min(1).max(500),
  user: z.string().min(1).max(400).regex(LINE, EXPECTED_LINE).optional(),
};
export const reason = z.string().trim().min(1, 'a reason is needed').max(500).regex(LINE, EXPECTED_LINE);

const DAY_MS = 86_400_000;
/** Milliseconds. What is to hold for longer belongs into the policy. */
export const forMs = z
  .int()
  .min(1)
  .max(31 * DAY_MS, 'expected 31 days at most');

/** In the log before it is done: what cannot be recorded is not done. */
export const UNRECORDED = failed('failed', 'the decision log cannot be written, so nothing was changed');

export const iso = (time: number): string => new Date(time).toISOString();

export const ownerOf = (principal: string): string => ownerOfHolder({ principal });
export const shownOwner = (owner: string): string => holderOf(owner)?.principal ?? owner;

/** The principal of this name, with its role; or why it cannot be named. */
export function findPrincipal(guard: Commanded, name: string) {
  const policy = guard.policy();
  if (!policy) return { refusal: failed('failed', 'no policy is in force yet') };
  const principal = policy.principals.get(name);
  const role = principal && policy.roles.get(principal.role);
  if (!principal || !role) return { refusal: failed('refused', `principal "${name}" does not exist`) };
  return { principal, role, policy };
}

/** The principal, or the person behind one, whom `holder` names. Whether anybody is called so only their tokens tell. */
export function findHolder(guard: Commanded, { principal: said, user }: SaidHolder) {
  const known = guard.policy()?.principals;
  const holders = holdersNamed({ principal: said, user }).filter(({ principal }) => known?.has(principal));
  const possible = holders.filter((one) => one.user === undefined || known?.get(one.principal)?.token);
  if (possible.length > 1) return { refusal: ambiguous(said, possible) };
  const holder = possible[0] ?? holders[0] ?? { principal: said };
  // By the grammar of names in tokens: nobody is called otherwise, and what is kept is shown to others.
  if (holder.user !== undefined && !isUserName(holder.user)) {
    return { refusal: failed('call', 'the name of the person holds a character that no name of a person has') };
  }
  const found = findPrincipal(guard, holder.principal);
  if (found.refusal) return { refusal: found.refusal };
  if (holder.user !== undefined && !found.principal.token) {
    return { refusal: failed('refused', `nobody is behind principal "${holder.principal}": it has no "token"`) };
  }
  return { ...found, holder, owner: ownerOfHolder(holder) };
}

interface SaidHolder {
  readonly principal: string;
  readonly user?: string | undefined;
}

/** Whom the words may mean: the names of principals and of people may hold slashes. */
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
