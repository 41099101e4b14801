/**
 * The columns that a guarded subquery returns besides those that the role may see, with their order and names. Each follows the visible ones, under a
 * name that clients may not use and no other relation's column has, so that NATURAL, USING and lists of aliases never mean it.
 */
import type { Analysis } from '../../sql/analyze/analyze.ts';
import { sentColumn, spell } from '../../sql/analyze/column.ts';
import type { RangeTableEntry } from '../../sql/analyze/range-table.ts';
import { as, type Node, quoteName, replaceInPlace } from '../../sql/parse/tree.ts';
import type { Groups } from '../groups/groups.ts';
import type { KeyPlan } from '../subjects/added-keys.ts';
import { exportedUnits } from './groups.ts';
import type { HiddenKeys } from './hidden-keys.ts';
import { type CarriedColumn, ROW } from './names.ts';
import { expressionTree, type Rewriter } from './rewriter.ts';

/** For one statement: the columns after the `ok` of a guard that is needed. */
export class AddedColumns {
  constructor(
    private readonly groups: readonly Groups[],
    private readonly keys: HiddenKeys | undefined,
    private readonly plan: KeyPlan | undefined,
  ) {}

  /** What the guarded subquery of a relation gives besides. */
  ofRelation(entry: RangeTableEntry): CarriedColumn[] {
    const { groups, keys } = this;
    const added: CarriedColumn[] = [];
    for (const column of entry.systemColumns ?? [])
      added.push({ text: systemColumn(entry, column.name), name: sentColumn(entry, column)! });
    return [...added, ...exportedUnits(groups, entry), ...(keys?.exported.get(entry) ?? [])];
  }

  /** The names of the columns after an entry's own; for a join, after those of its arms. */
  namesOf(entry: RangeTableEntry): string[] {
    const { source, guard } = entry;
    const ok = guard?.needed ? [guard.name] : [];
    if (source.kind === 'relation') return source.use === 'read' ? [...ok, ...this.ofRelation(entry).map(nameOf)] : [];
    const level = source.kind === 'query' ? source.level : source.kind === 'cte' ? source.cte.level : undefined;
    if (!level) return ok;
    return [...ok, ...[this.keys, this.plan].flatMap((one) => one?.inside.get(level) ?? []).map(nameOf)];
  }
}

/** Masked ones belong to catalogs, and are NULL. */
function systemColumn({ source }: RangeTableEntry, name: string): string {
  const own =
    source.kind === 'relation' ? source.view.columns.findLast(({ column }) => column.name === name) : undefined;
  return own?.masked ? `NULL::${own.column.typeName}` : `${ROW}.${quoteName(name)}`;
}

function nameOf({ name }: { readonly name: string }): string {
  return name;
}

/** References to system columns get the names under which these are added. `replaced`: those that became something else. Gives the nodes. */
export function rewriteSystemColumns(
  w: Rewriter,
  analysis: Analysis,
  replaced: ReadonlySet<object | undefined>,
): Node[] {
  const nodes: Node[] = [];
  for (const { node, entry, column } of analysis.marks.systemColumns) {
    if (replaced.has(as(node, 'ColumnRef'))) continue;
    const text = spell(entry, column)!;
    const range = w.range(node);
    w.edits.replace(range.start, range.end, [text]);
    const tree = expressionTree([text]);
    w.mutateFirst(() => replaceInPlace(node, tree));
    nodes.push(node);
  }
  return nodes;
}
