/** The limits at a time as one flat list: for a principal its role's and its own, or for an end user; with `during`, effects and raises applied. */

import type { RuleRef } from '../source/rule.ts';
import { limitsAt } from './during.ts';
import {
  type LimitEffect,
  type Limits,
  type Lock,
  OF_SUBJECTS,
  perStatementLimit,
  type StatementLimitKey,
  type Throttle,
  type Window,
  type WindowLimit,
} from './limits.ts';
import type { Principal, RolePolicy } from './policy.ts';

/** What a limit over time counts, in the meter's terms. */
export type LimitedMeasure = 'rows' | 'bytes' | 'statements' | 'changed' | `subjects.${string}` | `answers.${string}`;

/** A limit over time that is in force. */
export interface LimitInForce {
  /** `rows 2000 per hour`, `subjects.student 300 per day` */
  readonly name: string;
  readonly measure: LimitedMeasure;
  readonly amount: number;
  readonly window: Window;
  readonly effect: LimitEffect;
  readonly rule: RuleRef;
  /** The policy's amount, if a raise replaces it. */
  readonly stated?: number;
}

export interface StatementLimit {
  readonly amount: number;
  readonly rule: RuleRef;
}

export interface LimitsInForce extends Readonly<Partial<Record<StatementLimitKey, StatementLimit>>> {
  readonly windows: readonly LimitInForce[];
  readonly connections?: number;
  readonly throttle?: Throttle;
  /** When the holder is locked, and for how long. */
  readonly lock?: Lock;
  /** When other limits may begin to apply, milliseconds since the epoch. */
  readonly until: number;
}

/** `rowgate limits raise`: a larger amount for a time, for each limit with that measure and window. */
export interface RaisedLimit {
  readonly measure: string;
  readonly window: Window;
  readonly amount: number;
  readonly until: number;
}

/** The role, the principal's own limits and the time, in the guard's time zone. `raises`: those of this principal. */
export interface LimitsAsked {
  readonly role: RolePolicy;
  readonly principal: Pick<Principal, 'limits' | 'during' | 'rule'>;
  readonly now: number;
  readonly timeZone: string;
  readonly raises?: readonly RaisedLimit[];
}

/** Shared by all end users of a role without raises. */
const ofUsers = new WeakMap<RolePolicy, LimitsInForce>();

/** The limits of each end user, in addition to those of the principal. `raises`: those of this end user. */
export function limitsOfUser({ role, now, raises = [] }: Pick<LimitsAsked, 'role' | 'now' | 'raises'>): LimitsInForce {
  const raised = raises.filter(({ until }) => until > now);
  const known = raised.length === 0 ? ofUsers.get(role) : undefined;
  if (known) return known;
  const limits: LimitsInForce = {
    windows: windowsOf(role.limitsPerUser ?? {}, role.rule, role, raised),
    ...effectsOf(role),
    until: Math.min(Number.POSITIVE_INFINITY, ...raised.map(({ until }) => until)),
  };
  if (raised.length === 0) ofUsers.set(role, limits);
  return limits;
}

/** The limits at the time `now`: of role and principal together, with `during` and raises applied. */
export function limitsInForce({ role, principal, now, timeZone, raises = [] }: LimitsAsked): LimitsInForce {
  const ofRole = limitsAt(role.limits, role.during, now, timeZone);
  const ofPrincipal = limitsAt(principal.limits, principal.during, now, timeZone);
  const raised = raises.filter(({ until }) => until > now);
  const connections = [ofRole.limits.connections, ofPrincipal.limits.connections].filter((most) => most !== undefined);
  return {
    windows: [
      ...windowsOf(ofRole.limits, role.rule, role, raised),
      ...windowsOf(ofPrincipal.limits, principal.rule, role, raised),
    ],
    ...perStatementLimit((key) => smaller(key, ofRole.limits, ofPrincipal.limits, { role, principal })),
    ...(connections.length > 0 && { connections: Math.min(...connections) }),
    ...effectsOf(role),
    until: Math.min(ofRole.until, ofPrincipal.until, ...raised.map(({ until }) => until)),
  };
}

