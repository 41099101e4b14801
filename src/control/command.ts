/** A command of the control socket: what it takes, and what of the guard it works on. */
import { z } from 'zod';
import type { BudgetStore } from '../meter/budget-store.ts';
import type { Policy } from '../policy/policy.ts';
import type { AlarmSink } from '../proxy/alarm-sink.ts';
import type { RecordSink } from '../proxy/record-sink.ts';
import { type ControlReply, failed } from './protocol.ts';

/** What the commands need of a running guard. */
export interface Commanded {
  readonly store: BudgetStore;
  readonly records: Pick<RecordSink, 'append'>;
  readonly alarms: AlarmSink;
  readonly timeZone: string;
  /** In force now; undefined where there is none yet. */
  /** The name of this guard. */
  readonly guard: string;
  policy(): Policy | undefined;
  /** Milliseconds since the epoch. */
  now(): number;
  newId(): string;
}

export interface Command {
  run(given: Readonly<Record<string, unknown>>, guard: Commanded, by: string): Promise<ControlReply>;
}

/** A command whose arguments have that shape. */
export function command<Shape extends z.ZodRawShape>(
  shape: Shape,
  run: (given: z.output<z.ZodObject<Shape>>, guard: Commanded, by: string) => Promise<ControlReply>,
): Command {
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

export const name = z.string().min(1).max(128);
/** Shown in terminals: nothing that would move the cursor, begin a line, or turn text around. */
const LINE = /^[^\p{C}\p{Zl}\p{Zp}]*$/u;
const EXPECTED_LINE = 'expected a line of text';
export const tableName = name.regex(LINE, EXPECTED_LINE);
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

export const ownerOf = (principal: string): string => `principal:${principal}`;
export const shownOwner = (owner: string): string => owner.replace(/^principal:/, '');

/** The principal of this name, with its role; or why it cannot be named. */
export function findPrincipal(guard: Commanded, name: string) {
  const policy = guard.policy();
  if (!policy) return { refusal: failed('failed', 'no policy is in force yet') };
  const principal = policy.principals.get(name);
  const role = principal && policy.roles.get(principal.role);
  if (!principal || !role) return { refusal: failed('refused', `principal "${name}" does not exist`) };
  return { principal, role, policy };
}
