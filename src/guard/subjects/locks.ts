/** Row locks (FOR UPDATE and similar): other statements can see them, so locked rows must be rows that are sent. */
import type { Analysis } from '../../sql/analyze/analyze.ts';
import type { QueryLevel } from '../../sql/analyze/range-table.ts';
import { as } from '../../sql/parse/tree.ts';
import type { ProvenRows } from './rows.ts';

export interface RowLocks {
  /** SKIP LOCKED and NOWAIT: the returned rows depend on other sessions' locks. */
  readonly skips: boolean;
  /** Rows are locked by data of people. */
  readonly chosen: boolean;
  /** And they may not be sent. */
  readonly unsent: boolean;
}

/** `rowsOf`: what is proven of a level's rows. */
export function locksOf({ marks }: Analysis, top: QueryLevel, rowsOf: (level: QueryLevel) => ProvenRows): RowLocks {
  let [skips, chosen, unsent] = [false, false, false];
  for (const level of marks.levels) {
    const clauses = (level.select?.lockingClause ?? []).map((node) => as(node, 'LockingClause'));
    if (clauses.length === 0) continue;
    skips ||= clauses.some((clause) => clause?.waitPolicy !== 'LockWaitBlock');
    const { keys, loose, values } = rowsOf(level);
    if (keys.length === 0 && !loose && values.size === 0) continue;
    chosen = true;
    // INVARIANT 77: a lock on a subquery is one on all rows that it reads, whatever the query around does with them; OFFSET locks what it passes by.
    const plain = level.entries.every(
      ({ source: { kind } }) => kind === 'relation' || kind === 'join' || kind === 'function',
    );
    unsent ||= level !== top || !plain || level.select?.limitOffset !== undefined;
  }
  return { skips, chosen, unsent };
}
