/** Which columns of its target a statement writes, and what it puts into each. */
import type { Write } from '../../sql/analyze/findings.ts';
import { as, type Node } from '../../sql/parse/tree.ts';

/** For an INSERT, in the order of its values; undefined for a column that is written only in part. */
export function insertColumns({ node, lists }: Pick<Write, 'node' | 'lists'>): readonly (string | undefined)[] {
  const body = as(node, 'InsertStmt');
  const named = body?.cols?.map((column) => as(column, 'ResTarget'));
  if (named?.length) return named.map((column) => (column?.indirection?.length ? undefined : column?.name));
  return lists.find((list) => list.body === body)?.columns ?? [];
}

/** The items of each SET list, those of ON CONFLICT and of MERGE's branches too. */
export function setItems({ node }: Pick<Write, 'node'>): readonly Node[] {
  const conflict = as(node, 'InsertStmt')?.onConflictClause;
  const branches = as(node, 'MergeStmt')?.mergeWhenClauses?.map((when) => as(when, 'MergeWhenClause'));
  const updates = branches?.filter((when) => when?.commandType !== 'CMD_INSERT');
  return [
    ...(as(node, 'UpdateStmt')?.targetList ?? []),
    ...(conflict?.targetList ?? []),
    ...(updates?.flatMap((when) => when?.targetList ?? []) ?? []),
  ];
}

/** What is put into a column: of `(a, b) = (…)` the whole that it comes from. */
export function assignedValue(item: Node): Node | undefined {
  const value = as(item, 'ResTarget')?.val;
  return as(value, 'MultiAssignRef')?.source ?? value;
}