function effectsOf({ throttle, lock, mode }: RolePolicy): Pick<LimitsInForce, 'throttle' | 'lock'> {
  return { ...(throttle && { throttle }), ...(lock && mode === 'enforce' && { lock }) };
}

/** Whether what would exceed the limit is refused. */
export function refuses({ effect }: LimitInForce): boolean {
  return effect === 'deny' || effect === 'lock';
}

/**
 * Whether limits on answers pay for what names no one, in place of those on people. INVARIANT 163: one that only warns or slows takes nothing out of
 * one that refuses.
 */
export function areAnswersApart(limits: readonly LimitInForce[], subject: string): boolean {
  const of = (kind: 'subjects' | 'answers') => limits.filter(({ measure }) => measure === `${kind}.${subject}`);
  const answers = of('answers');
  return answers.some(refuses) || (answers.length > 0 && !of('subjects').some(refuses));
}

/** `per hour`, `per 30 days` */
export function windowName({ count, unit }: Window): string {
  return count === 1 ? `per ${unit}` : `per ${count} ${unit}s`;
}

/** As in a policy: `20 MB` for bytes, plain numbers for everything else. */
export function amountName(measure: string, amount: number): string {
  if (measure !== 'bytes') return String(amount);
  const [factor, unit] = BYTE_UNITS.find(([factor]) => amount > 0 && amount % factor === 0) ?? [1, 'B'];
  return `${amount / factor} ${unit}`;
}

const BYTE_UNITS: readonly (readonly [number, string])[] = [
  [1024 ** 4, 'TB'],
  [1024 ** 3, 'GB'],
  [1024 ** 2, 'MB'],
  [1024, 'kB'],
];

function windowsOf(limits: Limits, rule: RuleRef, role: RolePolicy, raised: readonly RaisedLimit[]): LimitInForce[] {
  const lists: [LimitedMeasure, readonly WindowLimit[] | undefined][] = [
    ['statements', limits.statements],
    ['rows', limits.rows],
    ['bytes', limits.bytes],
    ['changed', limits.changed],
    ...OF_SUBJECTS.flatMap((key) =>
      [...(limits[key] ?? [])].map(([name, list]): [LimitedMeasure, readonly WindowLimit[]] => [
        `${key}.${name}`,
        list,
      ]),
    ),
  ];
  return lists.flatMap(([measure, list = []]) =>
    list.map((limit): LimitInForce => {
      const { window } = limit;
      const higher = raised.filter((raise) => raise.measure === measure && sameWindow(raise.window, window));
      const amount = Math.max(limit.amount, ...higher.map((raise) => raise.amount));
      return {
        name: `${measure} ${amountName(measure, amount)} ${windowName(window)}`,
        measure,
        amount,
        window,
        effect: effectOf(limit, role),
        rule: limit.rule ?? rule,
        ...(amount !== limit.amount && { stated: limit.amount }),
      };
    }),
  );
}

function effectOf({ effect }: WindowLimit, role: RolePolicy): LimitEffect {
  // In observe mode nothing is refused: the log tells what would have been.
  if (role.mode === 'observe') return 'warn';
  const said = effect ?? role.whenExceeded ?? 'deny';
  // Without a rate to throttle to, the limit denies.
  return said === 'throttle' && !role.throttle ? 'deny' : said;
}

/** The role's and the principal's own limit both apply. */
function smaller(
  key: StatementLimitKey,
  ofRole: Limits,
  ofPrincipal: Limits,
  rules: { readonly role: { readonly rule: RuleRef }; readonly principal: { readonly rule: RuleRef } },
): StatementLimit | undefined {
  const [role = Number.POSITIVE_INFINITY, principal = Number.POSITIVE_INFINITY] = [ofRole[key], ofPrincipal[key]];
  const amount = Math.min(role, principal);
  if (amount === Number.POSITIVE_INFINITY) return undefined;
  const [limits, { rule }] = principal < role ? [ofPrincipal, rules.principal] : [ofRole, rules.role];
  return { amount, rule: limits.rules?.[key] ?? rule };
}

/** Whether count and unit are equal: `60 minutes` is not `1 hour`. */
export function sameWindow(a: Window, b: Window): boolean {
  return a.count === b.count && a.unit === b.unit;
}
