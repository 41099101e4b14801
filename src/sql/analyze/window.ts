/** Resolves windows, and the sort keys that they share with queries and aggregates. */
import type { Body, Node } from '../tree.ts';
import { as } from '../tree.ts';
import { noteCount } from './fallible.ts';
import type { Scope } from './model.ts';
import type { Resolver } from './resolver.ts';
import { root } from './root.ts';

/** PARTITION BY, ORDER BY and frame offsets of a window. */
export function resolveWindow(r: Resolver, window: Body<'WindowDef'>, scope: Scope): void {
  for (const node of window.partitionClause ?? []) root(r, node, 'group', scope);
  for (const node of window.orderClause ?? []) root(r, sortKey(r, node), 'group', scope);
  for (const node of [window.startOffset, window.endOffset]) {
    if (!node) continue;
    root(r, node, 'group', scope);
    noteCount(r, node, scope.level);
  }
}

/** The expression of an ORDER BY item. INVARIANT: USING an operator runs functions that nobody has judged. */
export function sortKey(r: Resolver, sort: Node): Node {
  const key = as(sort, 'SortBy')!;
  if (key.useOp && key.useOp.length > 0) r.unsupported('ORDER BY … USING', key.location);
  return key.node!;
}
