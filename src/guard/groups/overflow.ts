/** Which aggregates could fail, and by that tell of the values of few: groups that are not shown are computed all the same. */
import type { Catalog, Oid } from '../../sql/catalog/catalog.ts';
import { FLOAT4, FLOAT8, INT2, INT4, INT8, NUMERIC } from '../../sql/types/oids.ts';
import type { Bounded } from './groups.ts';

/** Sums of these are of a larger type: no number of rows that a table holds takes them out of it. */
const WIDENED: readonly Oid[] = [INT2, INT4, INT8];

/** Sums of 100 million values as large as these, and their squares where the type adds squares, are in range. */
const BOUNDED: ReadonlyMap<Oid, Bounded> = new Map([
  [FLOAT4, { type: 'float4', most: '1e30' }],
  [FLOAT8, { type: 'float8', most: '1e100' }],
  [NUMERIC, { type: 'numeric', most: '1e1000' }],
]);

/** What the values must be held to; undefined where they may be what they are, `fails` where nothing keeps the aggregate from failing. */
export function boundedInput(aggregate: string, column: Oid, catalog: Catalog): Bounded | undefined | 'fails' {
  let type = column;
  for (let base = column; base !== 0; base = catalog.typesByOid.get(base)?.base ?? 0) type = base;
  if (aggregate === 'count' || WIDENED.includes(type)) return undefined;
  return BOUNDED.get(type) ?? 'fails';
}
