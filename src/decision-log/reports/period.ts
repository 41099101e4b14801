/** Of which time a report is, and how its parts are cut. */
import type { Parameter } from '../read/duckdb.ts';

export interface Period {
  /** Milliseconds since the epoch; the first instant in it, and the first behind it. */
  readonly since: number;
  readonly until: number;
  readonly timeZone: string;
}

export function parametersOf({ since, until, timeZone }: Period): Record<string, Parameter> {
  return { since, until, zone: timeZone };
}

/** In SQL: whether the time (of a column, a TIMESTAMP in UTC) lies in the period. */
export function within(column: string): string {
  return `${column} >= ${instant('$since')} AND ${column} < ${instant('$until')}`;
}

/** In SQL: a TIMESTAMP of milliseconds. */
export function instant(parameter: string): string {
  return `epoch_ms(CAST(${parameter} AS BIGINT))`;
}

/** In SQL: what the clock on the wall showed when a step of `step` milliseconds began, as milliseconds. */
export function stepOf(column: string, step: number): string {
  return `(epoch_ms(timezone($zone, timezone('UTC', ${column}))) // ${step} * ${step})`;
}
