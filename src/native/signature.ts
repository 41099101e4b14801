/** A function as GRANT and REVOKE name it, with its argument types. */
import type { Catalog, Fn } from '../sql/catalog/catalog.ts';
import { qualified } from './sql-text.ts';

export function signature(fn: Fn, catalog: Catalog): string {
  const types = fn.args.map((oid) => {
    const type = catalog.typesByOid.get(oid);
    if (!type) throw new Error(`function ${fn.schema}.${fn.name} has an argument of a type that the catalog lacks`);
    return qualified(type);
  });
  return `${qualified(fn)}(${types.join(', ')})`;
}
