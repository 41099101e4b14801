/** Resolves the FROM clause: its items from left to right, each of which makes names visible. */
import { as, type Body, kindOf, type Node } from '../parse/tree.ts';
import * as t from '../types/oids.ts';
import { aliasColumns, enter, refuseTwins } from './entries.ts';
import { guardDocument, resolveRangeFunction, resolveTableFunction } from './from-function.ts';
import { resolveJoin } from './join.ts';
import { namedFromRight, reaches } from './levels.ts';
import type { QueryLevel, RangeTableColumn, RangeTableEntry, Scope } from './range-table.ts';
import { resolveRangeVar } from './range-var.ts';
import type { Resolver } from './resolver.ts';
import { drawnSample, noteSample, sampleMethod } from './sample.ts';
import { resolveBehavior, resolveDocument, resolvePassing, resolveResultType } from './sql-json.ts';

/** Reads FROM items from left to right into `level.entries`. */
export function resolveFrom(r: Resolver, nodes: readonly Node[], level: QueryLevel): void {
  for (const node of nodes) {
    const before = level.entries.length;
    const added = resolveItem(r, node, level);
    refuseTwins(r, level.entries.slice(0, before), added);
  }
}

/** One item; what it makes visible is pushed to `level.entries` and returned: of a join, the join's entry last. */
export function resolveItem(r: Resolver, node: Node, level: QueryLevel): RangeTableEntry[] {
  return r.deeper(
    () => itemOf(r, node, level),
    () => [],
  );
}

function itemOf(r: Resolver, node: Node, level: QueryLevel): RangeTableEntry[] {
  const kind = kindOf(node);
  switch (kind) {
    case 'RangeVar':
      return one(resolveRangeVar(r, node, level));
    case 'RangeSubselect':
      return one(resolveSubselect(r, as(node, 'RangeSubselect')!, level));
    case 'RangeFunction':
      return one(resolveRangeFunction(r, node, level));
    case 'RangeTableFunc':
      return one(resolveTableFunction(r, as(node, 'RangeTableFunc')!, level));
    case 'JsonTable':
      return one(resolveJsonTable(r, as(node, 'JsonTable')!, level));
    case 'RangeTableSample': {
      const body = as(node, 'RangeTableSample')!;
      const entry = resolveRangeVar(r, body.relation!, level);
      const scope: Scope = { level, entries: [], outer: level.outer };
      const args = [...(body.args ?? []), ...(body.repeatable ? [body.repeatable] : [])];
      for (const arg of args) r.expression(arg, scope);
      const method = sampleMethod(body);
      // A method is a function.
      if (!['bernoulli', 'system'].includes(method))
        r.unsupported(`TABLESAMPLE ${method}`, body.location, 'Write BERNOULLI or SYSTEM.');
      const relation = entry?.source.kind === 'relation' ? entry.source.view.relation : undefined;
      if (entry && !'rpm'.includes(relation?.kind ?? ' '))
        r.refuse('unsupported', '0A000', ONLY_TABLES, r.at(body.location));
      else if (entry && relation) {
        const drawn = drawnSample(body);
        if (!drawn) noteSample(r, args, scope);
        r.marks.samples.set(entry, { node, drawn });
        r.uses.push({ kind: 'sample', relation, drawn, at: r.at(body.location) });
      }
      return one(entry);
    }
    case 'JoinExpr': {
      const body = as(node, 'JoinExpr')!;
      level.joins += 1;
      const left = resolveItem(r, body.larg!, level);
      const right = resolveItem(r, body.rarg!, level);
      level.joins -= 1;
      refuseTwins(r, left, right);
      return resolveJoin(r, body, level, left, right);
    }
    default:
      r.unsupported(`${kind} in FROM`, undefined);
      return [];
  }
}

const ONLY_TABLES = 'TABLESAMPLE clause can only be applied to tables and materialized views';

function one(entry: RangeTableEntry | undefined): RangeTableEntry[] {
  return entry ? [entry] : [];
}

function resolveSubselect(r: Resolver, body: Body<'RangeSubselect'>, level: QueryLevel): RangeTableEntry | undefined {
  const select = as(body.subquery, 'SelectStmt');
  if (!select) {
    r.unsupported('this subquery', undefined);
    return undefined;
  }
  const outer: Scope | undefined = body.lateral
    ? { level, entries: namedFromRight(level), outer: level.outer }
    : level.outer;
  const before = r.marks.levels.length;
  const inner = r.select(select, { outer, ctes: level.ctes });
  // INVARIANT 165: it may be read for rows to its left before their row filter has left them out, and other sessions see what it has locked.
  if (body.lateral && r.marks.levels.slice(before).some((one) => one.select?.lockingClause))
    r.unsupported('FOR UPDATE in LATERAL', undefined, 'Lock in a statement of its own.');
  const columns: RangeTableColumn[] = inner.outputs.map((o) => ({
    name: o.name,
    type: o.type,
    leaky: o.leaky,
    access: 'granted',
    catalog: o.catalog,
    collation: o.collation,
  }));
  const entry = enter(
    r,
    level,
    {
      name: body.alias?.aliasname,
      schema: undefined,
      columns: aliasColumns(r, columns, body.alias, -1),
      source: { kind: 'query', level: inner },
    },
    -1,
  );
  if (body.alias) r.marks.aliased.push({ body, entry });
  if (reaches(inner)) entry.guard = r.newGuard(entry);
  return entry;
}

/** Resolves JSON_TABLE in FROM: the columns that it shows, and the document, paths and defaults that it reads. */
function resolveJsonTable(r: Resolver, body: Body<'JsonTable'>, level: QueryLevel): RangeTableEntry {
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
