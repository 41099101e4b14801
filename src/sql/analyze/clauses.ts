/** Resolves the clauses of a query after its list: ORDER BY, GROUP BY, LIMIT, FOR UPDATE. */

import type { Oid } from '../catalog/catalog.ts';
import type { Body, Node } from '../parse/tree.ts';
import { as, kindOf, stringOf } from '../parse/tree.ts';
import { columnName } from '../text/column-name.ts';
import { coercion } from '../types/coercion.ts';
import { INT8, UNKNOWN, UNTELLABLE } from '../types/oids.ts';
import { findColumns } from './column.ts';
import { noteCount } from './fallible.ts';
import { inPhase, newLevel } from './levels.ts';
import type { ExpressionPlace, QueryLevel, Scope } from './range-table.ts';
import type { Resolver } from './resolver.ts';
import { root } from './root.ts';
import { noteCoercion } from './stability.ts';
import { checkOrder, sortKey } from './window.ts';

/** An ORDER BY item of a plain SELECT. */
export function resolveSortKey(r: Resolver, sort: Node, scope: Scope, targets: readonly Node[]): void {
  checkOrder(r, sort, resolveOutputOrExpression(r, sortKey(sort), scope, targets, 'ORDER BY'));
}

/** ORDER BY and DISTINCT ON: an output column's name or number before an expression over input columns. Its type. */
export function resolveOutputOrExpression(
  r: Resolver,
  node: Node,
  scope: Scope,
  targets: readonly Node[],
  clause: 'ORDER BY' | 'DISTINCT ON',
): Oid {
  const index = outputIndex(r, node, targets, scope.level, clause);
  if (index === undefined) return root(r, node, 'group', scope).type;
  settleLiteral(scope.level, index);
  return scope.level.outputs[index]?.type ?? UNTELLABLE;
}

/** An untyped literal by which rows are sorted, grouped or told apart is text from then on, as for the server: no other arm of a set operation types it. */
export function settleLiteral({ outputs }: QueryLevel, index: number): void {
  const output = outputs[index];
  if (output?.literal) outputs[index] = { ...output, literal: false };
}

/** ORDER BY of a set operation or VALUES: only names and numbers of output columns. */
export function resolveOutputName(r: Resolver, sort: Node, level: QueryLevel): void {
  const index = outputIndex(r, sortKey(sort), [], level, 'ORDER BY');
  if (index !== undefined) checkOrder(r, sort, level.outputs[index]?.type ?? UNTELLABLE);
  else {
    r.refuse(
      'unsupported',
      '0A000',
      'ORDER BY of UNION, INTERSECT, EXCEPT or VALUES takes names of output columns only',
      r.at(as(sort, 'SortBy')?.location),
    );
  }
}

function outputIndex(
  r: Resolver,
  node: Node,
  targets: readonly Node[],
  level: QueryLevel,
  clause: string,
): number | undefined {
  const place = placeOf(r, node, level, clause);
  if (place !== undefined) return place;
  const fields = as(node, 'ColumnRef')?.fields;
  const name = fields?.length === 1 ? stringOf(fields[0]) : undefined;
  if (name === undefined) return undefined;
  const index = level.outputs.findIndex((o) => o.name === name);
  if (index < 0 || (targets.length === 0 && level.kind === 'select')) return undefined;
  r.read.add(as(node, 'ColumnRef')!);
  return index;
}

/** A number that names an output column. It must be one of the client's own columns: the guard's may follow. */
function placeOf(r: Resolver, node: Node, level: QueryLevel, clause: string): number | undefined {
  const constant = as(node, 'A_Const');
  if (!constant?.ival) return undefined;
  const { ival: number = 0 } = constant.ival;
  if (number < 1 || number > level.outputs.length) {
    const message = `${clause} position ${number} is not in select list`;
    r.refuse('unsupported', '42P10', message, r.at(constant.location));
  }
  return number - 1;
}

