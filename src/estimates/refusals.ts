/** The refusals if the planner expects too many rows, or if no estimate is available. */
import type { LimitReached } from '../core/alarm-sink.ts';
import { type Refusal, refusal } from '../core/refusal.ts';
import type { StatementLimit } from '../policy/model/limits-in-force.ts';
import { conditionName } from '../session/server/conditions.ts';
import type { PlanAnswer } from './connection.ts';
import type { PlanRows } from './plan/plan-rows.ts';

/** Undefined if the plan is within the limit. */
export function overEstimate(
  { result, read }: PlanRows,
  { amount, rule }: StatementLimit,
): { readonly refusal: Refusal; readonly limit: LimitReached } | undefined {
  const most = Math.max(result, read);
  if (most <= amount) return undefined;
  const message =
    result > amount
      ? `the planner expects ${rounded(result)} rows, and ${amount} may be read`
      : `the planner expects to read ${rounded(read)} rows, and ${amount} may be read`;
  return {
    refusal: refusal('estimated-rows', '53400', message, {
      detail: 'Rows count that are shown, and those of restricted tables that are read to make them.',
      hint: 'Ask for fewer rows, for example with a narrower condition.',
      rule,
    }),
    limit: { name: 'estimated_rows', used: most, of: amount },
  };
}

/** It would be cut off: better it does not begin. */
export function overLeft(
  expected: number,
  left: number,
  { rule }: StatementLimit,
): { readonly refusal: Refusal; readonly limit: LimitReached } | undefined {
  if (expected <= left) return undefined;
  const most = Math.max(0, Math.floor(left));
  return {
    refusal: refusal('estimated-rows', '53400', `the planner expects ${rounded(expected)} rows, and ${most} are left`, {
      detail: 'What was taken of the limits over time becomes free again with time.',
      hint: 'Ask for fewer rows, for example with a narrower condition or a LIMIT.',
      rule,
    }),
    limit: { name: 'estimated_rows', used: expected, of: most },
  };
}

/** Two digits: the planner's knowledge of hidden rows is not disclosed more precisely than a client can use. */
function rounded(rows: number): number {
  return Number(rows.toPrecision(2));
}

/** The refusal if the planner gave no estimate (53400). */
export function notEstimated(): Refusal {
  return refusal('not-estimated', '53400', 'the planner did not say how many rows to expect', {
    hint: 'Try again. Where it fails each time, write the statement more simply, or several of them.',
  });
}

/** Why a statement has no plan that could be asked for. */
const CANNOT_BE_TOLD = {
  temporary: 'Read temporary tables and others in statements of their own.',
  values: 'Its parameters are too long to be looked at. Send fewer of them at a time.',
  together: 'Send it in a message of its own, behind what it needs.',
} as const;

export function notEstimable(why: keyof typeof CANNOT_BE_TOLD): Refusal {
  const hint = CANNOT_BE_TOLD[why];
  return refusal('not-estimated', '53400', 'it cannot be told how many rows the statement reads', { hint });
}

/** Of analysis, and not of what a session may have of its own, or of text that the guard has put around the client's. */
const NOT_OF_THE_STATEMENT: ReadonlySet<string> = new Set(['42601', '42P03', '42P05', '42P07', '42P01']);

/**
 * Does the server refuse the statement itself, however and under whatever settings it is sent? Then it can be sent, and the server's error shown. An
 * error that only the guard's own connection gets lets nothing pass.
 */
export function failsItself({ fields, stage }: Extract<PlanAnswer, { kind: 'error' }>, temporary: boolean): boolean {
  const sqlstate = fields.get('C') ?? '';
  if (sqlstate === '42501') return true;
  // An invalid number. For dates, intervals and similar types a setting decides what is valid.
  if (sqlstate === '22P02') return stage !== 'execute';
  if (stage !== 'parse' || !sqlstate.startsWith('42')) return false;
  if (sqlstate === '42P01') return !temporary;
  return !NOT_OF_THE_STATEMENT.has(sqlstate);
}

/** Any other error of planning: shown as the server's own would be, without its words. */
export function planningFailed({ fields }: Extract<PlanAnswer, { kind: 'error' }>): Refusal {
  const sqlstate = fields.get('C') ?? 'XX000';
  // Locks, time and memory were those of the guard's own connection.
  if (!/^(?:0A|22|42)/.test(sqlstate) || NOT_OF_THE_STATEMENT.has(sqlstate)) return notEstimated();
  return refusal('not-estimated', sqlstate, conditionName(sqlstate));
}
