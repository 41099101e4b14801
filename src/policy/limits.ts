/** Limits as a policy states them: numbers and windows. What they do is enforced by the session and the meter. */

export type LimitEffect = 'warn' | 'throttle' | 'deny' | 'lock';

/** `2000 per hour deny`: at most `amount` in each window of `seconds`. */
export interface WindowLimit {
  readonly amount: number;
  readonly window: { readonly count: number; readonly unit: 'second' | 'minute' | 'hour' | 'day' };
  /** Absent where the limit does not say: `when_exceeded` then holds. */
  readonly effect?: LimitEffect;
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
  readonly subjects?: ReadonlyMap<string, readonly WindowLimit[]>;
  readonly connections?: number;
  /** Milliseconds. */
  readonly statementTimeout?: number;
}
