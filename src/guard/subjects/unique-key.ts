/** Whether a statement asks for one row of a table by a unique key that is not the person's, and reads nothing but that row's people. */
import type { RangeTableEntry } from '../../sql/analyze/range-table.ts';
import type { Catalog } from '../../sql/catalog/catalog.ts';
import { uniqueKeys } from './constraints.ts';
import type { Key } from './key.ts';
import type { LevelReader } from './level-reader.ts';
import type { ProvenRows } from './rows.ts';

/** `rows`: what the statement gives. */
export function isHeld({ analysis, fixed, references }: LevelReader, rows: ProvenRows, catalog: Catalog): boolean {
  const held = analysis.marks.relations.filter(({ entry }) => holdsOneRow(entry, fixed, catalog));
  return held.some(({ entry }) => {
    const own = references.filter((key) => key.origins.some((origin) => origin.entry === entry));
    // Every row of the answer is about the people of that one row.
    return own.length > 0 && rows.keys.length > 0 && rows.keys.every(({ key }) => comesFrom(key, own, new Set()));
  });
}

function holdsOneRow(entry: RangeTableEntry, fixed: LevelReader['fixed'], catalog: Catalog): boolean {
  if (entry.source.kind !== 'relation') return false;
  const { relation } = entry.source.view;
  const given = new Set<string>();
  for (const one of fixed) {
    const { view } = entry.source;
    const shown = one.entry === entry ? view.columns[entry.columns.indexOf(one.column)] : undefined;
    // The value of a mask is not the unique value.
    if (shown && shown.access === 'granted' && !shown.masked) given.add(shown.column.name);
  }
  return given.size > 0 && uniqueKeys(relation, catalog).some((key) => key.every((name) => given.has(name)));
}

/** Whether a key is one of these, through the queries that show it. */
function comesFrom(key: Key, sources: readonly Key[], seen: Set<Key>): boolean {
  const { one } = key;
  if (seen.has(one)) return false;
  seen.add(one);
  if (sources.some((source) => source.one === one)) return true;
  return one.origins.some(({ inner }) => inner !== undefined && comesFrom(inner, sources, seen));
}
