/** One more column for a derived table or CTE: `ok` of all that it reads, for the query around it. */
import type { QueryLevel } from '../../sql/analyze/range-table.ts';
import { as, type Body, kindOf, type Node } from '../../sql/parse/tree.ts';
import { tokenAt } from '../../sql/text/tokens.ts';
import { guardsOf } from './guard-demand.ts';
import { expressionTree, NotRewritable, type Rewriter } from './rewriter.ts';

/** One more column, last: `ok` of all that this query reads, for the query around it. TABLE gets it with its list (`whole-rows.ts`). */
export function exportOk(w: Rewriter, level: QueryLevel): void {
  const name = level.exports!;
  const ok = okOf(level);
  if (level.kind === 'values') {
    exportFromValues(w, level, ok);
    return;
  }
  const list = level.select?.targetList;
  if (list && isTable(list)) return;
  if (!list?.length) throw new NotRewritable('a query without columns in a place where it must say ok');
  const text = `, ${ok} AS ${name}`;
  w.edits.append(endOfTargets(w, list), [text]);
  const val = expressionTree([ok]);
  w.mutate(() => {
    list.push({ ResTarget: { name, val } });
  });
}

/** Of all that the query reads. */
export function okOf(level: QueryLevel): string {
  const guards = guardsOf(level.entries).map((g) => g.name);
  const terms = level.aggregated ? guards.map((g) => `pg_catalog.bool_and(${g})`) : guards;
  return terms.length === 0 ? 'true' : `(${terms.join(' AND ')}) IS NOT FALSE`;
}

/** `TABLE t`: its text has no list. */
export function isTable(list: readonly Node[]): boolean {
  const reference = as(as(list.at(-1), 'ResTarget')?.val, 'ColumnRef');
  return reference !== undefined && kindOf(reference.fields!.at(-1)!) === 'A_Star' && (reference.location ?? -1) < 0;
}

/** After the last item of a select list, and its name. */
export function endOfTargets(w: Rewriter, list: readonly Node[]): number {
  const target = as(list.at(-1), 'ResTarget')!;
  const { end } = w.outerRange(target.val!);
  if (target.name === undefined) return end;
  const tokens = w.parsed.tokens();
  let i = tokenAt(tokens, end - 1) + 1;
  if (tokens[i]?.word === 'as') i += 1;
  return tokens[i]!.end;
}

/** Before the bracket that closes a row of VALUES. */
function endOfRow(w: Rewriter, items: readonly Node[]): number {
  const tokens = w.parsed.tokens();
  const first = tokenAt(tokens, w.outerRange(items[0]!).start);
  // A row of one has its own brackets among those around the item.
  const open = items.length === 1 ? first : first - 1;
  const close = tokens[open]?.word === '(' ? tokens[open]!.match : -1;
  if (close < 0) throw new NotRewritable('no place for a row of VALUES');
  return tokens[close - 1]!.end;
}

function exportFromValues(w: Rewriter, level: QueryLevel, ok: string): void {
  const val = (): Node => expressionTree([ok]);
  for (const node of level.select?.valuesLists ?? []) {
    const items = as(node, 'List')!.items!;
    w.edits.append(endOfRow(w, items), [`, ${ok}`]);
    const added = val();
    w.mutate(() => {
      items.push(added);
    });
  }
}

/** DISTINCT ON has expressions of its own: which rows are left does not depend on the list. */
export function isDistinct({ distinctClause = [] }: Body<'SelectStmt'>): boolean {
  return distinctClause.some((node) => Object.keys(node).length === 0);
}
