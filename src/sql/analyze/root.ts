/** Resolves the expressions that clauses are made of, and remembers them as roots of their level. */
import type { Body, Node } from '../parse/tree.ts';
import { RECORD } from '../types/oids.ts';
import { inPhase } from './levels.ts';
import type { Expression, RootExpression, Scope } from './range-table.ts';
import type { Resolver } from './resolver.ts';
import { asBoolean } from './settle.ts';

/** Resolves an expression of a clause and remembers it as one of the level's. */
export function root(
  r: Resolver,
  node: Node,
  phase: RootExpression['phase'],
  scope: Scope,
  target?: Body<'ResTarget'>,
  sides?: RootExpression['sides'],
): Expression {
  const found = r.expression(node, inPhase(scope, phase));
  // An item of a list: the query around it may ask for the columns of the record.
  const record = target !== undefined && found.type === RECORD && 'FuncCall' in node;
  scope.level.roots.push({ node, phase, inFrom: false, record, scope, target, ...(sides && { sides }) });
  return found;
}

/** The same for a condition, which must be a truth. */
export function condition(
  r: Resolver,
  node: Node,
  phase: RootExpression['phase'],
  scope: Scope,
  place: string,
  sides?: RootExpression['sides'],
): void {
  asBoolean(r, node, root(r, node, phase, scope, undefined, sides), place);
}
