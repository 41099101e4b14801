/** Which user-defined types a role finds in the system catalogs: those of its columns and functions, and the types that these consist of. */
import type { Catalog, Fn, Oid, Relation } from '../../sql/catalog/catalog.ts';

/** OIDs from here on belong to users' objects (FirstNormalObjectId). */
export const FIRST_USER_OID = 16384;

export interface VisibleRelation {
  readonly relation: Relation;
  /** attnums of the granted columns, listed one by one, so that a column that is added later is not among them. */
  readonly attnums: readonly number[];
  readonly names: readonly string[];
}

/** OIDs of user-defined types. @param more types that were granted by name. */
export function visibleTypes(
  catalog: Catalog,
  relations: readonly VisibleRelation[],
  functions: readonly Fn[],
  more: Iterable<Oid>,
): Oid[] {
  const found = new Set<Oid>();
  const queue: Oid[] = [];
  const reach = (oid: Oid): void => {
    if (oid < FIRST_USER_OID || found.has(oid) || !catalog.typesByOid.has(oid)) return;
    found.add(oid);
    queue.push(oid);
  };
  for (const { relation, names } of relations) {
    reach(relation.rowType);
    for (const column of relation.columns) if (names.includes(column.name)) reach(column.type);
  }
  for (const oid of functions.flatMap(typesOf)) if (!isRow(catalog, oid)) reach(oid);
  for (const oid of more) reach(oid);
  for (let oid = queue.pop(); oid !== undefined; oid = queue.pop()) {
    const type = catalog.typesByOid.get(oid)!;
    for (const part of [type.element, type.array, type.base, type.subtype, type.multirange]) reach(part);
    const relation = catalog.relationsByOid.get(type.relation);
    if (relation?.kind === 'c') for (const column of relation.columns) reach(column.type);
  }
  return [...found];
}

/** A function over the rows of a hidden table would reveal the table's name. */
export function hasVisibleTypes(catalog: Catalog, fn: Fn, types: readonly Oid[]): boolean {
  return typesOf(fn).every((oid) => !isRow(catalog, oid) || oid < FIRST_USER_OID || types.includes(oid));
}

function typesOf(fn: Fn): Oid[] {
  return [...fn.args, fn.result, fn.variadic, ...fn.outColumns.map((column) => column.type)];
}

/** Whether the type is the row type of a table, or an array of it. */
export function isRow(catalog: Catalog, oid: Oid): boolean {
  const type = catalog.typesByOid.get(oid);
  const row = catalog.typesByOid.get(type?.element ?? 0) ?? type;
  return row !== undefined && row.relation !== 0 && catalog.relationsByOid.get(row.relation)?.kind !== 'c';
}
