/** Resolves windows, and the sort keys that they share with queries and aggregates. */
import type { Body, Node } from '../parse/tree.ts';
import { as } from '../parse/tree.ts';
import { noteCount } from './fallible.ts';
import type { Scope } from './range-table.ts';
import type { Resolver } from './resolver.ts';
import { root } from './root.ts';

/** A window that stands with its call. */
export function laterWindow(r: Resolver, window: Body<'WindowDef'>, scope: Scope): void {
  r.windows.push({ window, scope });
}

/** The windows of a query, the last of it: those of WINDOW, then those of its calls. What no query takes up is refused as unread. */
export function resolveWindows(r: Resolver, select: Body<'SelectStmt'>, scope: Scope): void {
  for (const window of select.windowClause ?? []) resolveWindow(r, as(window, 'WindowDef')!, scope);
  for (const later of r.windows) if (later.scope.level === scope.level) resolveWindow(r, later.window, later.scope);
}

/** ORDER BY, PARTITION BY and frame offsets of a window, in the server's order. */
function resolveWindow(r: Resolver, window: Body<'WindowDef'>, scope: Scope): void {
  for (const node of window.orderClause ?? []) root(r, sortKey(r, node), 'group', scope);
  for (const node of window.partitionClause ?? []) root(r, node, 'group', scope);
  for (const node of [window.startOffset, window.endOffset]) {
    if (!node) continue;
    root(r, node, 'group', scope);
    noteCount(r, node, scope.level);
  }
}

/** The expression of an ORDER BY item. USING an operator runs functions that nobody has judged. */
export function sortKey(r: Resolver, sort: Node): Node {
  const key = as(sort, 'SortBy')!;
  if (key.useOp && key.useOp.length > 0) r.unsupported('ORDER BY … USING', key.location);
  return key.node!;
}
