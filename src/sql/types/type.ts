/** Questions about one type: its base, category, element, row. */
import type { Catalog, Column, Oid, Relation } from '../catalog/catalog.ts';
import * as t from './oids.ts';

/** The type below all domains; the type itself if it is not a domain. */
export function baseType(catalog: Catalog, oid: Oid): Oid {
  let current = oid;
  for (let type = catalog.typesByOid.get(current); type && type.kind === 'd' && type.base !== 0; ) {
    current = type.base;
    type = catalog.typesByOid.get(current);
  }
  return current;
}

/** The modifier of a column (a length, or digits and scale), or of the domain that it is of; -1: none. */
export function typmodOf(catalog: Catalog, { type, typmod }: Pick<Column, 'type' | 'typmod'>): number {
  let found = typmod;
  for (let domain = catalog.typesByOid.get(type); found < 0 && domain?.kind === 'd'; ) {
    found = domain.baseTypmod;
    domain = catalog.typesByOid.get(domain.base);
  }
  return found;
}

/** Element type of a true array, else 0. A domain over an array is not one: take its base first. */
export function elementType(catalog: Catalog, oid: Oid): Oid {
  return catalog.typesByOid.get(oid)?.element ?? 0;
}

/** The array type over a type, 0 if there is none. */
export function arrayType(catalog: Catalog, oid: Oid): Oid {
  return catalog.typesByOid.get(oid)?.array ?? 0;
}

/** pg_type.typcategory (manual, table 52.65); '' where the type is not known. */
export function category(catalog: Catalog, oid: Oid): string {
  return catalog.typesByOid.get(oid)?.category ?? '';
}

/** The relation behind a composite type or a domain over one. */
export function rowRelation(catalog: Catalog, oid: Oid): Relation | undefined {
  const relation = catalog.typesByOid.get(baseType(catalog, oid))?.relation ?? 0;
  return relation === 0 ? undefined : catalog.relationsByOid.get(relation);
}

/** A composite type or a domain over one. */
export function isRow(catalog: Catalog, oid: Oid): boolean {
  return (catalog.typesByOid.get(baseType(catalog, oid))?.relation ?? 0) !== 0;
}

/** Whether the row type `from` belongs to a table that inherits from, or was made OF, the row type `to`. */
export function rowDescends(catalog: Catalog, from: Oid, to: Oid): boolean {
  const target = rowRelation(catalog, to);
  const source = rowRelation(catalog, from);
  if (!target || !source) return false;
  if (source.ofType === to) return true;
  const seen = new Set<Oid>();
  const queue = [...source.parents];
  for (let oid = queue.pop(); oid !== undefined; oid = queue.pop()) {
    if (oid === target.oid) return true;
    if (seen.has(oid)) continue;
    seen.add(oid);
    queue.push(...(catalog.relationsByOid.get(oid)?.parents ?? []));
  }
  return false;
}

/** `anyelement`, `anyarray`, … of the first family: all of them agree on one element type (manual, section 36.2.5). */
export function isPlainPolymorphic(oid: Oid): boolean {
  switch (oid) {
    case t.ANYELEMENT:
    case t.ANYARRAY:
    case t.ANYNONARRAY:
    case t.ANYENUM:
    case t.ANYRANGE:
    case t.ANYMULTIRANGE:
      return true;
    default:
      return false;
  }
}

/** `anycompatible` and similar: all of them become one common type. */
export function isCompatiblePolymorphic(oid: Oid): boolean {
  switch (oid) {
    case t.ANYCOMPATIBLE:
    case t.ANYCOMPATIBLEARRAY:
    case t.ANYCOMPATIBLENONARRAY:
    case t.ANYCOMPATIBLERANGE:
    case t.ANYCOMPATIBLEMULTIRANGE:
      return true;
    default:
      return false;
  }
}

/** Either family. */
export function isPolymorphic(oid: Oid): boolean {
  return isPlainPolymorphic(oid) || isCompatiblePolymorphic(oid);
}
