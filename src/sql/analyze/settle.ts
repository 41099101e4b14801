/** Holds operands against the type that their place asks for: parameters and untyped literals take it, conditions must have it. */
import type { Oid } from '../catalog/catalog.ts';
import type { Node } from '../parse/tree.ts';
import { as } from '../parse/tree.ts';
import * as t from '../types/oids.ts';
import { shownType } from '../types/shown-type.ts';
import { baseType } from '../types/type.ts';
import type { Expression } from './range-table.ts';
import type { Resolver } from './resolver.ts';

/** A parameter or literal without a type takes the one that its place asks for. */
export function settleParameter(r: Resolver, node: Node | undefined, type: Oid): void {
  if (node && as(node, 'A_Const')?.sval && !r.marks.literals.has(node)) r.marks.literals.set(node, type);
  const number = as(node, 'ParamRef')?.number;
  if (number !== undefined) settleNumber(r, number, type);
}

/** The same of $n. */
export function settleNumber(r: Resolver, number: number, type: Oid): void {
  if (type !== t.UNKNOWN && type !== t.UNTELLABLE) r.settle(number, type);
}

/** A condition must be boolean: the server would convert another type by a cast that a user may have defined. */
export function asBoolean(r: Resolver, node: Node, found: Expression, place: string): void {
  settleParameter(r, node, t.BOOL);
  const type = baseType(r.env.catalog, found.type);
  if (type === t.BOOL || type === t.UNKNOWN || type === t.UNTELLABLE) return;
  const name = shownType(r.env.catalog, found.type);
  r.refuse('unsupported', '42804', `argument of ${place} must be type boolean, not type ${name}`);
}
