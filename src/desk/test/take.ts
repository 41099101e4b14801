/** `take:` of a test: whether so much may be taken in such a time, and which limits that passes. */
import type { Reason } from '../../core/reasons.ts';
import { isCalendarDay, lengthOf, SLOTS } from '../../metering/window-slots.ts';
import { STATEMENT_LIMITS, type StatementLimitKey } from '../../policy/model/limits.ts';
import { amountName, type LimitInForce, limitsInForce, limitsOfUser } from '../../policy/model/limits-in-force.ts';
import { readBytes } from '../../policy/source/quantity.ts';
import type { RuleRef } from '../../policy/source/rule.ts';
import { suggestion } from '../../policy/source/suggestion.ts';
import type { TestSession } from './bench.ts';

/** A limit as coverage names it: one line may hold several. */
export interface NamedLimit {
  readonly rule: RuleRef;
  /** `subjects.student 300 per day`, `rows_per_statement 500` */
  readonly name: string;
}

export interface LimitTrial {
  readonly refused?: { readonly reason: Reason; readonly limit: NamedLimit };
  /** Limits that it passes, whatever they do then. */
  readonly passes: readonly NamedLimit[];
}

export interface WrongAmount {
  readonly wrong: string;
  /** The amount that it is about. */
  readonly key: string;
}

const OF_STATEMENT: Readonly<Record<string, readonly [StatementLimitKey, Reason]>> = {
  rows: ['rowsPerStatement', 'limit-rows'],
  bytes: ['bytesPerStatement', 'limit-bytes'],
  changed: ['changedPerStatement', 'limit-changed'],
  estimated_rows: ['estimatedRows', 'estimated-rows'],
};

const MEASURES = ['rows', 'bytes', 'statements', 'changed'];

/** `withinMs`: absent if one statement takes it. */
export function taken(
  amounts: ReadonlyMap<string, string>,
  withinMs: number | undefined,
  { policy, now, endUser }: TestSession,
  { timeZone, subjects }: { readonly timeZone: string; readonly subjects: readonly string[] },
): LimitTrial | WrongAmount {
  // The session's policy already contains the limits of that time.
  const held = limitsInForce({ role: policy.role, principal: policy.principal, now, timeZone });
  const windows = [...held.windows, ...(endUser ? limitsOfUser({ role: policy.role, now }).windows : [])];
  const passes: NamedLimit[] = [];
  let refused: LimitTrial['refused'];
  for (const [key, text] of amounts) {
    const amount = amountOf(key, text);
    if (amount === undefined) return { key, wrong: `expected an amount, found "${text}"` };
    if (withinMs === undefined) {
      const of = OF_STATEMENT[key];
      if (!of) return notOfStatement(key, subjects);
      const limit = held[of[0]];
      if (!limit || amount <= limit.amount) continue;
      const named = { rule: limit.rule, name: statementLimitName(of[0], limit.amount) };
      passes.push(named);
      refused ??= { reason: of[1], limit: named };
      continue;
    }
    const measure = measureOf(key, subjects);
    if (measure === undefined) {
      const near = suggestion(key, [...MEASURES, ...subjects]);
      return { key, wrong: `"${key}" is no subject, nor one of ${MEASURES.join(', ')}${near}` };
    }
    for (const limit of windows.filter((one) => one.measure === measure)) {
      if (amount <= mostWithin(limit, withinMs)) continue;
      passes.push(limit);
      if (limit.effect === 'deny' || limit.effect === 'lock') refused ??= { reason: 'limit-window', limit };
    }
  }
  return { passes, ...(refused && { refused }) };
}

/** `rows_per_statement 500` */
export function statementLimitName(key: StatementLimitKey, amount: number): string {
  return `${STATEMENT_LIMITS[key]} ${amountName(key === 'bytesPerStatement' ? 'bytes' : key, amount)}`;
}

function notOfStatement(key: string, subjects: readonly string[]): WrongAmount {
  const known = Object.keys(OF_STATEMENT);
  const isOverTime = measureOf(key, subjects) !== undefined;
  const hint = isOverTime ? ': "within" is missing' : suggestion(key, known);
  return { key, wrong: `one statement takes ${known.join(', ')}, not "${key}"${hint}` };
}

function amountOf(key: string, text: string): number | undefined {
  if (key === 'bytes') {
    const reading = readBytes(text);
    return 'value' in reading ? reading.value : undefined;
  }
  return /^[0-9]+$/.test(text) ? Number(text) : undefined;
}

function measureOf(key: string, subjects: readonly string[]): string | undefined {
  const [, group, name = ''] = /^(subjects|answers)\.(.+)$/.exec(key) ?? [];
  if (group !== undefined) return subjects.includes(name) ? key : undefined;
  if (MEASURES.includes(key)) return key;
  return subjects.includes(key) ? `subjects.${key}` : undefined;
}

/**
 * The most that a limit allows in a time if one takes all that it allows at once. Calendar days: those that begin in the time. A sliding window frees
 * an amount after its length and a sixtieth: once at the beginning and again after each.
 */
function mostWithin({ amount, window }: LimitInForce, withinMs: number): number {
  const length = lengthOf(window);
  if (isCalendarDay(window)) return amount * Math.ceil(withinMs / length);
  return amount * (Math.floor(withinMs / (length * (1 + 1 / SLOTS))) + 1);
}
