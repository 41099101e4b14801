/** Finds where columns of different collations meet: the server then fails on the first row that it compares, and only there. */
import type { Oid } from '../catalog.ts';
import type { Node } from '../tree.ts';
import type { Expression } from './model.ts';
import type { Resolver } from './resolver.ts';

/** The expression as it was found, unsound where columns in it have collations of their own that differ. */
export function unlessCollationsMeet(r: Resolver, node: Node, found: Expression): Expression {
  if (!r.collations || !found.sound || 'ColumnRef' in node) return found;
  return collationsIn(r, node).size > 1 ? { ...found, sound: false } : found;
}

/** The collations of their own that columns in a tree have, subqueries included. */
export function collationsIn(r: Resolver, tree: unknown, found: Set<Oid> = new Set()): Set<Oid> {
  if (!r.collations || typeof tree !== 'object' || tree === null) return found;
  const collation = r.marks.references.get(tree as Node)?.column.collation;
  if (collation !== undefined) found.add(collation);
  else for (const inner of Object.values(tree)) collationsIn(r, inner, found);
  return found;
}

const known = new WeakMap<object, boolean>();

/**
 * Whether a value's collation can only be the database's own, which is deterministic: no column with another, no COLLATE, no domain, no
 * subquery. LIKE and its kin fail on a collation that is not. Asked when the tree has been resolved, and remembered by node.
 */
export function hasPlainCollation(r: Resolver, tree: object): boolean {
  const before = known.get(tree);
  if (before !== undefined) return before;
  const type = r.marks.expressions.get(tree as Node)?.type;
  const plain =
    !('CollateClause' in tree || 'SubLink' in tree) &&
    r.marks.references.get(tree as Node)?.column.collation === undefined &&
    (type === undefined || r.env.catalog.typesByOid.get(type)?.kind !== 'd') &&
    Object.values(tree).every((inner) => typeof inner !== 'object' || inner === null || hasPlainCollation(r, inner));
  known.set(tree, plain);
  return plain;
}
