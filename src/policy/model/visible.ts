/** What a role finds in the system catalogs: the relations and columns that it was granted, and objects that belong to them. */
import type { Catalog, Dependent, Fn, Oid, Relation, Type } from '../../sql/catalog/catalog.ts';
import { descendants } from '../compile/names.ts';
import { CLASS, visibleDependents } from '../compile/visible-dependents.ts';
import { FIRST_USER_OID, hasVisibleTypes, type VisibleRelation, visibleTypes } from '../compile/visible-types.ts';
import type { RelationGrant } from './policy.ts';

/** Every object is listed by OID, so that objects newer than the policy are hidden. */
export interface Visible {
  /** Granted relations, partitions and children of granted tables with their parents' granted columns, and composite types. */
  readonly relations: readonly VisibleRelation[];
  readonly types: readonly Type[];
  readonly functions: readonly Fn[];
  readonly operators: readonly Oid[];
  readonly collations: readonly Oid[];
  readonly schemas: readonly string[];
  readonly dependents: ReturnType<typeof visibleDependents>;
  /** Those of granted serial and identity columns. */
  readonly sequences: readonly Relation[];
  /** Visible constraints with a schema and name that no hidden constraint shares. */
  readonly plainConstraints: readonly { readonly schema: string; readonly name: string }[];
  /** OIDs of objects of known extensions, by catalog. */
  readonly members: ReadonlyMap<Oid, readonly Oid[]>;
}

/** What a role may find in the system catalogs, by its grants. */
export function visibleTo(
  catalog: Catalog,
  searchPath: readonly string[],
  grants: Iterable<RelationGrant>,
  callable: readonly Fn[],
  namedTypes: Iterable<Oid>,
  namedCollations: ReadonlySet<Oid>,
): Visible {
  const members = membersOf(catalog);
  const of = (kind: Oid): readonly Oid[] => members.get(kind) ?? [];
  const granted = grantedRelations(catalog, grants);
  const typeOids = new Set([...visibleTypes(catalog, granted, callable, namedTypes), ...of(CLASS.type)]);
  const types = [...typeOids].flatMap((oid) => catalog.typesByOid.get(oid) ?? []);
  const functions = [
    ...callable.filter((fn) => hasVisibleTypes(catalog, fn, [...typeOids])),
    ...of(CLASS.function).flatMap((oid) => catalog.functionsByOid.get(oid) ?? []),
  ];
  const composites = types.flatMap(({ relation: oid }) => {
    const relation = catalog.relationsByOid.get(oid);
    return relation?.kind === 'c' ? [shown(relation, () => true)] : [];
  });
  const relations = [...granted, ...composites];
  const behind = new Set(functions.map((fn) => fn.oid));
  const operators = catalog.data.operators
    .filter(({ oid, fn }) => oid >= FIRST_USER_OID && behind.has(fn))
    .map(({ oid }) => oid);
  const named = catalog.data.collations.filter(({ oid }) => namedCollations.has(oid));
  const collations = [...new Set([...collationsOf(relations), ...namedCollations])];
  const objects = [...relations.map(({ relation }) => relation), ...functions, ...types, ...named];
  const dependents = visibleDependents(catalog, {
    columns: new Map(relations.map(({ relation, attnums }) => [relation.oid, new Set(attnums)])),
    types: typeOids,
    functions: behind,
    operators: new Set(operators),
    collations: new Set(collations),
    members: new Set(catalog.data.members.map(([kind, oid]) => `${kind} ${oid}`)),
  });
  return {
    relations,
    types,
    functions,
    operators,
    collations,
    schemas: [...new Set([...searchPath, ...objects.map((object) => object.schema)])],
    dependents,
    sequences: dependents.sequence.flatMap(({ oid }) => catalog.relationsByOid.get(oid) ?? []),
    plainConstraints: plainConstraints(catalog, dependents.constraint),
    members,
  };
}

function plainConstraints(catalog: Catalog, visible: readonly Dependent[]): { schema: string; name: string }[] {
  const schemaOf = ({ relation, type }: Dependent): string =>
    (relation !== 0 ? catalog.relationsByOid.get(relation) : catalog.typesByOid.get(type))?.schema ?? '';
  const key = (constraint: Dependent): string => `${schemaOf(constraint)}\u0000${constraint.name}`;
  const shown = new Set(visible);
  const hidden = new Set(catalog.data.dependents.filter((d) => d.kind === 'constraint' && !shown.has(d)).map(key));
  return visible.filter((c) => !hidden.has(key(c))).map((c) => ({ schema: schemaOf(c), name: c.name }));
}

function grantedRelations(catalog: Catalog, grants: Iterable<RelationGrant>): VisibleRelation[] {
  const columns = new Map<Relation, Set<string>>();
  for (const grant of grants) {
    const granted = grantedColumns(grant);
    for (const relation of [grant.relation, ...descendants(catalog, grant.relation)]) {
      const known = columns.get(relation) ?? new Set();
      for (const name of granted) known.add(name);
      columns.set(relation, known);
    }
  }
  return [...columns].map(([relation, names]) => shown(relation, (name) => names.has(name)));
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

function membersOf(catalog: Catalog): Map<Oid, Oid[]> {
  const found = new Map<Oid, Oid[]>();
  for (const [kind, oid] of catalog.data.members) {
    const list = found.get(kind);
    if (list) list.push(oid);
    else found.set(kind, [oid]);
  }
  return found;
}

function collationsOf(relations: readonly VisibleRelation[]): Oid[] {
  const found = new Set<Oid>();
  for (const { relation, names } of relations)
    for (const column of relation.columns)
      if (column.collation >= FIRST_USER_OID && names.includes(column.name)) found.add(column.collation);
  return [...found];
}
