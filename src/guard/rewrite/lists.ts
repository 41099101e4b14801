/** Changes what lists hold: stars written out, one more column for `ok`, names that must survive, keys for functional dependency. */
import type { Analysis } from '../../sql/analyze/analyze.ts';
import { sentColumn } from '../../sql/analyze/column.ts';
import type { Catalog } from '../../sql/catalog/catalog.ts';
import { as, type Node } from '../../sql/parse/tree.ts';
import { nameGivers } from '../../sql/text/column-name.ts';
import { rewriteSystemColumns } from './added-columns.ts';
import { addGroupKeys, aggregateReference } from './dependent-columns.ts';
import { exportOk } from './export-ok.ts';
import type { LeakyExpressions } from './leaky-expressions.ts';
import type { Rewriter } from './rewriter.ts';
import {
  type Aggregated,
  addsColumns,
  isRenamed,
  rewriteRowField,
  rewriteWholeRow,
  showsMore,
  writeAsField,
  writeOutRowStar,
  writeOutStar,
} from './whole-rows.ts';

/** Gives the bodies of the references that became something else. `hidden`: expressions that were wrapped elsewhere. */
export function rewriteLists(
  w: Rewriter,
  analysis: Analysis,
  sites: LeakyExpressions,
  catalog: Catalog,
  hidden: readonly Node[] = [],
): Set<object | undefined> {
  const replaced = new Set<object | undefined>();
  const { marks } = analysis;
  const renamed = new Set<Node>([...sites.wrapped, ...hidden]);
  const dependents = marks.levels.map((level) => addGroupKeys(w, level, analysis, sites, catalog));
  const aggregated = new Map(dependents.flatMap((found) => [...found.aggregated]));
  const read = dependents.flatMap((found) => found.references);
  for (const { node, column } of read) {
    replaced.add(as(node, 'ColumnRef'));
    aggregateReference(w, node, aggregated.get(column)!);
    renamed.add(node);
  }
  const grouped = new Set(dependents.flatMap((found) => found.rows.map((row) => row.node)));
  for (const node of rewriteRows(w, marks, aggregated, grouped, new Set(read.map(({ node }) => node)))) {
    replaced.add(as(node, 'ColumnRef'));
    renamed.add(node);
  }
  for (const node of rewriteSystemColumns(w, analysis, replaced)) {
    replaced.add(as(node, 'ColumnRef'));
    renamed.add(node);
  }
  for (const star of marks.stars) {
    const { val } = star.target;
    if (writeOutStar(w, star, aggregated))
      replaced.add(as(val, 'ColumnRef')).add(as(as(val, 'A_Indirection')?.arg, 'ColumnRef'));
  }
  for (const level of marks.levels) {
    for (const root of level.roots) {
      if (root.target && nameGivers(root.node).some((node) => renamed.has(node))) w.keepName(root.target, root.node);
    }
    if (level.exports !== undefined && level.kind !== 'set') exportOk(w, level);
  }
  return replaced;
}

/** Whole rows, and what is taken of them, where a row would have more columns than it shows. `grouped`: rows that are read after grouping, `done`: fields that are read by aggregates now. */
function rewriteRows(
  w: Rewriter,
  marks: Analysis['marks'],
  aggregated: Aggregated,
  grouped: ReadonlySet<Node>,
  done: ReadonlySet<Node>,
): Node[] {
  const rewritten: Node[] = [];
  // Of these only columns are taken.
  const taken = new Set<Node | undefined>([
    ...marks.rowFields.map(({ node }) => as(node, 'A_Indirection')?.arg),
    ...marks.stars.map(({ target }) => as(target.val, 'A_Indirection')?.arg),
  ]);
  const ofRows = new Set<object | undefined>();
  for (const { node, entry, column } of marks.rowFields) {
    const body = as(node, 'A_Indirection');
    const isCall = body !== undefined && marks.fieldsAsCalls.has(body);
    ofRows.add(body);
    if (!(isCall || addsColumns(entry)) || done.has(node)) continue;
    rewriteRowField(w, node, entry, column, isCall);
    if (sentColumn(entry, column) !== undefined) rewritten.push(node);
  }
  for (const [body, field] of marks.fieldsAsCalls) if (!ofRows.has(body)) writeAsField(w, field);
  for (const star of marks.rowStars) {
    if (!showsMore(star.columns)) continue;
    writeOutRowStar(w, star);
    rewritten.push(star.item);
  }
  for (const { node, entry, ownType = false } of marks.wholeRows) {
    if (taken.has(node) || !(addsColumns(entry) || isRenamed(entry) || grouped.has(node) || ownType)) continue;
    rewriteWholeRow(w, node, entry, aggregated, grouped.has(node), ownType);
    rewritten.push(node);
  }
  return rewritten;
}
