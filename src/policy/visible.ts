/** What of the database a role finds in the system catalogs: the relations and columns that it was granted, and what belongs to them. */
import type { Catalog, Fn, Oid, Relation } from '../sql/catalog.ts';
import { descendants } from './names.ts';
import type { RelationGrant } from './policy.ts';
import { hasVisibleTypes, visibleTypes } from './visible-types.ts';

export interface VisibleRelation {
  readonly relation: Relation;
  /** attnums of the granted columns. INVARIANT: named one by one, so that a column which is newer than the policy is not among them. */
  readonly attnums: readonly number[];
  readonly names: readonly string[];
}

export interface Visible {
  /** Granted relations, partitions and children of granted tables with the columns granted of their parents, and composite types. */
  readonly relations: readonly VisibleRelation[];
  readonly types: readonly Oid[];
  /** Their names, with their schemas. */
  readonly typeNames: readonly { readonly schema: string; readonly name: string }[];
  readonly functions: readonly Fn[];
  /** Whose function is one of those. */
  readonly operators: readonly Oid[];
  readonly collations: readonly Oid[];
  readonly schemas: readonly string[];
}

/** The OIDs from here on are users' objects (FirstNormalObjectId). */
export const FIRST_USER_OID = 16384;

export function visibleTo(
  catalog: Catalog,
  searchPath: readonly string[],
  grants: Iterable<RelationGrant>,
  callable: readonly Fn[],
): Visible {
  const columns = new Map<Relation, Set<string>>();
  for (const grant of grants) {
    const granted = grantedColumns(grant);
    for (const relation of [grant.relation, ...descendants(catalog, grant.relation)]) {
      const known = columns.get(relation) ?? new Set();
      for (const name of granted) known.add(name);
      columns.set(relation, known);
    }
  }
  const granted = [...columns].map(([relation, names]) => shown(relation, (name) => names.has(name)));
  const types = visibleTypes(catalog, granted, callable);
  const functions = callable.filter((fn) => hasVisibleTypes(catalog, fn, types));
  const composites = types.flatMap((oid) => {
    const relation = catalog.relationsByOid.get(catalog.typesByOid.get(oid)?.relation ?? 0);
    return relation?.kind === 'c' ? [shown(relation, () => true)] : [];
  });
  const relations = [...granted, ...composites];
  const ofTypes = types.flatMap((oid) => catalog.typesByOid.get(oid) ?? []);
  const schemas = [
    ...searchPath,
    ...[...relations.map(({ relation }) => relation), ...functions, ...ofTypes].map((o) => o.schema),
  ];
  const behind = new Set(functions.map((fn) => fn.oid));
  return {
    relations,
    types,
    typeNames: ofTypes.map(({ schema, name }) => ({ schema, name })),
    functions,
    operators: catalog.data.operators
      .filter(({ oid, fn }) => oid >= FIRST_USER_OID && behind.has(fn))
      .map((o) => o.oid),
    collations: collationsOf(relations),
    schemas: [...new Set(schemas)],
  };
}

function shown(relation: Relation, granted: (name: string) => boolean): VisibleRelation {
  const columns = relation.columns.filter((column) => granted(column.name));
  return { relation, attnums: columns.map((column) => column.attnum), names: columns.map((column) => column.name) };
}

function grantedColumns(grant: RelationGrant): Set<string> {
  const names = new Set(grant.select?.columns.keys());
  for (const write of [grant.insert, grant.update]) for (const name of write?.columns ?? []) names.add(name);
  return names;
}

function collationsOf(relations: readonly VisibleRelation[]): Oid[] {
  const found = new Set<Oid>();
  for (const { relation, names } of relations)
    for (const column of relation.columns)
      if (column.collation >= FIRST_USER_OID && names.includes(column.name)) found.add(column.collation);
  return [...found];
}
