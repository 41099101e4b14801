/** GROUP BY a primary key through a guarded subquery: the server no longer knows which columns depend on the key, so the text says it. */
import type { Analysis } from '../../sql/analyze/analyze.ts';
import type { QueryLevel, RangeTableColumn, RangeTableEntry } from '../../sql/analyze/range-table.ts';
import type { Catalog } from '../../sql/catalog/catalog.ts';
import type { Node } from '../../sql/parse/tree.ts';
import { replaceInPlace } from '../../sql/parse/tree.ts';
import { sortFunctions } from '../../sql/types/sort.ts';
import { elementType } from '../../sql/types/type.ts';
import { behindJoins } from './group-keys.ts';
import type { LeakyExpressions } from './leaky-expressions.ts';
import { expressionTree, NotRewritable, type Rewriter } from './rewriter.ts';
import { spelled } from './whole-rows.ts';

interface Found {
  readonly entry: RangeTableEntry;
  readonly column: RangeTableColumn;
}

/** How the columns of one query that depend on a key of its GROUP BY are read. */
export interface Dependents {
  /** Columns of types without equality, which cannot join the keys: the aggregate by which each is read instead. */
  readonly aggregated: ReadonlyMap<RangeTableColumn, string>;
  /** References to those, and the entries of whole rows that hold columns which depend on a key. */
  readonly references: readonly { readonly node: Node; readonly column: RangeTableColumn }[];
  readonly rows: readonly { readonly node: Node; readonly entry: RangeTableEntry }[];
}

/**
 * GROUP BY a primary key lets other columns of its table be used; for a subquery the server does not know that. The columns that are used, alone, in
 * a star or in a whole row, are added to the keys.
 */
export function addGroupKeys(
  w: Rewriter,
  level: QueryLevel,
  analysis: Analysis,
  sites: LeakyExpressions,
  catalog: Catalog,
): Dependents {
  const aggregated = new Map<RangeTableColumn, string>();
  const references: { node: Node; column: RangeTableColumn }[] = [];
  const rows: { node: Node; entry: RangeTableEntry }[] = [];
  const group = level.select?.groupClause;
  if (!group?.length || level.groupingSets) return { aggregated, references, rows };
  const added = new Set<string>();
  const keys = keysOf(level, analysis);
  const depends = new Map<RangeTableEntry, boolean>();
  const dependsOnKey = (entry: RangeTableEntry): boolean => {
    const known = depends.get(entry) ?? dependsOn(keys, entry);
    depends.set(entry, known);
    return known;
  };
  /** Whether it is read by an aggregate from now on. */
  const use = (named: Found): boolean => {
    const { entry, column } = behindJoins(named);
    if (!dependsOnKey(entry) || keys.get(entry)?.has(column)) return false;
    // By the name that is in sight: an alias of a join hides those of its tables.
    const spelling = spelled(named.entry, named.column);
    if (sortFunctions(catalog, column.type)) {
      added.add(spelling);
      return false;
    }
    aggregated.set(column, anyOf(catalog, column, spelling));
    return true;
  };
  for (const { node } of sites.ungrouped.filter((u) => u.level === level)) {
    const named = analysis.marks.references.get(node)!;
    if (use(named)) references.push({ node, column: behindJoins(named).column });
  }
  for (const star of analysis.marks.stars.filter((s) => s.level === level)) {
    for (const named of star.columns) use(named);
  }
  for (const { node } of sites.ungroupedRows.filter((u) => u.level === level)) {
    const entry = analysis.marks.wholeRows.find((whole) => whole.node === node)!.entry;
    if (!dependsOnKey(entry)) continue;
    for (const column of entry.columns) if (column.access === 'granted' && !column.implicit) use({ entry, column });
    rows.push({ node, entry });
  }
  if (added.size > 0) {
    const text = [...added].map((spelling) => `, ${spelling}`).join('');
    w.edits.append(w.outerRange(group.at(-1)!).end, [text]);
    const trees = [...added].map((spelling) => expressionTree([spelling]));
    w.mutate(() => {
      group.push(...trees);
    });
  }
  return { aggregated, references, rows };
}

/** Replaces a reference by the aggregate. */
export function aggregateReference(w: Rewriter, node: Node, aggregate: string): void {
  const range = w.range(node);
  w.edits.replace(range.start, range.end, [aggregate]);
  const tree = expressionTree([aggregate]);
  w.mutate(() => replaceInPlace(node, tree));
}

/** All rows of a group hold the one value. */
function anyOf(catalog: Catalog, column: RangeTableColumn, spelling: string): string {
  if (catalog.functionsNamed('any_value').some((fn) => fn.schema === 'pg_catalog'))
    return `pg_catalog.any_value(${spelling})`;
  // Before version 16. Of arrays array_agg makes one of more dimensions.
  if (elementType(catalog, column.type) !== 0)
    throw new NotRewritable(
      `column "${column.name}" beside a GROUP BY of the key: group by it, or read it by an aggregate`,
    );
  return `(pg_catalog.array_agg(${spelling}))[1]`;
}

/** The columns of each entry that are keys by themselves. */
function keysOf(level: QueryLevel, analysis: Analysis): Map<RangeTableEntry, Set<RangeTableColumn>> {
  const keys = new Map<RangeTableEntry, Set<RangeTableColumn>>();
  for (const key of level.groupKeys) {
    const found = analysis.marks.references.get(key);
    if (!found) continue;
    const { entry, column } = behindJoins(found);
    keys.set(entry, (keys.get(entry) ?? new Set()).add(column));
  }
  return keys;
}

function dependsOn(keys: ReadonlyMap<RangeTableEntry, ReadonlySet<RangeTableColumn>>, entry: RangeTableEntry): boolean {
  if (entry.source.kind !== 'relation' || !entry.source.view.guarded) return false;
  const { view } = entry.source;
  const { primaryKey } = view.relation;
  if (primaryKey.length === 0) return false;
  const grouped = new Set<number>();
  for (const key of keys.get(entry) ?? []) {
    const column = view.columns[entry.columns.indexOf(key)];
    if (column && !column.masked) grouped.add(column.column.attnum);
  }
  return primaryKey.every((attnum) => grouped.has(attnum));
}
