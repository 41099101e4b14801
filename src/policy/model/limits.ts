/** Limits as a policy states them: numbers and windows. Session and meter enforce them. */
import type { RuleRef } from '../source/rule.ts';

export type LimitEffect = 'warn' | 'throttle' | 'deny' | 'lock';

/** Such as `30 days`. `day` with a `count` of 1 is a calendar day; all others slide. */
export interface Window {
  readonly count: number;
  readonly unit: 'second' | 'minute' | 'hour' | 'day';
}

/** `2000 per hour deny`: at most `amount` (rows, bytes, statements, subjects …) in each window. */
export interface WindowLimit {
  readonly amount: number;
  readonly window: Window;
  /** Absent if the limit does not set it: then `when_exceeded` applies. */
  readonly effect?: LimitEffect;
  /** The line in the policy file. */
  readonly rule?: RuleRef;
}

/** The limits of one statement, each a number, with their names in policy files, records and `rowgate limits`. */
export const STATEMENT_LIMITS = {
  rowsPerStatement: 'rows_per_statement',
  bytesPerStatement: 'bytes_per_statement',
  changedPerStatement: 'changed_per_statement',
  estimatedRows: 'estimated_rows',
} as const;

export type StatementLimitKey = keyof typeof STATEMENT_LIMITS;
export type StatementLimitName = (typeof STATEMENT_LIMITS)[StatementLimitKey];

export const STATEMENT_LIMIT_KEYS = Object.keys(STATEMENT_LIMITS) as StatementLimitKey[];

/** An object with an entry for each statement limit for which `make` returns a value. */
export function perStatementLimit<T>(
  make: (key: StatementLimitKey) => T | undefined,
): Partial<Record<StatementLimitKey, T>> {
  const made: Partial<Record<StatementLimitKey, T>> = {};
  for (const key of STATEMENT_LIMIT_KEYS) {
    const one = make(key);
    if (one !== undefined) made[key] = one;
  }
  return made;
}

export interface Limits extends Readonly<Partial<Record<StatementLimitKey, number>>> {
  readonly rows?: readonly WindowLimit[];
  readonly bytes?: readonly WindowLimit[];
  readonly statements?: readonly WindowLimit[];
  readonly changed?: readonly WindowLimit[];
  /** By subject: people, and answers that name none, unless `answers` limits the latter. */
  readonly subjects?: ReadonlyMap<string, readonly WindowLimit[]>;
  /** By subject: answers that name no one. */
  readonly answers?: ReadonlyMap<string, readonly WindowLimit[]>;
  readonly connections?: number;
  /** Milliseconds. */
  readonly statementTimeout?: number;
  /** The lines of the limits of one statement: a refusal quotes the line. */
  readonly rules?: LimitRules;
}

/** Limits that are stated by subject. */
export const OF_SUBJECTS = ['subjects', 'answers'] as const;

export type LimitRules = Readonly<Partial<Record<StatementLimitKey, RuleRef>>>;

export type Weekday = 'mon' | 'tue' | 'wed' | 'thu' | 'fri' | 'sat' | 'sun';

/**
 * A time in which other limits apply. All given conditions must be met; dates and hours are in the guard's time zone. Hours past midnight belong to
 * the day on which they begin.
 */
export interface During {
  /** First and last day, `2026-11-30`, both included. */
  readonly from?: string;
  readonly until?: string;
  readonly days?: ReadonlySet<Weekday>;
  /** Minutes since midnight; if `until` is not after `from`, the range passes midnight. */
  readonly hours?: { readonly from: number; readonly until: number };
  /** Replaces the limits that it names. */
  readonly limits: Limits;
}

/** `200 per second`: how fast the server is read while a `throttle` limit is exceeded. */
export interface Throttle {
  readonly rows?: WindowLimit;
  readonly bytes?: WindowLimit;
}

/** When a principal is locked, and for how long. */
export interface Lock {
  readonly after: readonly {
    readonly amount: number;
    readonly event: 'overrun' | 'refusal';
    readonly window: Window;
  }[];
  /** Milliseconds; undefined: until it is released. */
  readonly duration: number | undefined;
  readonly rule?: RuleRef;
}
