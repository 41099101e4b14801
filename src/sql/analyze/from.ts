/** Resolves the FROM clause: its items from left to right, each of which makes names visible. */
import type { Body, Node } from '../tree.ts';
import { as, kindOf, strings } from '../tree.ts';
import { resolveExpression } from './expression.ts';
import { noteSample } from './fallible.ts';
import { resolveRangeFunction, resolveTableFunction } from './from-function.ts';
import { resolveJoin } from './join.ts';
import type { Entry, EntryColumn, Level, Scope } from './model.ts';
import { resolveSelect } from './query.ts';
import { resolveRangeVar } from './range-var.ts';
import type { Resolver } from './resolver.ts';

/** Reads FROM items from left to right into `level.entries`. */
export function resolveFrom(r: Resolver, nodes: readonly Node[], level: Level): void {
  for (const node of nodes) resolveItem(r, node, level);
}

/** One item; what it makes visible is pushed to `level.entries` and returned: of a join, the join's entry last. */
export function resolveItem(r: Resolver, node: Node, level: Level): Entry[] {
  return r.deeper(
    () => itemOf(r, node, level),
    () => [],
  );
}

function itemOf(r: Resolver, node: Node, level: Level): Entry[] {
  const kind = kindOf(node);
  switch (kind) {
    case 'RangeVar':
      return one(resolveRangeVar(r, node, level));
    case 'RangeSubselect':
      return one(resolveSubselect(r, as(node, 'RangeSubselect')!, level));
    case 'RangeFunction':
      return one(resolveRangeFunction(r, as(node, 'RangeFunction')!, level));
    case 'RangeTableFunc':
      return one(resolveTableFunction(r, as(node, 'RangeTableFunc')!, level));
    case 'RangeTableSample': {
      const body = as(node, 'RangeTableSample')!;
      const entry = resolveRangeVar(r, body.relation!, level);
      const scope: Scope = { level, entries: [], outer: level.outer };
      const args = [...(body.args ?? []), ...(body.repeatable ? [body.repeatable] : [])];
      for (const arg of args) resolveExpression(r, arg, scope);
      noteSample(r, args, scope);
      const method = strings(body.method).filter((name, i) => i > 0 || name !== 'pg_catalog');
      // INVARIANT: a method is a function.
      if (!['bernoulli', 'system'].includes(method.join('.')))
        r.unsupported(`TABLESAMPLE ${method.join('.')}`, body.location);
      if (entry?.source.kind === 'relation') {
        r.uses.push({ kind: 'sample', relation: entry.source.view.relation, at: r.at(body.location) });
      }
      return one(entry);
    }
    case 'JoinExpr':
      return resolveJoin(r, as(node, 'JoinExpr')!, level);
    default:
      r.unsupported(`${kind} in FROM`, undefined);
      return [];
  }
}

function one(entry: Entry | undefined): Entry[] {
  return entry ? [entry] : [];
}

function resolveSubselect(r: Resolver, body: Body<'RangeSubselect'>, level: Level): Entry | undefined {
  const select = as(body.subquery, 'SelectStmt');
  if (!select) {
    r.unsupported('this subquery', undefined);
    return undefined;
  }
  const outer: Scope | undefined = body.lateral
    ? { level, entries: [...level.entries], outer: level.outer }
    : level.outer;
  const inner = resolveSelect(r, select, { outer, ctes: level.ctes });
  const columns: EntryColumn[] = inner.outputs.map((o) => ({
    name: o.name,
    type: o.type,
    tells: o.tells,
    access: 'granted',
    catalog: o.catalog,
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
  if (reaches(inner)) entry.guard = r.newGuard(entry);
  return entry;
}

/** Makes an entry and puts it into the level; a name that is taken twice is refused, or renamed where PostgreSQL would tell them apart. */
export function enter(
  r: Resolver,
  level: Level,
  parts: Omit<Entry, 'level' | 'nameVisible' | 'columnsVisible' | 'guard'>,
  at: number,
): Entry {
  const entry: Entry = {
    ...parts,
    level,
    nameVisible: parts.name !== undefined,
    columnsVisible: true,
    guard: undefined,
  };
  const twin = entry.name === undefined ? undefined : level.entries.find((e) => e.nameVisible && e.name === entry.name);
  if (twin) {
    if (twin.schema === undefined || entry.schema === undefined || twin.schema === entry.schema) {
      r.refuse('relation-unknown', '42712', `table name "${entry.name}" specified more than once`, at);
    }
    twin.rename ??= r.newName();
    entry.rename = r.newName();
  }
  level.entries.push(entry);
  return entry;
}

/** Names the columns by an alias's list; too many names are an error, as in PostgreSQL. */
export function aliasColumns(
  r: Resolver,
  columns: readonly EntryColumn[],
  alias: Body<'Alias'> | undefined,
  at: number,
): EntryColumn[] {
  const names = strings(alias?.colnames);
  let next = 0;
  const renamed = columns.map((c) =>
    c.access === 'granted' && !c.implicit && next < names.length ? { ...c, name: names[next++]! } : c,
  );
  // INVARIANT: a list longer than the granted columns would rename the `ok` that may be added behind them.
  if (next < names.length) {
    r.refuse(
      'column-unknown',
      '42P10',
      `table "${alias?.aliasname ?? ''}" has ${next} columns available but ${names.length} columns specified`,
      at,
    );
  }
  return renamed;
}

/** Whether rows of a filtered relation flow through this level. */
export function reaches(level: Level): boolean {
  return level.entries.some((e) => e.guard !== undefined) || level.arms.some(reaches);
}
