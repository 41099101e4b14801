/** Resolves the FROM clause: relations, CTE references, derived tables, functions, joins; each makes names visible. */
import type { Relation } from '../catalog.ts';
import type { Body, Node } from '../tree.ts';
import { as, kindOf, strings } from '../tree.ts';
import { findCte } from './cte.ts';
import { resolveExpression } from './expression.ts';
import { noteSample } from './fallible.ts';
import { resolveRangeFunction, resolveTableFunction } from './from-function.ts';
import { resolveJoin } from './join.ts';
import type { Cte, Entry, EntryColumn, Level, RelationView, Scope, Source } from './model.ts';
import { resolveSelect } from './query.ts';
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

export function resolveRangeVar(
  r: Resolver,
  node: Node,
  level: Level,
  use: 'read' | 'target' = 'read',
): Entry | undefined {
  const body = as(node, 'RangeVar')!;
  r.read.add(body);
  const at = r.at(body.location);
  const cte = body.schemaname || use === 'target' ? undefined : findCte(level.ctes, body.relname ?? '');
  if (cte) return enterCte(r, cte, node, body, level, at);
  const relation = findRelation(r, body, at);
  if (!relation) return undefined;
  if (use === 'read') r.uses.push({ kind: 'relation', relation, action: 'select', at });
  const view = r.env.viewOf(relation) ?? hidden(relation);
  const source: Source = { kind: 'relation', view, node, use };
  const all: EntryColumn[] = view.columns.map((c) => ({
    name: c.column.name,
    type: c.column.type,
    tells: c.tells,
    access: c.access,
    catalog: view.system && !c.masked,
    implicit: c.column.attnum < 0,
  }));
  const alias = body.alias;
  const entry = enter(
    r,
    level,
    {
      name: alias?.aliasname ?? relation.name,
      schema: alias ? undefined : relation.schema,
      columns: aliasColumns(r, all, alias, at),
      source,
    },
    at,
  );
  if (use === 'read' && view.hides !== 'no') entry.guard = r.newGuard(entry);
  r.marks.relations.push({ node, entry, level });
  return entry;
}

/** A relation that was not granted: every column withheld. The policy refuses the relation itself. */
function hidden(relation: Relation): RelationView {
  return {
    relation,
    columns: relation.columns.map((column) => ({ column, access: 'withheld', masked: false, tells: true })),
    guarded: true,
    hides: 'scan',
    system: false,
  };
}

function findRelation(r: Resolver, body: Body<'RangeVar'>, at: number): Relation | undefined {
  const { catalog, searchPath } = r.env;
  const name = body.relname ?? '';
  if (body.catalogname && body.catalogname !== catalog.data.database) {
    r.refuse(
      'unsupported',
      '0A000',
      `cross-database references are not implemented: "${body.catalogname}.${body.schemaname}.${name}"`,
      at,
    );
    return undefined;
  }
  const schemas = body.schemaname ? [body.schemaname] : ['pg_catalog', ...searchPath];
  for (const schema of schemas) {
    const relation = catalog.relation(schema, name);
    if (!relation) continue;
    if ('rpvmfS'.includes(relation.kind)) return relation;
    r.refuse('relation-unknown', '42809', `cannot open relation "${name}"`, at);
    return undefined;
  }
  const shown = body.schemaname ? `${body.schemaname}.${name}` : name;
  r.refuse('relation-unknown', '42P01', `relation "${shown}" does not exist`, at);
  return undefined;
}

function enterCte(r: Resolver, cte: Cte, node: Node, body: Body<'RangeVar'>, level: Level, at: number): Entry {
  if (cte.state === 'named') cte.read();
  if (!cte.columns)
    r.refuse(
      'unsupported',
      '42P19',
      `recursive reference to query "${cte.name}" must not appear within its non-recursive term`,
      at,
    );
  const columns = [...(cte.columns ?? []), ...cte.extra];
  const entry = enter(
    r,
    level,
    {
      name: body.alias?.aliasname ?? cte.name,
      schema: undefined,
      columns: aliasColumns(r, columns, body.alias, at),
      source: { kind: 'cte', cte, node },
    },
    at,
  );
  if (cte.state === 'reading') {
    // Whether it reaches hidden rows is known only when all of it is read.
    entry.guard = r.newGuard(entry);
    cte.recursions.push(entry);
  } else if (cte.level && reaches(cte.level)) entry.guard = r.newGuard(entry);
  r.marks.cteReferences.push({ node, entry, level });
  return entry;
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

/** Whether rows of a filtered relation flow through this level. */
export function reaches(level: Level): boolean {
  return level.entries.some((e) => e.guard !== undefined) || level.arms.some(reaches);
}
