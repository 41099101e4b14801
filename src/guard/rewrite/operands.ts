/** The expressions directly below one, as the search for sites walks them. */
import type { Body, Node } from '../../sql/tree.ts';
import { as, kindOf } from '../../sql/tree.ts';

/** A call's arguments, behind the names that they may be given by. */
export function argumentsOf(node: Node): Node[] {
  return childrenOf(node).map((child) => as(child, 'NamedArgExpr')?.arg ?? child);
}

/** The nodes directly below, subqueries and window definitions left out: they have roots of their own. */
export function childrenOf(node: Node): Node[] {
  const kind = kindOf(node);
  const found: Node[] = [];
  for (const [field, value] of Object.entries(as(node, kind) as unknown as Body<'A_Expr'>)) {
    if (field === 'subselect' || field === 'over' || field === 'typeName' || field === 'funcname' || field === 'output')
      continue;
    collect(value, found);
  }
  return found;
}

function collect(value: unknown, found: Node[]): void {
  if (Array.isArray(value)) for (const item of value) collect(item, found);
  else if (typeof value === 'object' && value !== null) {
    const keys = Object.keys(value);
    if (keys.length === 1 && /^[A-Z]/.test(keys[0]!)) found.push(value as Node);
    else for (const inner of Object.values(value)) collect(inner, found);
  }
}
