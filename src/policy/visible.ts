/** What of the database a role finds in the system catalogs: the relations and columns that it was granted, and what belongs to them. */
import type { Catalog, Fn, Oid, Relation } from '../sql/catalog.ts';
import { descendants } from './names.ts';
import type { RelationGrant } from './policy.ts';

interface VisibleRelation {
  readonly relation: Relation;
  /** attnums of the granted columns. */
  readonly attnums: readonly number[];
  readonly names: readonly string[];
  /** Every column. */
  readonly whole: boolean;
}

export interface Visible {
  /** Granted relations, and partitions and children of granted tables, with the columns granted of their parents. */
  readonly relations: readonly VisibleRelation[];
  readonly types: readonly Oid[];
  readonly functions: readonly Fn[];
  readonly schemas: readonly string[];
}

/** The OIDs from here on are users' objects (FirstNormalObjectId). */
export const FIRST_USER_OID = 16384;

export function visibleTo(
  catalog: Catalog,
  searchPath: readonly string[],
  grants: Iterable<RelationGrant>,
  functions: readonly Fn[],
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
  const relations = [...columns].map(([relation, names]): VisibleRelation => {
    const shown = relation.columns.filter((column) => names.has(column.name));
    return {
      relation,
      attnums: shown.map((column) => column.attnum),
      names: shown.map((column) => column.name),
      whole: shown.length === relation.columns.length,
    };
  });
  const types = visibleTypes(catalog, new Set(relations.map(({ relation }) => relation.oid)));
  const schemas = [
    ...searchPath,
    ...relations.map(({ relation }) => relation.schema),
    ...functions.map((fn) => fn.schema),
  ];
  return { relations, types, functions, schemas: [...new Set(schemas)] };
}

function grantedColumns(grant: RelationGrant): Set<string> {
  const names = new Set(grant.select?.columns.keys());
  for (const write of [grant.insert, grant.update]) for (const name of write?.columns ?? []) names.add(name);
  return names;
}

/** Users' types but the row types of relations that are not visible, and arrays of them. */
function visibleTypes(catalog: Catalog, relations: ReadonlySet<Oid>): Oid[] {
  const rowOf = (oid: Oid): Oid => catalog.typesByOid.get(oid)?.relation ?? 0;
  const shown = (row: Oid): boolean => row === 0 || relations.has(row) || catalog.relationsByOid.get(row)?.kind === 'c';
  return catalog.data.types
    .filter((type) => type.oid >= FIRST_USER_OID && shown(type.relation) && shown(rowOf(type.element)))
    .map((type) => type.oid);
}
