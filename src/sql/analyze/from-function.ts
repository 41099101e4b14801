/** Resolves functions in FROM, ROWS FROM, WITH ORDINALITY and XMLTABLE: the columns that they show. */

import type { Body, Node } from '../parse/tree.ts';
import { as, kindOf, partsOf, stringOf, strings } from '../parse/tree.ts';
import { columnName } from '../text/column-name.ts';
import { resolveFunction } from '../types/function.ts';
import * as t from '../types/oids.ts';
import { rowRelation } from '../types/type.ts';
import { findCall } from './call.ts';
import { collationsIn, declaredCollation, hasNoCollation } from './collation.ts';
import { aliasColumns, enter } from './entries.ts';
import { namedFromRight } from './levels.ts';
import type { QueryLevel, RangeTableColumn, RangeTableEntry, Scope } from './range-table.ts';
import type { Resolver } from './resolver.ts';
import { settleParameter } from './settle.ts';
import { resolveTypeName } from './type-name.ts';

/** Functions in FROM see the items to their left, as if LATERAL. */
function scopeOf(level: QueryLevel): Scope {
  return { level, entries: namedFromRight(level), outer: level.outer };
}

/** `leaky`: what it is computed from brings a collation, which fails where another meets it. */
function column(name: string, type: number, leaky = false): RangeTableColumn {
  return { name, type, leaky, access: 'granted' };
}

export function resolveRangeFunction(r: Resolver, node: Node, level: QueryLevel): RangeTableEntry {
  const body = as(node, 'RangeFunction')!;
  const scope = scopeOf(level);
  const columns: RangeTableColumn[] = [];
  const alias = body.alias;
  const functions = (body.functions ?? []).map((f) => as(f, 'List')?.items ?? []);
  let scalar = functions.length === 1 && !body.ordinality;
  for (const [called, definitions] of functions) {
    if (!called) continue;
    const list = as(definitions, 'List')?.items ?? body.coldeflist ?? [];
    const several = list.length === 0 ? unnestOfSeveral(called) : undefined;
    if (several) {
      columns.push(...unnested(r, called, several, scope));
      scalar = false;
      continue;
    }
    const found = columnsOf(r, called, list, functions.length === 1 ? alias?.aliasname : undefined, scope);
    columns.push(...found.columns);
    scalar &&= found.scalar;
  }
  if (body.ordinality) columns.push(column('ordinality', t.INT8));
  const name = alias?.aliasname ?? columnName(functions[0]?.[0] ?? ({ A_Star: {} } as Node));
  return enter(
    r,
    level,
    {
      name,
      schema: undefined,
      columns: aliasColumns(r, columns, alias, -1),
      source: { kind: 'function', scalar, node },
    },
    -1,
  );
}

/** `unnest(a, b)` without a schema is `ROWS FROM (unnest(a), unnest(b))` of the server's own unnest (manual, section 9.19). */
function unnestOfSeveral(node: Node): Body<'FuncCall'> | undefined {
  const call = as(node, 'FuncCall');
  if (call?.funcname?.length !== 1 || stringOf(call.funcname[0]) !== 'unnest') return undefined;
  const { args, agg_order, agg_filter, over, agg_star, agg_distinct, agg_within_group, func_variadic } = call;
  const plain = !agg_order?.length && !agg_filter && !over && !agg_star && !agg_distinct && !agg_within_group;
  return plain && !func_variadic && (args?.length ?? 0) > 1 ? call : undefined;
}

function unnested(r: Resolver, node: Node, call: Body<'FuncCall'>, scope: Scope): RangeTableColumn[] {
  r.read.add(call);
  const at = r.at(call.location);
  const columns = (call.args ?? []).map((arg) => {
    const { type } = r.expression(arg, scope);
    const resolved = resolveFunction(r.env.catalog, r.env.searchPath, { schema: 'pg_catalog', name: 'unnest' }, [type]);
    if (resolved.kind !== 'found' || resolved.fn.args[0] !== t.ANYARRAY || kindOf(arg) === 'NamedArgExpr') {
      r.unsupported('unnest of several values that are not all arrays', call.location, 'Cast each to its type.');
      return column('unnest', t.UNTELLABLE);
    }
    r.uses.push({ kind: 'function', name: 'unnest', candidates: [resolved.fn], literals: () => [], at });
    settleParameter(r, arg, resolved.argTypes[0] ?? t.UNTELLABLE);
    return column('unnest', resolved.result, bringsCollation(r, arg));
  });
  // Of arrays it cannot fail.
  r.marks.expressions.set(node, { type: t.RECORD, leakproof: true, constant: false, barrier: 'set-returning' });
  scope.level.roots.push({ node, phase: 'row', inFrom: true, scope, target: undefined });
  return columns;
}