/** One item of GROUP BY; its keys are remembered in the level. */
export function resolveGroupItem(r: Resolver, item: Node, scope: Scope, targets: readonly Node[]): void {
  const { level } = scope;
  level.aggregated = true;
  const set = as(item, 'GroupingSet');
  if (set) {
    level.groupingSets = true;
    for (const inner of set.content ?? []) resolveGroupItem(r, inner, scope, targets);
    return;
  }
  const row = as(item, 'RowExpr');
  if (row && row.row_format === 'COERCE_IMPLICIT_CAST') {
    for (const inner of row.args ?? []) resolveGroupItem(r, inner, scope, targets);
    return;
  }
  const named = groupTarget(r, item, scope, targets);
  if (named) {
    const reference = as(item, 'ColumnRef');
    if (reference) r.read.add(reference);
    const number = as(item, 'A_Const')?.ival?.ival;
    const name = stringOf(reference?.fields?.[0]);
    settleLiteral(level, number === undefined ? level.outputs.findIndex((o) => o.name === name) : number - 1);
    level.groupKeys.push(named);
    return;
  }
  level.groupKeys.push(item);
  // A subquery in it is read as in the select list, which contains it again: both are wrapped whole.
  r.expression(item, inPhase(scope, 'group'));
  level.roots.push({ node: item, phase: 'row', inFrom: false, scope, target: undefined });
}

/** GROUP BY 1 and GROUP BY name: an input column's name goes before an output's. */
function groupTarget(r: Resolver, item: Node, scope: Scope, targets: readonly Node[]): Node | undefined {
  const place = placeOf(r, item, scope.level, 'GROUP BY');
  if (place !== undefined) return targetAt(targets, place);
  const fields = as(item, 'ColumnRef')?.fields;
  const name = fields?.length === 1 ? stringOf(fields[0]) : undefined;
  if (name === undefined || findColumns(scope.entries, name).length > 0) return undefined;
  for (const node of targets) {
    const target = as(node, 'ResTarget');
    if (target?.val && (target.name ?? columnName(target.val)) === name) return target.val;
  }
  return undefined;
}

/** The expression at a place of the list; undefined after a star, where the tree alone does not tell the place. */
function targetAt(targets: readonly Node[], index: number): Node | undefined {
  // Not up to `index`: it is the client's, and may be two thousand millions.
  for (const target of targets.slice(0, Math.max(0, index + 1))) {
    const value = as(target, 'ResTarget')?.val;
    const fields = as(value, 'ColumnRef')?.fields;
    if (fields && kindOf(fields.at(-1)!) === 'A_Star') return undefined;
  }
  return as(targets[index], 'ResTarget')?.val;
}

/** LIMIT and OFFSET, which see no column of the query itself. */
export function resolveLimit(r: Resolver, select: Body<'SelectStmt'>, place: ExpressionPlace, level: QueryLevel): void {
  const empty = newLevel(r, 'values', undefined, place);
  const { limitCount: count, limitOffset: offset } = select;
  // The first to name a parameter settles its type.
  const isCountFirst = r.env.catalog.data.serverVersion >= 150_000;
  for (const node of isCountFirst ? [count, offset] : [offset, count]) {
    if (!node) continue;
    const found = r.expression(node, { level: empty, entries: [], outer: place.outer });
    noteCount(r, node, level);
    const parameter = as(node, 'ParamRef')?.number;
    if (parameter !== undefined && found.type === UNKNOWN) r.settle(parameter, INT8);
    noteCoercion(r, coercion(r.env.catalog, found.type, INT8, 'assignment'), -1);
  }
}

/** FOR UPDATE, FOR SHARE and similar: each locked relation is used by it. */
export function resolveLocks(r: Resolver, select: Body<'SelectStmt'>, level: QueryLevel): void {
  for (const node of select.lockingClause ?? []) {
    const names = (as(node, 'LockingClause')?.lockedRels ?? []).map((n) => as(n, 'RangeVar')!);
    const wanted = level.entries.filter((e) => names.length === 0 || names.some((n) => n.relname === e.name));
    for (const name of names) {
      r.read.add(name);
      if (name.schemaname || !wanted.some((e) => e.name === name.relname)) {
        r.refuse(
          'relation-unknown',
          '42P01',
          `relation "${name.relname}" in FOR UPDATE clause not found in FROM clause`,
          r.at(name.location),
        );
      }
    }
    for (const entry of wanted) lock(r, entry);
  }
}

function lock(r: Resolver, entry: QueryLevel['entries'][number]): void {
  if (entry.source.kind === 'relation') {
    const at = r.at(as(entry.source.node, 'RangeVar')?.location);
    r.uses.push({ kind: 'relation', relation: entry.source.view.relation, action: 'lock', at });
  } else if (entry.source.kind === 'query') for (const inner of entry.source.level.entries) lock(r, inner);
}
