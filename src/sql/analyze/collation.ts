/** Finds where values of different collations meet: the server then fails on the first row that it compares, and only there. */

import type { Catalog, Column, Oid } from '../catalog/catalog.ts';
import type { Node } from '../parse/tree.ts';
import { partsOf } from '../parse/tree.ts';
import { NAME } from '../types/oids.ts';
import { baseType, category, elementType } from '../types/type.ts';
import type { Expression, RangeTableColumn } from './range-table.ts';
import type { Resolver } from './resolver.ts';
import { FIRST_USER_OID } from './stability.ts';

/** pg_collation's OIDs: the database's default, and the one that values of type `name` have. */
const DEFAULT = 100;
const C = 950;

/** The collation that a table or row type gives one of its columns; undefined: none, or the database's default. */
export function declaredCollation({ collation }: Pick<Column, 'collation'>): Oid | undefined {
  return collation === 0 || collation === DEFAULT ? undefined : collation;
}

/** The collation of a column of FROM, perhaps that of its type. */
export function columnCollation(catalog: Catalog, { collation, type }: RangeTableColumn): Oid | undefined {
  return collation ?? typeCollation(catalog, type);
}

/** Types, by category, whose values have no collation. */
const WITHOUT: ReadonlySet<string> = new Set(['N', 'B', 'D', 'T', 'E', 'I', 'G']);
const CHAR = 18;

/** Whether readers of an output of this type see its collation: it is the column's own or the type's, or the type has none. */
export function isKnownBy(r: Resolver, type: Oid, own: Oid | undefined, collation: Oid): boolean {
  const { catalog } = r.env;
  return collation === (own ?? typeCollation(catalog, type)) || hasNoCollation(catalog, type);
}

/** Numbers, dates and similar types: their values carry no collation, whatever they were computed from. */
export function hasNoCollation(catalog: Catalog, type: Oid): boolean {
  const base = baseType(catalog, type);
  return base === CHAR || WITHOUT.has(category(catalog, base));
}

/** Of `name` and the information schema's domains the collation "C", of another domain over text perhaps one of its own, which then is known by the domain alone. */
function typeCollation(catalog: Catalog, type: Oid): Oid | undefined {
  const element = elementType(catalog, baseType(catalog, type));
  if (type === NAME || element === NAME) return C;
  for (const oid of [type, element]) {
    const domain = catalog.typesByOid.get(oid);
    if (domain?.kind === 'd' && isCollated(catalog, baseType(catalog, oid)))
      return domain.schema === 'information_schema' && oid < FIRST_USER_OID ? C : -oid;
  }
  return undefined;
}

function isCollated(catalog: Catalog, type: Oid): boolean {
  const element = elementType(catalog, type);
  return element === 0 ? category(catalog, type) === 'S' : isCollated(catalog, element);
}

/** The expression as it was found, leaky where values in it have collations of their own that differ. */
export function unlessCollationsMeet(r: Resolver, node: Node, found: Expression): Expression {
  if (typeCollation(r.env.catalog, found.type) !== undefined) r.collations = true;
  if (!r.collations || !found.leakproof || 'ColumnRef' in node) return found;
  return collationsIn(r, node, found.type).size > 1 ? { ...found, leakproof: false } : found;
}

/** The collations of their own that values in a tree have, subqueries included. `type`: of the tree itself, where it is not remembered yet. */
export function collationsIn(r: Resolver, tree: unknown, type?: Oid, found: Set<Oid> = new Set()): Set<Oid> {
  if (!r.collations || typeof tree !== 'object' || tree === null) return found;
  const own = ownCollation(r, tree as Node, type);
  if (own !== undefined) found.add(own);
  // A cast to `name` keeps what its argument has.
  if (!r.marks.references.has(tree as Node))
    for (const inner of partsOf(tree)) collationsIn(r, inner, undefined, found);
  return found;
}

function ownCollation(r: Resolver, node: Node, type = r.marks.expressions.get(node)?.type): Oid | undefined {
  const { catalog } = r.env;
  const column = r.marks.references.get(node)?.column;
  if (column) return columnCollation(catalog, column);
  return r.marks.collations.get(node) ?? (type === undefined ? undefined : typeCollation(catalog, type));
}

const known = new WeakMap<object, boolean>();

/**
 * Whether a value's collation can only be the database's own or "C", which are deterministic: no column or field with another, no COLLATE, no domain
 * with another, no subquery. LIKE and ILIKE fail on other collations. Asked after the tree is resolved, and cached by node.
 */
export function hasPlainCollation(r: Resolver, tree: object): boolean {
  const before = known.get(tree);
  if (before !== undefined) return before;
  const plain =
    !('CollateClause' in tree || 'SubLink' in tree) &&
    [undefined, C].includes(ownCollation(r, tree as Node)) &&
    partsOf(tree).every((inner) => hasPlainCollation(r, inner));
  known.set(tree, plain);
  return plain;
}