function columnsOf(
  r: Resolver,
  node: Node,
  definitions: readonly Node[],
  alias: string | undefined,
  scope: Scope,
): { readonly columns: RangeTableColumn[]; readonly scalar: boolean } {
  const call = as(node, 'FuncCall');
  const finding = call ? findCall(r, call, scope) : { expression: r.expression(node, scope), resolved: undefined };
  r.marks.expressions.set(node, finding.expression);
  scope.level.roots.push({ node, phase: 'row', inFrom: true, scope, target: undefined });
  const collates = bringsCollation(r, [node, definitions]);
  if (definitions.length > 0) {
    return rows(
      definitions.map((d) => {
        const definition = as(d, 'ColumnDef')!;
        const { collname, location } = definition.collClause ?? {};
        if (collname) r.marks.collationNames.push({ names: strings(collname), at: r.at(location) });
        return column(
          definition.colname ?? '',
          definition.typeName ? resolveTypeName(r, definition.typeName) : t.UNTELLABLE,
          collates,
        );
      }),
    );
  }
  const { resolved } = finding;
  if (resolved?.kind === 'found' && resolved.outColumns.length > 1)
    return rows(resolved.outColumns.map((c) => column(c.name, c.type, collates)));
  const { type } = finding.expression;
  const relation = rowRelation(r.env.catalog, type);
  if (relation)
    return rows(relation.columns.map((c) => column(c.name, c.type, collates || declaredCollation(c) !== undefined)));
  if (type === t.RECORD || (type === t.UNTELLABLE && resolved?.kind !== 'found')) {
    // Its columns cannot be determined: later names could not be resolved.
    r.unsupported(
      'a function in FROM of which the columns cannot be told',
      call?.location,
      'Write AS alias (column type, …).',
    );
    return rows([]);
  }
  const out = resolved?.kind === 'found' ? resolved.outColumns[0]?.name : undefined;
  // The name of a single OUT parameter goes before the alias: `jsonb_array_elements(j) AS e` has the column `e.value`.
  const leaky = collates && !hasNoCollation(r.env.catalog, type);
  return { columns: [column(out || (alias ?? columnName(node)), type, leaky)], scalar: true };
}

function rows(columns: RangeTableColumn[]): { readonly columns: RangeTableColumn[]; readonly scalar: false } {
  return { columns, scalar: false };
}

function bringsCollation(r: Resolver, value: unknown): boolean {
  return carriesCollation(value) || collationsIn(r, value).size > 0;
}

function carriesCollation(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return 'CollateClause' in value || 'collClause' in value || partsOf(value).some(carriesCollation);
}

/** Paths and column types may not fit the document of XMLTABLE or JSON_TABLE. So the document counts as leaky; if it is constant, the whole item does. */
export function guardDocument(r: Resolver, node: Node | undefined, scope: Scope): void {
  const document = node && r.marks.expressions.get(node);
  if (node && document && !document.constant) r.marks.expressions.set(node, { ...document, leakproof: false });
  else r.marks.fallible.push({ scope, afterRows: false });
}

export function resolveTableFunction(r: Resolver, body: Body<'RangeTableFunc'>, level: QueryLevel): RangeTableEntry {
  const scope = scopeOf(level);
  const read = (node: Node | undefined): void => {
    if (!node) return;
    r.expression(node, scope);
    level.roots.push({ node, phase: 'row', inFrom: false, scope, target: undefined });
  };
  read(body.docexpr);
  guardDocument(r, body.docexpr, scope);
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
