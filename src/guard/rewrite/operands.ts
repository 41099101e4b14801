/** The expressions directly below one, as the search for sites walks them. */
import type { Body, Node } from '../../sql/parse/tree.ts';
import { as, kindOf } from '../../sql/parse/tree.ts';

/** A call's arguments, without the names by which they may be given. */
export function argumentsOf(node: Node): Node[] {
  return childrenOf(node).map((child) => as(child, 'NamedArgExpr')?.arg ?? child);
}

/** The nodes directly below, subqueries and window definitions left out: they have roots of their own. */
export function childrenOf(node: Node): Node[] {
  const kind = kindOf(node);
  if (kind === 'A_Const') return [];
  const found: Node[] = [];
  collectFields(as(node, kind) as unknown as Body<'A_Expr'>, found);
  return found;
}

const PASSED_OVER: ReadonlySet<string> = new Set(['subselect', 'over', 'typeName', 'funcname', 'output']);

function collectFields(body: object, found: Node[]): void {
  for (const [field, value] of Object.entries(body)) if (!PASSED_OVER.has(field)) collect(value, found);
}

function collect(value: unknown, found: Node[]): void {
  if (Array.isArray(value)) for (const item of value) collect(item, found);
  else if (typeof value === 'object' && value !== null) {
    const keys = Object.keys(value);
    if (keys.length === 1 && /^[A-Z]/.test(keys[0]!)) found.push(value as Node);
    else collectFields(value, found);
  }
}
