/** Resolves what SQL/JSON builds of many rows: JSON_OBJECTAGG, JSON_ARRAYAGG and JSON_ARRAY of a query. All of it collects, and can fail. */
import type { Body, Node } from '../parse/tree.ts';
import { as } from '../parse/tree.ts';
import * as t from '../types/oids.ts';
import { inPhase } from './levels.ts';
import type { Expression, Scope } from './range-table.ts';
import type { Resolver } from './resolver.ts';
import { asBoolean } from './settle.ts';
import { resolveOutput } from './sql-json.ts';
import { UNTOLD } from './structure.ts';
import { checkOrder, laterWindow, sortKey } from './window.ts';

type Constructor = NonNullable<Body<'JsonArrayAgg'>['constructor']>;

export function resolveJsonObjectAgg(r: Resolver, body: Body<'JsonObjectAgg'>, scope: Scope): Expression {
  return aggregate(r, 'JSON_OBJECTAGG', ownConstructor(body), [body.arg?.key, body.arg?.value?.raw_expr], scope);
}

export function resolveJsonArrayAgg(r: Resolver, body: Body<'JsonArrayAgg'>, scope: Scope): Expression {
  return aggregate(r, 'JSON_ARRAYAGG', ownConstructor(body), [body.arg?.raw_expr], scope);
}

/** Every object has a `constructor`; the tree's own is a field. */
function ownConstructor(body: object): Constructor {
  return (Object.hasOwn(body, 'constructor') ? body.constructor : {}) as Constructor;
}

function aggregate(
  r: Resolver,
  what: string,
  made: Constructor,
  args: readonly (Node | undefined)[],
  scope: Scope,
): Expression {
  const { level } = scope;
  const inside: Scope = made.over ? scope : inPhase(scope, 'row');
  const before = r.touched.length;
  for (const arg of args) if (arg) r.expression(arg, inside);
  for (const sort of made.agg_order ?? []) checkOrder(r, sort, r.expression(sortKey(sort), inside).type);
  const filter = made.agg_filter;
  if (filter) asBoolean(r, filter, r.expression(filter, inside), 'FILTER');
  const touched = new Set(r.touched.slice(before));
  r.uses.push({ kind: 'collects', what, level, at: r.at(made.location) });
  r.marks.fallible.push({ scope: { level, entries: level.entries, outer: level.outer }, afterRows: true });
  const type = made.output ? resolveOutput(r, made.output) : t.JSON_TYPE;
  if (made.over) {
    laterWindow(r, made.over, scope);
    return { type, leakproof: true, constant: false, barrier: 'window' };
  }
  if (touched.size > 0 && !touched.has(level))
    r.unsupported('an aggregate of an outer query', made.location, 'Aggregate in a query in FROM.');
  level.aggregated = true;
  return { type, leakproof: true, constant: false, barrier: 'aggregate', namesOwn: touched.has(level) };
}

export function resolveJsonArrayQuery(
  r: Resolver,
  body: Body<'JsonArrayQueryConstructor'>,
  scope: Scope,
  node: Node,
): Expression {
  const select = as(body.query, 'SelectStmt');
  if (!select) {
    r.unsupported('this subquery', body.location);
    return UNTOLD;
  }
  const level = r.select(select, { outer: scope, ctes: scope.level.ctes });
  r.marks.sublinks.set(node, level);
  scope.level.subqueries.push(level);
  r.uses.push({ kind: 'collects', what: 'JSON_ARRAY of a query', level, at: r.at(body.location) });
  const type = body.output ? resolveOutput(r, body.output) : t.JSON_TYPE;
  return { type, leakproof: false, constant: false, barrier: 'subquery' };
}
