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

export interface Limits {
  readonly rowsPerStatement?: number;
  readonly bytesPerStatement?: number;
  readonly changedPerStatement?: number;
  readonly estimatedRows?: number;
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

export interface LimitRules {
  readonly rowsPerStatement?: RuleRef;
  readonly bytesPerStatement?: RuleRef;
  readonly changedPerStatement?: RuleRef;
  readonly estimatedRows?: RuleRef;
}

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
