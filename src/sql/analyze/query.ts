/** Resolves a SELECT, VALUES, TABLE or set operation into a QueryLevel, in the order in which PostgreSQL reads its clauses. */
import type { Oid } from '../catalog/catalog.ts';
import type { Body } from '../parse/tree.ts';
import { as } from '../parse/tree.ts';
import { coercion } from '../types/coercion.ts';
import { commonType } from '../types/common-type.ts';
import { UNKNOWN } from '../types/oids.ts';
import {
  resolveGroupItem,
  resolveLimit,
  resolveLocks,
  resolveOutputName,
  resolveOutputOrExpression,
  resolveSortKey,
  settleLiteral,
} from './clauses.ts';
import { refuseStars } from './column.ts';
import { resolveWith } from './cte.ts';
import { noteRows } from './fallible.ts';
import { resolveFrom } from './from.ts';
import { coercionCannotLeak } from './leakproof-expressions.ts';
import { newLevel } from './levels.ts';
import type { ExpressionPlace, QueryLevel, Scope } from './range-table.ts';
import type { Resolver } from './resolver.ts';
import { condition, root } from './root.ts';
import { settleNumber } from './settle.ts';
import { noteCoercion } from './stability.ts';
import { isLeaky, resolveTarget } from './target-list.ts';
import { resolveWindows } from './window.ts';

type Select = Body<'SelectStmt'>;

/** `afterLeft` hears of the first arm of a set operation before the second is read: how a recursive CTE learns its columns. */
export function resolveSelect(
  r: Resolver,
  select: Select,
  place: ExpressionPlace,
  afterLeft?: (left: QueryLevel) => void,
): QueryLevel {
  return r.deeper(
    () => resolveHere(r, select, place, afterLeft),
    () => newLevel(r, 'values', undefined, place),
  );
}

function resolveHere(
  r: Resolver,
  select: Select,
  place: ExpressionPlace,
  afterLeft?: (left: QueryLevel) => void,
): QueryLevel {
  if (select.intoClause)
    r.refuse('statement-not-allowed', '42501', 'permission denied for SELECT INTO', -1, {
      hint: 'CREATE TEMP TABLE makes what the policy declares; INSERT … SELECT fills it.',
    });
  const ctes = select.withClause ? resolveWith(r, select.withClause, place, select) : place.ctes;
  const inside: ExpressionPlace = { ...place, ctes };
  if (select.op !== undefined && select.op !== 'SETOP_NONE') return resolveSet(r, select, inside, afterLeft);
  if (select.valuesLists) return resolveValues(r, select, inside);
  return resolvePlain(r, select, inside);
}

function resolvePlain(r: Resolver, select: Select, place: ExpressionPlace): QueryLevel {
  const level = newLevel(r, 'select', select, place);
  resolveFrom(r, select.fromClause ?? [], level);
  const scope: Scope = { level, entries: level.entries, outer: level.outer };
  const targets = select.targetList ?? [];
  for (const node of targets) resolveTarget(r, node, scope, targets);
  if (select.whereClause) condition(r, select.whereClause, 'row', scope, 'WHERE');
  if (select.havingClause) {
    level.aggregated = true;
    condition(r, select.havingClause, 'group', scope, 'HAVING');
  }
  for (const sort of select.sortClause ?? []) resolveSortKey(r, sort, scope, targets);
  for (const item of select.groupClause ?? []) resolveGroupItem(r, item, scope, targets);
  for (const item of select.distinctClause ?? []) {
    if (Object.keys(item).length > 0) resolveOutputOrExpression(r, item, scope, targets, 'DISTINCT ON');
    else for (const index of level.outputs.keys()) settleLiteral(level, index);
  }
  resolveLimit(r, select, place, level);
  resolveWindows(r, select, scope);
  resolveLocks(r, select, level);
  return level;
}

function resolveValues(r: Resolver, select: Select, place: ExpressionPlace): QueryLevel {
  const level = newLevel(r, 'values', select, place);
  const scope: Scope = { level, entries: [], outer: place.outer };
  const columns: { types: Oid[]; leaky: boolean; untyped: number[] }[] = [];
  for (const list of select.valuesLists ?? []) {
    const items = as(list, 'List')?.items ?? [];
    refuseStars(r, items);
    items.forEach((node, i) => {
      const found = root(r, node, 'row', scope);
      columns[i] ??= { types: [], leaky: false, untyped: [] };
      columns[i].types.push(found.type);
      const parameter = as(node, 'ParamRef')?.number;
      if (parameter !== undefined && found.type === UNKNOWN) columns[i].untyped.push(parameter);
      columns[i].leaky ||= isLeaky(r, node);
    });
  }
  columns.forEach((c, i) => {
    const type = commonType(r.env.catalog, c.types);
    noteRows(r, type, c.types.length, scope);
    // Of the rows of an INSERT each value is one of its column.
    if (!place.open) for (const number of c.untyped) settleNumber(r, number, type);
    level.outputs.push({ name: `column${i + 1}`, type, leaky: c.leaky || converted(r, c.types, type), catalog: false });
  });
  for (const sort of select.sortClause ?? []) resolveOutputName(r, sort, level);
  resolveLimit(r, select, place, level);
  return level;
}

function resolveSet(
  r: Resolver,
  select: Select,
  place: ExpressionPlace,
  afterLeft?: (left: QueryLevel) => void,
): QueryLevel {
  const level = newLevel(r, 'set', select, place);
  const arm = (query: Select): ExpressionPlace => ({ ...place, open: query.valuesLists === undefined });
  const left = resolveSelect(r, select.larg!, arm(select.larg!));
  afterLeft?.(left);
  const right = resolveSelect(r, select.rarg!, arm(select.rarg!));
  (level.arms as QueryLevel[]).push(left, right);
  left.outputs.forEach((output, i) => {
    const other = right.outputs[i];
    const arms = other ? [output, other] : [output];
    // As the server does, the type is that of the arms that have one: by another, it would choose another function.
    const types = arms.map(({ untyped, literal, type }) => (untyped === undefined && !literal ? type : UNKNOWN));
    const type = other ? commonType(r.env.catalog, types) : output.type;
    for (const { untyped } of arms) if (untyped !== undefined) settleNumber(r, untyped, type);
    const converts = converted(r, types, type);
    noteRows(r, type, 2, { level, entries: [], outer: level.outer });
    level.outputs.push({
      name: output.name,
      type,
      leaky: arms.some((o) => o.leaky || o.collation !== undefined) || converts,
      catalog: output.catalog && other?.catalog === true,
    });
  });
  for (const sort of select.sortClause ?? []) resolveOutputName(r, sort, level);
  resolveLimit(r, select, place, level);
  if (select.lockingClause?.length)
    r.unsupported('FOR UPDATE with UNION/INTERSECT/EXCEPT', undefined, 'Lock in its arms.');
  return level;
}

/** Whether a column's way to the type that all arms or rows of it share can fail. */
function converted(r: Resolver, types: readonly Oid[], common: Oid): boolean {
  const ways = types.map((type) => coercion(r.env.catalog, type, common, 'implicit'));
  for (const way of ways) noteCoercion(r, way, -1);
  return !ways.every(coercionCannotLeak);
}
