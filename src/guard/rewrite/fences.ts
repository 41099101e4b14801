/**
 * Finds the relations whose filter must be done before anything beside them runs: those that the guard of some leaky expression does not reach. A
 * condition inside a derived table cannot use the `ok` of a relation beside it, and yet the planner may run it for that relation's hidden rows, or
 * only because there are some. Such a relation is fenced (`OFFSET 0`).
 */
import type { Analysis } from '../../sql/analyze/analyze.ts';
import type { QueryLevel, RangeTableEntry, RowGuard, Scope } from '../../sql/analyze/range-table.ts';

/** A place where something runs that can tell, and the guards that are asked before it does. */
export interface Telling {
  readonly scope: Scope;
  readonly covered: ReadonlySet<RowGuard>;
}

interface Parent {
  readonly level: QueryLevel;
  /** The entry that the inner level is there; undefined for an arm or a subquery in an expression. */
  readonly entry: RangeTableEntry | undefined;
  readonly inExpression: boolean;
}

/**
 * Marks the guards whose relations must be fenced. `asked`: subqueries that run only if every guard around them said ok. An expression that is not
 * wrapped itself is not among them: without an `ok` in it the planner may find that a subquery depends on no row, and in a parallel plan it runs such
 * a subquery before all rows. A fenced relation is planned apart from that.
 */
export function fence(
  analysis: Analysis,
  { wrapped, loose }: { readonly wrapped: readonly Telling[]; readonly loose: readonly Telling[] },
  asked: ReadonlySet<QueryLevel>,
): void {
  const mark = (tellings: readonly Telling[], parents: ReturnType<typeof parentsOf>): void => {
    for (const { scope, covered } of tellings)
      if (!scope.late) ascend(scope.level, undefined, false, covered, parents, new Map());
  };
  mark(wrapped, parentsOf(analysis, asked));
  mark(loose, parentsOf(analysis, new Set()));
}

/** `anyFilter`: from inside an expression even a filter on the row alone may come too late: both are judged in one scan. */
function ascend(
  level: QueryLevel,
  from: RangeTableEntry | undefined,
  anyFilter: boolean,
  covered: ReadonlySet<RowGuard>,
  parents: ReadonlyMap<QueryLevel, readonly Parent[]>,
  seen: Map<QueryLevel, boolean>,
): void {
  const before = seen.get(level);
  if (before === true || before === anyFilter) return;
  seen.set(level, anyFilter);
  for (const entry of level.entries) {
    if (entry !== from && entry.guard && !covered.has(entry.guard)) fenceEntry(entry, anyFilter, new Set());
  }
  for (const parent of parents.get(level) ?? [])
    ascend(parent.level, parent.entry, anyFilter || parent.inExpression, covered, parents, seen);
}

function fenceEntry(entry: RangeTableEntry, anyFilter: boolean, seen: Set<QueryLevel>): void {
  const { source, guard } = entry;
  switch (source.kind) {
    case 'relation':
      if (guard && anyFilter) guard.walled = true;
      // INVARIANT 48: a filter that holds a subquery may become a join, which the planner puts where it likes.
      if (guard && (anyFilter || source.view.hides !== 'scan')) guard.fenced = true;
      return;
    case 'query':
      fenceLevel(source.level, anyFilter, seen);
      return;
    case 'cte':
      if (source.cte.level) fenceLevel(source.cte.level, anyFilter, seen);
      return;
    case 'function':
    case 'join':
    case 'excluded':
      return;
  }
}

function fenceLevel(level: QueryLevel, anyFilter: boolean, seen: Set<QueryLevel>): void {
  if (seen.has(level)) return;
  seen.add(level);
  for (const entry of level.entries) fenceEntry(entry, anyFilter, seen);
  for (const arm of level.arms) fenceLevel(arm, anyFilter, seen);
}

function parentsOf({ marks }: Analysis, asked: ReadonlySet<QueryLevel>): Map<QueryLevel, Parent[]> {
  const parents = new Map<QueryLevel, Parent[]>();
  const put = (inner: QueryLevel | undefined, parent: Parent): void => {
    if (inner) parents.set(inner, [...(parents.get(inner) ?? []), parent]);
  };
  for (const level of marks.levels) {
    for (const arm of level.arms) put(arm, { level, entry: undefined, inExpression: false });
    for (const entry of level.entries) {
      if (entry.source.kind === 'query') put(entry.source.level, { level, entry, inExpression: false });
      // A query that writes runs to its end whatever is read of it.
      else if (entry.source.kind === 'cte' && entry.source.cte.level?.kind !== 'write')
        put(entry.source.cte.level, { level, entry, inExpression: false });
    }
  }
  for (const inner of marks.sublinks.values())
    if (inner.outer && !inner.outer.late && !asked.has(inner))
      put(inner, { level: inner.outer.level, entry: undefined, inExpression: true });
  return parents;
}
