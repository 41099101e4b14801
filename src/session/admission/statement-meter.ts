/** Counts the rows and bytes of one result, and says which one would pass a limit. */
import { type Refusal, refusal } from '../../core/refusal.ts';
import type { LimitRules } from '../../policy/model/limits.ts';
import type { RuleRef } from '../../policy/source/rule.ts';
import type { SessionPolicy } from '../ports.ts';

/** How much of one result was shown: shared by all Executes of a portal and all FETCHes of a cursor. */
export interface Usage {
  rows: number;
  bytes: number;
}

/** What one statement may show: the smaller of the role's and the principal's limit. */
export interface StatementLimits {
  readonly rows: number | undefined;
  readonly bytes: number | undefined;
  /** The line of each in the policy. */
  readonly rules: { readonly rows: RuleRef; readonly bytes: RuleRef };
}

/** A policy is the same object until something of it changes. */
const known = new WeakMap<SessionPolicy, { readonly limits: StatementLimits | undefined }>();

/** undefined if a statement's result is not limited. */
export function statementLimits(policy: SessionPolicy): StatementLimits | undefined {
  const before = known.get(policy);
  if (before) return before.limits;
  const limits = limitsOf(policy);
  known.set(policy, { limits });
  return limits;
}

function limitsOf(policy: SessionPolicy): StatementLimits | undefined {
  const rows = smaller(policy, 'rowsPerStatement');
  const bytes = smaller(policy, 'bytesPerStatement');
  if (rows.limit === undefined && bytes.limit === undefined) return undefined;
  return { rows: rows.limit, bytes: bytes.limit, rules: { rows: rows.rule, bytes: bytes.rule } };
}

/** The limit that this amount would exceed, as the client is told; undefined if it fits. */
export function overLimit(limits: StatementLimits, used: Usage, rows: number, bytes: number): Refusal | undefined {
  if (limits.rows !== undefined && used.rows + rows > limits.rows) {
    return refusal('limit-rows', '53400', `statement returns more than ${limits.rows} rows`, {
      hint: 'Ask for fewer rows, for example with a narrower condition.',
      rule: limits.rules.rows,
    });
  }
  if (limits.bytes !== undefined && used.bytes + bytes > limits.bytes) {
    return refusal('limit-bytes', '53400', `statement returns more than ${limits.bytes} bytes`, {
      hint: 'Ask for fewer rows or columns.',
      rule: limits.rules.bytes,
    });
  }
  return undefined;
}

/** What one statement may change, or one COPY bring in. */
export interface InputLimits {
  readonly changed: number | undefined;
  readonly bytes: number | undefined;
  /** The rows are put into a temporary table: counted as if they were shown. */
  readonly taken?: true;
  readonly rules: { readonly changed: RuleRef; readonly bytes: RuleRef };
}

/**
 * @param bytes they count as well: for a COPY. @param temporary the rows are a temporary table's: no data that others see changes. @returns undefined
 * if it is not limited.
 */
export function inputLimits(
  policy: SessionPolicy,
  bytes: boolean,
  temporary?: 'filled' | 'own',
): InputLimits | undefined {
  if (temporary === 'own') return undefined;
  if (temporary === 'filled') {
    // Rows that are put aside leave the guard's sight as those do that the client gets.
    const { limit, rule } = smaller(policy, 'rowsPerStatement');
    return limit === undefined
      ? undefined
      : { changed: limit, bytes: undefined, taken: true, rules: { changed: rule, bytes: rule } };
  }
  const changed = smaller(policy, 'changedPerStatement');
  const copied = smaller(policy, 'bytesPerStatement');
  const most = bytes ? copied.limit : undefined;
  if (changed.limit === undefined && most === undefined) return undefined;
  return { changed: changed.limit, bytes: most, rules: { changed: changed.rule, bytes: copied.rule } };
}

/** The limit that so many rows and bytes exceed; undefined if they fit. */
export function overInput(limits: InputLimits, taken: Usage): Refusal | undefined {
  const { changed, bytes, rules } = limits;
  if (changed !== undefined && taken.rows > changed) {
    if (limits.taken) {
      return refusal('limit-rows', '53400', `statement takes more than ${changed} rows into a temporary table`, {
        hint: 'Nothing of it was kept. Take fewer rows at a time.',
        rule: rules.changed,
      });
    }
    return refusal('limit-changed', '53400', `statement changes more than ${changed} rows`, {
      hint: 'Nothing of it was kept. Change fewer rows at a time.',
      rule: rules.changed,
    });
  }
  if (bytes !== undefined && taken.bytes > bytes) {
    return refusal('limit-bytes', '53400', `statement copies more than ${bytes} bytes`, {
      hint: 'Nothing of it was kept. Copy fewer rows at a time.',
      rule: rules.bytes,
    });
  }
  return undefined;
}

/** Fills a limit slot if there is no limit: the largest bigint, as LIMIT takes it. */
export const NO_LIMIT = 9223372036854775807n;

/** One row more than may be shown: the server then never works for more, and the guard still sees that there was more. */
export function rowsToAsk(limits: { readonly rows: number | undefined } | undefined): bigint {
  return limits?.rows === undefined ? NO_LIMIT : BigInt(limits.rows) + 1n;
}

/** What is asked for by a limit slot that holds `asked`. */
export function mostOf(asked: bigint): number | undefined {
  return asked === NO_LIMIT ? undefined : Number(asked - 1n);
}

/** The smaller of two where either may be absent. */
export function least(a: number | undefined, b: number | undefined): number | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return Math.min(a, b);
}

function smaller(
  { role, principal }: SessionPolicy,
  key: keyof LimitRules,
): { limit: number | undefined; rule: RuleRef } {
  const [ofRole = Infinity, ofPrincipal = Infinity] = [role.limits[key], principal.limits[key]];
  const { limits, rule } = ofPrincipal < ofRole ? principal : role;
  return { limit: limits[key], rule: limits.rules?.[key] ?? rule };
}
