/** Resolves WITH: the names of queries, and their columns. */

import type { Body, Node } from '../parse/tree.ts';
import { as, kindOf, strings } from '../parse/tree.ts';
import { BOOL, INT4, RECORD, RECORD_ARRAY, TEXT } from '../types/oids.ts';
import { noteBuilding } from './builds.ts';
import { reaches } from './levels.ts';
import type { Cte, CteScope, ExpressionPlace, QueryLevel, RangeTableColumn } from './range-table.ts';
import type { Resolver } from './resolver.ts';

/**
 * The names of a WITH clause on top of those around it. Each query is read when it is first named, or here. `home`: the SELECT that has the clause;
 * absent for a statement that writes.
 */
export function resolveWith(
  r: Resolver,
  clause: Body<'WithClause'>,
  place: ExpressionPlace,
  home?: Body<'SelectStmt'>,
): CteScope {
  const byName = new Map<string, Cte>();
  const all: CteScope = { byName, outer: place.ctes };
  for (const item of clause.ctes ?? []) {
    const node = as(item, 'CommonTableExpr')!;
    const name = node.ctename ?? '';
    if (byName.has(name))
      r.refuse('unsupported', '42712', `WITH query name "${name}" specified more than once`, r.at(node.location));
    // Without RECURSIVE a query sees only the names before it, not itself.
    r.parsed.workLimit.spend(byName.size >> 2);
    const visible: CteScope = clause.recursive ? all : { byName: new Map(byName), outer: place.ctes };
    const cte: Cte = {
      name,
      node,
      state: 'named',
      level: undefined,
      firstArm: undefined,
      columns: undefined,
      extra: extraColumns(node),
      home,
      recursions: [],
      read: () => readCte(r, cte, { outer: place.outer, ctes: visible }),
    };
    byName.set(name, cte);
    if (!clause.recursive) cte.read();
  }
  for (const cte of byName.values()) if (cte.state === 'named') cte.read();
  return all;
}

function readCte(r: Resolver, cte: Cte, place: ExpressionPlace): void {
  cte.state = 'reading';
  const settle = (level: QueryLevel): void => {
    cte.columns = named(level, strings(cte.node.aliascolnames));
  };
  const query = cte.node.ctequery;
  const level = readQuery(r, query, place, (left) => {
    cte.firstArm = left;
    settle(left);
  });
  cte.level = level;
  if (level) settle(level);
  cte.columns ??= [];
  noteBuilding(r, cte);
  dropIdleGuards(cte, level);
  cte.state = 'read';
}

/** A recursive query that reads hidden rows only through itself reads none. */
function dropIdleGuards(cte: Cte, level: QueryLevel | undefined): void {
  const guards = cte.recursions.map((entry) => entry.guard);
  for (const entry of cte.recursions) entry.guard = undefined;
  if (level && reaches(level)) {
    cte.recursions.forEach((entry, i) => {
      entry.guard = guards[i];
    });
  }
}

function readQuery(
  r: Resolver,
  query: Node | undefined,
  place: ExpressionPlace,
  afterLeft: (left: QueryLevel) => void,
): QueryLevel | undefined {
  if (!query) return undefined;
  const select = as(query, 'SelectStmt');
  if (select) return r.select(select, place, afterLeft);
  const write = r.write(query, place);
  if (!write) r.unsupported(`WITH … ${kindOf(query)}`, undefined);
  return write;
}

function named(level: QueryLevel, aliases: readonly string[]): RangeTableColumn[] {
  return level.outputs.map((o, i) => ({ ...o, name: aliases[i] ?? o.name, access: 'granted' as const }));
}

function extraColumns(node: Body<'CommonTableExpr'>): RangeTableColumn[] {
  const column = (name: string | undefined, type: number): RangeTableColumn[] =>
    name === undefined ? [] : [{ name, type, leaky: false, access: 'granted' }];
  return [
    ...column(node.search_clause?.search_seq_column, node.search_clause?.search_breadth_first ? RECORD : RECORD_ARRAY),
    ...column(node.cycle_clause?.cycle_mark_column, node.cycle_clause ? markType(node.cycle_clause) : BOOL),
    ...column(node.cycle_clause?.cycle_path_column, RECORD_ARRAY),
  ];
}

/** Of literals alone: of what has a cast the type is looked up elsewhere, or not known. */
function markType({ cycle_mark_value, cycle_mark_default }: Body<'CTECycleClause'>): number {
  const [mark, other] = [cycle_mark_value, cycle_mark_default].map((node) => as(node, 'A_Const'));
  if (mark?.boolval && other?.boolval) return BOOL;
  if (mark?.ival && other?.ival) return INT4;
  return mark?.sval && other?.sval ? TEXT : 0;
}
