/** What the SQL of a condition or mask touches at the server: read off its analysis, for whoever grants an account what it needs. */
import type { Analysis } from '../../sql/analyze/analyze.ts';
import type { RangeTableEntry } from '../../sql/analyze/range-table.ts';
import type { Catalog, Fn, Oid, Relation } from '../../sql/catalog/catalog.ts';
import type { SqlNeeds } from '../model/policy.ts';

/** Of an expression over one row, which stands as the first entry of its level. */
export function needsOf(analysis: Analysis, catalog: Catalog): SqlNeeds {
  const row = analysis.level?.entries[0];
  const relations = new Map<Oid, { readonly relation: Relation; readonly columns: Set<string> }>();
  for (const { entry } of analysis.marks.relations) {
    if (entry === row || entry.source.kind !== 'relation') continue;
    const { relation } = entry.source.view;
    relations.set(relation.oid, { relation, columns: new Set() });
  }
  const own = new Set<string>();
  const home = rowOf(row);
  for (const use of analysis.uses) {
    if (use.kind !== 'column') continue;
    // A column of the row's own relation may be the row's or another row's: it counts as both.
    if (use.relation.oid === home?.oid) own.add(use.column);
    relations.get(use.relation.oid)?.columns.add(use.column);
  }
  return {
    columns: [...own].sort(),
    elsewhere: [...relations.values()].map(({ relation, columns }) => ({ relation, columns: [...columns].sort() })),
    functions: functionsOf(analysis, catalog),
    schemas: schemasOf(analysis),
  };
}

function rowOf(row: RangeTableEntry | undefined): Relation | undefined {
  return row?.source.kind === 'relation' ? row.source.view.relation : undefined;
}

function functionsOf(analysis: Analysis, catalog: Catalog): Fn[] {
  const found = new Set<Fn>();
  for (const use of analysis.uses) {
    if (use.kind === 'function') for (const fn of use.candidates) found.add(fn);
    if (use.kind !== 'operator') continue;
    for (const { fn } of use.candidates) {
      const behind = catalog.functionsByOid.get(fn);
      if (behind) found.add(behind);
    }
  }
  return [...found].filter((fn) => fn.schema !== 'pg_catalog').sort((a, b) => a.oid - b.oid);
}

function schemasOf(analysis: Analysis): string[] {
  const types = analysis.uses.flatMap((use) => (use.kind === 'type' ? [use.type.schema] : []));
  return [...new Set(types)].filter((schema) => schema !== 'pg_catalog').sort();
}
