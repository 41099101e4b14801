/** The one type that several expressions become: UNION, CASE, COALESCE, VALUES, ARRAY, IN, GREATEST (manual, section 10.5). */
import type { Catalog, Oid } from '../catalog/catalog.ts';
import * as t from './oids.ts';
import { coercible } from './pathway.ts';
import { baseType, isPolymorphic } from './type.ts';

/**
 * The common type, or 0 if there is none or if one of the types is unknown. The order counts: a CASE puts its ELSE first (a missing ELSE is an
 * unknown NULL), and a chain of UNIONs resolves pair by pair from the left. Whether every expression can become that type is decided by `coercion`.
 */
export function commonType(catalog: Catalog, types: readonly Oid[]): Oid {
  const first = types[0];
  if (first === undefined || types.includes(t.UNTELLABLE)) return 0;
  if (first !== t.UNKNOWN && types.every((type) => type === first)) return first;
  let chosen = baseType(catalog, first);
  for (const type of types) {
    const next = baseType(catalog, type);
    if (next === t.UNKNOWN || next === chosen) continue;
    if (chosen === t.UNKNOWN) {
      chosen = next;
      continue;
    }
    const was = catalog.typesByOid.get(chosen);
    const is = catalog.typesByOid.get(next);
    if (!was || !is || was.category !== is.category) return 0;
    // Values of a polymorphic type (columns of pg_statistic) become nothing else, and nothing else becomes them.
    if (isPolymorphic(chosen) || isPolymorphic(next)) return 0;
    if (
      !was.preferred &&
      coercible(catalog, chosen, next, 'implicit') &&
      !coercible(catalog, next, chosen, 'implicit')
    ) {
      chosen = next;
    }
  }
  return chosen === t.UNKNOWN ? t.TEXT : chosen;
}
