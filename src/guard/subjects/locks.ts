/** Row locks (FOR UPDATE and similar): other statements can see them, so locked rows must be rows that are sent. */
import type { Analysis } from '../../sql/analyze/analyze.ts';
import type { QueryLevel, RangeTableEntry } from '../../sql/analyze/range-table.ts';
import { as, type Body } from '../../sql/parse/tree.ts';
import type { ProvenRows } from './rows.ts';
import type { SubjectRelations } from './subject-relations.ts';

export interface RowLocks {
  /** SKIP LOCKED and NOWAIT: the returned rows depend on other sessions' locks. */
  readonly skips: boolean;
  /** Rows are locked by data of people. */
  readonly chosen: boolean;
  /** Some of them are of tables without people. */
  readonly others: boolean;
  /** And they may not be sent. */
  readonly unsent: boolean;
}

/** `rowsOf`: what is proven of a level's rows. */
export function locksOf(
  { marks }: Analysis,
  top: QueryLevel,
  relations: SubjectRelations,
  rowsOf: (level: QueryLevel) => ProvenRows,
): RowLocks {
  let [skips, chosen, others, unsent] = [false, false, false, false];
  for (const level of marks.levels) {
    const clauses = (level.select?.lockingClause ?? []).map((node) => as(node, 'LockingClause'));
    if (clauses.length === 0) continue;
    skips ||= clauses.some((clause) => clause?.waitPolicy !== 'LockWaitBlock');
    const { keys, loose, values } = rowsOf(level);
    // INVARIANT 252: a query inside locks for rows that are then left out, of people who are given, too; and it is asked for some of the rows alone.
    if (level === top && keys.length === 0 && !loose && values.size === 0) continue;
    chosen = true;
    others ||=
      keys.length > 0 &&
      lockedBy(clauses, level).some(
        ({ source }) => source.kind === 'relation' && relations.of(source.view.relation).keys.size === 0,
      );
    // INVARIANT 77: a lock on a subquery or a view is one on all rows that it reads, whatever the query around does with them; OFFSET locks what it
    // passes by, WITH TIES the row behind the last.
    const plain = level.entries.every(
      ({ source }) =>
        source.kind === 'join' ||
        source.kind === 'function' ||
        (source.kind === 'relation' && source.view.relation.kind !== 'v'),
    );
    const passes = level.select?.limitOffset !== undefined || level.select?.limitOption === 'LIMIT_OPTION_WITH_TIES';
    unsent ||= level !== top || !plain || passes;
  }
  return { skips, chosen, others, unsent };
}

/** FROM items that are locked: those that OF names, or all. */
function lockedBy(clauses: readonly (Body<'LockingClause'> | undefined)[], { entries }: QueryLevel): RangeTableEntry[] {
  const named = clauses.map((clause) => clause?.lockedRels?.map((relation) => as(relation, 'RangeVar')?.relname));
  return entries.filter(({ name }) => named.some((names) => !names || names.includes(name)));
}
