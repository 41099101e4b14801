/** Whether a statement asks for one row of a table by a unique key that is not the person's, and reads nothing but that row's people. */
import type { Analysis } from '../../sql/analyze/analyze.ts';
import type { RangeTableEntry } from '../../sql/analyze/range-table.ts';
import type { Catalog, Relation } from '../../sql/catalog/catalog.ts';
import type { Key } from './key.ts';
import type { ProvenRows } from './rows.ts';
import type { ColumnOf } from './shown-keys.ts';

/** What was read of a statement. */
interface Reading {
  readonly analysis: Analysis;
  readonly fixed: readonly ColumnOf[];
  readonly references: readonly Key[];
}

/** `rows`: what the statement gives. */
export function isHeld({ analysis, fixed, references }: Reading, rows: ProvenRows, catalog: Catalog): boolean {
  const held = analysis.marks.relations.filter(({ entry }) => haveUniqueKey(fixed, entry, catalog, false));
  return held.some(({ entry }) => {
    const own = references.filter((key) => key.origins.some((origin) => origin.entry === entry));
    // Every row of the answer is about the people of that one row.
    return own.length > 0 && rows.keys.length > 0 && rows.keys.every(({ key }) => comesFrom(key, own, new Set()));
  });
}

/** Whether the columns contain a unique key of a table. `present`: none of them may be NULL. */
export function haveUniqueKey(
  columns: readonly ColumnOf[],
  of: RangeTableEntry,
  catalog: Catalog,
  present: boolean,
): boolean {
  const { source } = of;
  if (source.kind !== 'relation') return false;
  const names = new Set<string>();
  for (const { entry, column } of columns) {
    const shown = entry === of ? source.view.columns[of.columns.indexOf(column)] : undefined;
    // The value of a mask is not the unique value.
    if (shown?.access === 'granted' && !shown.masked && (shown.column.notNull || !present))
      names.add(shown.column.name);
  }
  return uniqueKeys(source.view.relation, catalog).some((key) => key.every((name) => names.has(name)));
}

/** Names of the columns of each unique key of a relation. */
function uniqueKeys(relation: Relation, catalog: Catalog): string[][] {
  // An index of a table says nothing of the rows of those that inherit from it; that of a partitioned one does.
  const inherited = catalog.data.relations.some(({ parents }) => parents.includes(relation.oid));
  if (inherited && relation.kind !== 'p') return [];
  const found = relation.uniqueIndexes.filter(({ whole, deferrable }) => whole && !deferrable);
  const names = (columns: readonly number[]) =>
    columns.map((attnum) => relation.columns.find((column) => column.attnum === attnum)?.name ?? '');
  return found.map(({ columns }) => names(columns)).filter((key) => key.length > 0 && !key.includes(''));
}

/** Whether a key is one of these, through the queries that show it. */
function comesFrom(key: Key, sources: readonly Key[], seen: Set<Key>): boolean {
  const { one } = key;
  if (seen.has(one)) return false;
  seen.add(one);
  if (sources.some((source) => source.one === one)) return true;
  return one.origins.some(({ inner }) => inner !== undefined && comesFrom(inner, sources, seen));
}
