/** Of a role with `min_group`: which columns of the result are counts, sums and averages of plain columns, whose bound is that of the groups. */
import type { Analysis } from '../../sql/analyze/analyze.ts';
import type { QueryLevel } from '../../sql/analyze/range-table.ts';
import { as, type Node } from '../../sql/parse/tree.ts';
import { columnOf } from './conditions.ts';

const COUNTS: ReadonlySet<string> = new Set(['count', 'sum', 'avg']);

export function countsIn(analysis: Analysis, { outputs }: QueryLevel): number[] {
  return outputs.flatMap(({ node }, index) => (node && isCount(analysis, node) ? [index] : []));
}

function isCount(analysis: Analysis, node: Node): boolean {
  const cast = as(node, 'TypeCast')?.arg;
  if (cast) return isCount(analysis, cast);
  const call = as(node, 'FuncCall');
  const fn = call && analysis.marks.calls.get(call)?.fn;
  if (!call || fn?.schema !== 'pg_catalog' || fn.kind !== 'a' || !COUNTS.has(fn.name)) return false;
  // A FILTER, a DISTINCT or an expression chooses among the people of a group.
  if (call.agg_filter || call.agg_distinct || call.agg_order?.length || call.over) return false;
  return (call.args ?? []).every((arg) => columnOf(analysis, arg)?.entry.source.kind === 'relation');
}
