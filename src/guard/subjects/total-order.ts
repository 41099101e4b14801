/** Whether ORDER BY leaves nothing open: no two rows of the level are sorted alike. An allow-list. */
import type { Analysis } from '../../sql/analyze/analyze.ts';
import type { QueryLevel, RangeTableEntry } from '../../sql/analyze/range-table.ts';
import type { Catalog } from '../../sql/catalog/catalog.ts';
import { as, type Node, stringOf } from '../../sql/parse/tree.ts';
import { behindJoins } from '../rewrite/group-keys.ts';
import { columnOf } from './conditions.ts';
import { uniqueKeys } from './constraints.ts';
import type { ColumnOf } from './shown-keys.ts';

/** INVARIANT 75: of each table in FROM a unique key stands among the plain columns that it is sorted by, and nothing else gives rows. */
export function ordersAll(analysis: Analysis, level: QueryLevel, catalog: Catalog): boolean {
  const sorted = (level.select?.sortClause ?? []).flatMap(
    (sort) => sortedBy(analysis, level, as(sort, 'SortBy')?.node) ?? [],
  );
  return level.entries.every((entry) => entry.source.kind === 'join' || isToldApart(entry, sorted, catalog));
}

function isToldApart(entry: RangeTableEntry, sorted: readonly ColumnOf[], catalog: Catalog): boolean {
  if (entry.source.kind !== 'relation') return false;
  const { view } = entry.source;
  const names = new Set<string>();
  for (const one of sorted) {
    const shown = one.entry === entry ? view.columns[entry.columns.indexOf(one.column)] : undefined;
    // What stands behind a mask is not the value that is unique.
    if (shown && shown.access === 'granted' && !shown.masked && shown.column.notNull) names.add(shown.column.name);
  }
  return uniqueKeys(view.relation, catalog).some((key) => key.every((name) => names.has(name)));
}

/** The column that is sorted by; undefined where it is none, or is not known. */
function sortedBy(analysis: Analysis, level: QueryLevel, node: Node | undefined): ColumnOf | undefined {
  if (!node) return undefined;
  if (analysis.marks.expressions.has(node)) return columnOf(analysis, node);
  const [first, more] = as(node, 'ColumnRef')?.fields ?? [];
  const name = more === undefined ? stringOf(first) : undefined;
  const named = level.outputs.filter((output) => name !== undefined && output.name === name);
  const [source] = named.map((output) => output.source);
  return named.length === 1 && source ? behindJoins(source) : undefined;
}
