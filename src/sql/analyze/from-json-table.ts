/** Resolves JSON_TABLE in FROM: the columns that it shows, and the document, paths and defaults that it reads. */
import type { Body, Node } from '../parse/tree.ts';
import { as } from '../parse/tree.ts';
import * as t from '../types/oids.ts';
import { aliasColumns, enter } from './entries.ts';
import { guardDocument } from './from-function.ts';
import type { QueryLevel, RangeTableColumn, RangeTableEntry, Scope } from './range-table.ts';
import type { Resolver } from './resolver.ts';
import { resolveBehavior, resolveDocument, resolvePassing, resolveResultType } from './sql-json.ts';

export function resolveJsonTable(r: Resolver, body: Body<'JsonTable'>, level: QueryLevel): RangeTableEntry {
  // Like functions in FROM, it sees the items to its left.
  const scope: Scope = { level, entries: [...level.entries], outer: level.outer };
  const document = body.context_item?.raw_expr;
  resolveDocument(r, body.context_item, scope);
  const inputs = [document, ...(body.passing ?? []).map((node) => as(node, 'JsonArgument')?.val?.raw_expr)];
  resolvePassing(r, body.passing, scope);
  for (const node of inputs) {
    if (node) level.roots.push({ node, phase: 'row', inFrom: false, scope, target: undefined });
  }
  guardDocument(r, document, scope);
  readPath(r, body.pathspec?.string, scope);
  const columns = columnsOf(r, body.columns ?? [], scope);
  return enter(
    r,
    level,
    {
      name: body.alias?.aliasname ?? 'json_table',
      schema: undefined,
      columns: aliasColumns(r, columns, body.alias, -1),
      source: { kind: 'function' },
    },
    -1,
  );
}

/** In the order in which the server shows them: those of NESTED are at its place. */
function columnsOf(r: Resolver, nodes: readonly Node[], scope: Scope): RangeTableColumn[] {
  return nodes.flatMap((node) => {
    const body = as(node, 'JsonTableColumn')!;
    readPath(r, body.pathspec?.string, scope);
    if (body.coltype === 'JTC_NESTED') return columnsOf(r, body.columns ?? [], scope);
    const type = body.typeName ? resolveResultType(r, body.typeName) : t.INT4;
    for (const behavior of [body.on_empty, body.on_error]) {
      resolveBehavior(r, behavior, type, scope);
      if (behavior?.expr)
        scope.level.roots.push({ node: behavior.expr, phase: 'row', inFrom: false, scope, target: undefined });
    }
    return [{ name: body.name ?? '', type, leaky: false, access: 'granted' }];
  });
}

function readPath(r: Resolver, path: Node | undefined, scope: Scope): void {
  if (path) r.expression(path, scope);
}
