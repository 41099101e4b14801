/** Resolves windows, and the sort keys that they share with queries and aggregates. */

import type { Oid } from '../catalog/catalog.ts';
import type { Body, Node } from '../parse/tree.ts';
import { as, strings } from '../parse/tree.ts';
import { TEXT, UNKNOWN } from '../types/oids.ts';
import { resolveOperator } from '../types/operator.ts';
import type { QualifiedName } from '../types/path.ts';
import { sortFunctions } from '../types/sort.ts';
import { noteCount } from './fallible.ts';
import type { Scope } from './range-table.ts';
import type { Resolver } from './resolver.ts';
import { root } from './root.ts';

/** A window that is defined in its call. */
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
  for (const node of window.orderClause ?? []) checkOrder(r, node, root(r, sortKey(node), 'group', scope).type);
  for (const node of window.partitionClause ?? []) root(r, node, 'group', scope);
  for (const node of [window.startOffset, window.endOffset]) {
    if (!node) continue;
    root(r, node, 'group', scope);
    noteCount(r, node, scope.level);
  }
}

/** The expression of an ORDER BY item. Once its type is known, `checkOrder` is to be asked of its USING. */
export function sortKey(sort: Node): Node {
  return as(sort, 'SortBy')!.node!;
}

/** The server's own `~<~` and `~>~` of text and bpchar: they compare bytes, as in the collation "C", and cannot fail. */
const BYTEWISE: ReadonlySet<Oid> = new Set([2314, 2318, 2326, 2330]);

/**
 * An operator behind USING must be the one that ASC or DESC would use for the type, or compare bytes, which is known to be as safe as they are. Any other
 * operator runs functions that were not judged.
 */
export function checkOrder(r: Resolver, sort: Node, type: Oid): void {
  const { useOp, location } = as(sort, 'SortBy')!;
  if (!useOp?.length) return;
  const parts = strings(useOp);
  const name: QualifiedName = parts.length > 1 ? { schema: parts[0]!, name: parts[1]! } : { name: parts[0] ?? '' };
  const { catalog, searchPath } = r.env;
  // As a key, a literal without a type is text.
  const sorted = type === UNKNOWN ? TEXT : type;
  const resolved = parts.length > 2 ? undefined : resolveOperator(catalog, searchPath, name, sorted, sorted);
  const order = sortFunctions(catalog, sorted);
  const operator = resolved?.kind === 'found' ? resolved.operator : undefined;
  if (operator && (operator === order?.less || operator === order?.greater || BYTEWISE.has(operator.oid))) return;
  r.unsupported(
    `ORDER BY … USING ${parts.join('.')}, which is not the type's own order,`,
    location,
    'Write ASC or DESC.',
  );
}
