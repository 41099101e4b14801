/** Limits as a policy states them: numbers and windows. What they do is enforced by the session and the meter. */
import type { RuleRef } from '../source/rule.ts';

export type LimitEffect = 'warn' | 'throttle' | 'deny' | 'lock';

/** `30 days`, as a window: `day` is a calendar day where `count` is 1, everything else slides. */
export interface Window {
  readonly count: number;
  readonly unit: 'second' | 'minute' | 'hour' | 'day';
}

/** `2000 per hour deny`: at most `amount` (rows, bytes, statements, subjects …) in each window. */
export interface WindowLimit {
  readonly amount: number;
  readonly window: Window;
  /** Absent where the limit does not say: `when_exceeded` then holds. */
  readonly effect?: LimitEffect;
  /** Where it stands. */
  readonly rule?: RuleRef;
}

/** The limits of one statement, each a number, with the name that policy files, records and `rowgate limits` have for it. */
export const STATEMENT_LIMITS = {
  rowsPerStatement: 'rows_per_statement',
  bytesPerStatement: 'bytes_per_statement',
  changedPerStatement: 'changed_per_statement',
  estimatedRows: 'estimated_rows',
} as const;

export type StatementLimitKey = keyof typeof STATEMENT_LIMITS;
export type StatementLimitName = (typeof STATEMENT_LIMITS)[StatementLimitKey];

export const STATEMENT_LIMIT_KEYS = Object.keys(STATEMENT_LIMITS) as StatementLimitKey[];

/** Something for each limit of one statement for which `make` has it. */
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
  /** By subject: people, and what is told of them without naming anybody, unless `answers` has the latter. */
  readonly subjects?: ReadonlyMap<string, readonly WindowLimit[]>;
  /** By subject: what is told of its people without naming anybody. */
  readonly answers?: ReadonlyMap<string, readonly WindowLimit[]>;
  readonly connections?: number;
  /** Milliseconds. */
  readonly statementTimeout?: number;
  /** Where the limits of one statement stand: a client over one is told the line. */
  readonly rules?: LimitRules;
}

/** Limits that are stated for each subject. */
export const OF_SUBJECTS = ['subjects', 'answers'] as const;

export type LimitRules = Readonly<Partial<Record<StatementLimitKey, RuleRef>>>;

export type Weekday = 'mon' | 'tue' | 'wed' | 'thu' | 'fri' | 'sat' | 'sun';

/**
 * A time in which other limits hold. Every condition that is there must be met; dates and hours are of the guard's time zone. Hours that
 * pass midnight belong to the day on which they begin.
 */
export interface During {
  /** First and last day, `2026-11-30`, both included. */
  readonly from?: string;
  readonly until?: string;
  readonly days?: ReadonlySet<Weekday>;
  /** Minutes since midnight; where `until` is not after `from`, it passes midnight. */
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
