/** Changes what lists hold: stars written out, one more column for `ok`, names that must survive, keys for functional dependency. */
import type { Analysis } from '../../sql/analyze/analyze.ts';
import type { Catalog } from '../../sql/catalog.ts';
import { columnName } from '../../sql/colname.ts';
import { type Body, type Node, quoteName } from '../../sql/tree.ts';
import { addKeys } from './dependent-columns.ts';
import { exportOk } from './export-ok.ts';
import type { Rewriter } from './rewriter.ts';
import type { Sites } from './sites.ts';
import { addsColumns, rewriteWholeRow, writeOutStar } from './stars.ts';

export function rewriteLists(w: Rewriter, analysis: Analysis, sites: Sites, catalog: Catalog): void {
  const renamed = new Set<Node>(sites.wrapped);
  for (const whole of analysis.marks.wholeRows) {
    if (!addsColumns(whole.entry)) continue;
    rewriteWholeRow(w, whole.node, whole.entry);
    renamed.add(whole.node);
  }
  for (const star of analysis.marks.stars) writeOutStar(w, star);
  for (const level of analysis.marks.levels) {
    for (const node of addKeys(w, level, analysis, sites, catalog)) renamed.add(node);
    for (const root of level.roots) if (root.target && renamed.has(root.node)) keepName(w, root.target, root.node);
    if (level.exports !== undefined && level.kind !== 'set') exportOk(w, level);
  }
}

/** Gives an unnamed target the name that it had before its expression was wrapped. */
function keepName(w: Rewriter, target: Body<'ResTarget'>, node: Node): void {
  if (target.name !== undefined) return;
  const name = columnName(node);
  w.edits.append(w.outerRange(node).end, [` AS ${quoteName(name)}`]);
  w.mutate(() => {
    target.name = name;
  });
}
