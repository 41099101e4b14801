/** GROUP BY a primary key, through a guarded subquery: what depends on the key is said to the server, which no longer knows. */
import type { Analysis } from '../../sql/analyze/analyze.ts';
import type { Entry, Level } from '../../sql/analyze/model.ts';
import type { Catalog } from '../../sql/catalog.ts';
import { as, type Node } from '../../sql/tree.ts';
import { sortFunctions } from '../../sql/types/sort.ts';
import { behindJoins } from './group-keys.ts';
import { become, expressionTree, type Rewriter } from './rewriter.ts';
import type { Sites } from './sites.ts';
import { spelled } from './stars.ts';

/**
 * GROUP BY a primary key lets other columns of its table be used; through a subquery the server no longer knows. The columns
 * that are used join the keys; one whose type has no equality is read by `any_value`. Gives the nodes that were changed.
 */
export function addKeys(w: Rewriter, level: Level, analysis: Analysis, sites: Sites, catalog: Catalog): Node[] {
  const group = level.select?.groupClause;
  if (!group?.length || level.groupingSets) return [];
  const changed: Node[] = [];
  const added = new Map<string, Node>();
  const depends = new Map<Entry, boolean>();
  for (const { node } of sites.ungrouped.filter((u) => u.level === level)) {
    const { entry, column } = behindJoins(analysis.marks.references.get(node)!);
    if (!depends.has(entry)) depends.set(entry, dependsOnKey(level, entry, analysis));
    if (!depends.get(entry)) continue;
    const spelling = spelled(entry, column);
    if (sortFunctions(catalog, column.type)) {
      added.set(spelling, node);
      continue;
    }
    const range = w.range(node);
    w.edits.wrap(range.start, range.end, ['pg_catalog.any_value('], [')']);
    const call = expressionTree([`pg_catalog.any_value(${spelling})`]);
    w.mutate(() => {
      const inner = { ...node };
      as(call, 'FuncCall')!.args = [inner];
      become(node, call);
    });
    changed.push(node);
  }
  if (added.size > 0) {
    const text = [...added.keys()].map((spelling) => `, ${spelling}`).join('');
    w.edits.append(w.outerRange(group.at(-1)!).end, [text]);
    const trees = [...added.keys()].map((spelling) => expressionTree([spelling]));
    w.mutate(() => {
      group.push(...trees);
    });
  }
  return changed;
}

function dependsOnKey(level: Level, entry: Entry, analysis: Analysis): boolean {
  if (entry.source.kind !== 'relation' || !entry.source.view.guarded) return false;
  const { view } = entry.source;
  const key = view.relation.primaryKey;
  if (key.length === 0) return false;
  const grouped = new Set<number>();
  for (const key of level.groupKeys) {
    const found = analysis.marks.references.get(key);
    const reference = found && behindJoins(found);
    if (reference?.entry !== entry) continue;
    const index = entry.columns.indexOf(reference.column);
    const column = view.columns[index];
    if (column && !column.masked) grouped.add(column.column.attnum);
  }
  return key.every((attnum) => grouped.has(attnum));
}
