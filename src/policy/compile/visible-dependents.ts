/**
 * Which indexes, constraints, defaults, triggers, statistics, view texts, sequences and partition keys a role finds: those that name nothing
 * withheld.
 */
import type { Catalog, Dependent, ObjectName, Oid } from '../../sql/catalog/catalog.ts';
import { FIRST_USER_OID } from './visible-types.ts';

/** OIDs of the system catalogs, as in pg_depend; the same on every server. */
export const CLASS = {
  type: 1247,
  function: 1255,
  relation: 1259,
  default: 2604,
  constraint: 2606,
  namespace: 2615,
  opclass: 2616,
  operator: 2617,
  trigger: 2620,
  collation: 3456,
} as const;

/** What else is visible: OIDs by catalog, and columns by relation. */
export interface VisibleNames {
  readonly columns: ReadonlyMap<Oid, ReadonlySet<number>>;
  readonly types: ReadonlySet<Oid>;
  readonly functions: ReadonlySet<Oid>;
  readonly operators: ReadonlySet<Oid>;
  readonly collations: ReadonlySet<Oid>;
  /** `catalog oid` of objects of known extensions. */
  readonly members: ReadonlySet<string>;
}

/** No role finds a policy of row security. */
type Kind = Exclude<Dependent['kind'], 'policy'>;
type ByKind = { readonly [K in Kind]: readonly Dependent[] };

/** In an order in which each comes after the kinds that it may name. */
const KINDS = ['sequence', 'index', 'constraint', 'default', 'trigger', 'statistics', 'view', 'partitioning'] as const;

export function visibleDependents(catalog: Catalog, names: VisibleNames): ByKind {
  const found = Object.fromEntries(KINDS.map((kind) => [kind, [] as Dependent[]])) as {
    [K in Kind]: Dependent[];
  };
  const relations = new Set<Oid>();
  const constraints = new Set<Oid>();
  /** Objects of catalogs without a branch are hidden. */
  const isVisible = ([of, oid, attnum]: ObjectName): boolean => {
    if (names.members.has(`${of} ${oid}`)) return true;
    switch (of) {
      case CLASS.relation:
        if (attnum !== 0) return names.columns.get(oid)?.has(attnum) === true;
        return names.columns.has(oid) || relations.has(oid);
      case CLASS.function:
        return names.functions.has(oid);
      case CLASS.type:
        return oid < FIRST_USER_OID || names.types.has(oid);
      case CLASS.operator:
        return names.operators.has(oid);
      case CLASS.collation:
        return names.collations.has(oid);
      case CLASS.constraint:
        return constraints.has(oid);
      case CLASS.namespace:
        return true;
      default:
        return false;
    }
  };
  for (const kind of KINDS) {
    for (const dependent of catalog.data.dependents) {
      if (dependent.kind !== kind || !dependent.names.every(isVisible)) continue;
      found[kind].push(dependent);
      if (kind === 'sequence' || kind === 'index') relations.add(dependent.oid);
      if (kind === 'constraint') constraints.add(dependent.oid);
    }
  }
  return found;
}
