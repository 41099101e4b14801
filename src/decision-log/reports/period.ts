/** The time that a report covers, and how it is divided. */
import type { Parameter } from '../read/duckdb.ts';

export interface Period {
  /** Milliseconds since the epoch; `since` is included, `until` is not. */
  readonly since: number;
  readonly until: number;
  readonly timeZone: string;
}

/** For queries: `$since` and `$until` in milliseconds since the epoch, and `$zone`. */
export function parametersOf({ since, until, timeZone }: Period): Record<string, Parameter> {
  return { since, until, zone: timeZone };
}

/** In SQL: whether the column (a TIMESTAMP in UTC) is in the period. */
export function within(column: string): string {
  return `${column} >= ${instant('$since')} AND ${column} < ${instant('$until')}`;
}

/** In SQL: a TIMESTAMP from milliseconds. */
export function instant(parameter: string): string {
  return `epoch_ms(CAST(${parameter} AS BIGINT))`;
}

/** In SQL: the local time at which a step of `step` milliseconds began, in milliseconds. */
export function stepOf(column: string, step: number): string {
  return `(epoch_ms(timezone($zone, timezone('UTC', ${column}))) // ${step} * ${step})`;
}
