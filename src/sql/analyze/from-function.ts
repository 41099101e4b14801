/** Resolves functions in FROM, ROWS FROM, WITH ORDINALITY and XMLTABLE: the columns that they show. */

import { columnName } from '../colname.ts';
import type { Body, Node } from '../tree.ts';
import { as } from '../tree.ts';
import * as t from '../types/oids.ts';
import { rowRelation } from '../types/type.ts';
import { findCall } from './call.ts';
import { aliasColumns, enter } from './entries.ts';
import type { Entry, EntryColumn, Level, Scope } from './model.ts';
import type { Resolver } from './resolver.ts';
import { resolveTypeName } from './type-name.ts';

/** Functions in FROM see what stands to their left, as if LATERAL. */
function scopeOf(level: Level): Scope {
  return { level, entries: [...level.entries], outer: level.outer };
}

/** `tells`: what it is computed from carries a COLLATE, which fails where another meets it. */
function column(name: string, type: number, tells = false): EntryColumn {
  return { name, type, tells, access: 'granted' };
}

export function resolveRangeFunction(r: Resolver, body: Body<'RangeFunction'>, level: Level): Entry {
  const scope = scopeOf(level);
  const columns: EntryColumn[] = [];
  const alias = body.alias;
  const functions = (body.functions ?? []).map((f) => as(f, 'List')?.items ?? []);
  for (const [node, definitions] of functions) {
    if (!node) continue;
    const list = as(definitions, 'List')?.items ?? body.coldeflist ?? [];
    columns.push(...columnsOf(r, node, list, functions.length === 1 ? alias?.aliasname : undefined, scope));
  }
  if (body.ordinality) columns.push(column('ordinality', t.INT8));
  const name = alias?.aliasname ?? columnName(functions[0]?.[0] ?? ({ A_Star: {} } as Node));
  return enter(
    r,
    level,
    { name, schema: undefined, columns: aliasColumns(r, columns, alias, -1), source: { kind: 'function' } },
    -1,
  );
}

function columnsOf(
  r: Resolver,
  node: Node,
  definitions: readonly Node[],
  alias: string | undefined,
  scope: Scope,
): EntryColumn[] {
  const call = as(node, 'FuncCall');
  const finding = call ? findCall(r, call, scope) : { expression: r.expression(node, scope), resolved: undefined };
  r.marks.expressions.set(node, finding.expression);
  scope.level.roots.push({ node, phase: 'row', inFrom: true, scope, target: undefined });
  const collates = carriesCollation([node, definitions]);
  if (definitions.length > 0) {
    return definitions.map((d) => {
      const definition = as(d, 'ColumnDef')!;
      return column(
        definition.colname ?? '',
        definition.typeName ? resolveTypeName(r, definition.typeName) : t.UNTELLABLE,
        collates,
      );
    });
  }
  const { resolved } = finding;
  if (resolved?.kind === 'found' && resolved.outColumns.length > 1)
    return resolved.outColumns.map((c) => column(c.name, c.type, collates));
  const { type } = finding.expression;
  const relation = rowRelation(r.env.catalog, type);
  if (relation) return relation.columns.map((c) => column(c.name, c.type, collates));
  if (type === t.RECORD || (type === t.UNTELLABLE && resolved?.kind !== 'found')) {
    // Which columns it has cannot be told: names behind it could not be resolved.
    r.unsupported('a function in FROM of which the columns cannot be told', call?.location);
    return [];
  }
  const out = resolved?.kind === 'found' ? resolved.outColumns[0]?.name : undefined;
  return [column(alias ?? (out || columnName(node)), type, collates)];
}

function carriesCollation(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return 'CollateClause' in value || 'collClause' in value || Object.values(value).some(carriesCollation);
}

export function resolveTableFunction(r: Resolver, body: Body<'RangeTableFunc'>, level: Level): Entry {
  const scope = scopeOf(level);
  const read = (node: Node | undefined): void => {
    if (!node) return;
    r.expression(node, scope);
    level.roots.push({ node, phase: 'row', inFrom: false, scope, target: undefined });
  };
  read(body.docexpr);
  // Paths and column types may not fit the document: it is guarded whatever it is, or what stands beside it is.
  const document = body.docexpr && r.marks.expressions.get(body.docexpr);
  if (body.docexpr && document && !document.constant)
    r.marks.expressions.set(body.docexpr, { ...document, sound: false });
  else r.marks.fallible.push({ scope, afterRows: false });
  read(body.rowexpr);
  for (const namespace of body.namespaces ?? []) read(as(namespace, 'ResTarget')?.val);
  const columns = (body.columns ?? []).map((node) => {
    const definition = as(node, 'RangeTableFuncCol')!;
    read(definition.colexpr);
    read(definition.coldefexpr);
    if (definition.for_ordinality) return column(definition.colname ?? '', t.INT4);
    return column(
      definition.colname ?? '',
      definition.typeName ? resolveTypeName(r, definition.typeName) : t.UNTELLABLE,
    );
  });
  const alias = body.alias;

  return enter(
    r,
    level,
    {
      name: alias?.aliasname ?? 'xmltable',
      schema: undefined,
      columns: aliasColumns(r, columns, alias, -1),
      source: { kind: 'function' },
    },
    -1,
  );
}
