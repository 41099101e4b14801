/** Whether a recursive query gathers values of many rows in one: a column that grows from step to step, or a path that SEARCH or CYCLE keeps. */

import type { Oid } from '../catalog/catalog.ts';
import type { Node } from '../parse/tree.ts';
import { as, partsOf } from '../parse/tree.ts';
import * as t from '../types/oids.ts';
import { baseType } from '../types/type.ts';
import type { Cte, QueryLevel, RangeTableColumn, RangeTableEntry } from './range-table.ts';
import type { Resolver } from './resolver.ts';

/** Types whose values have a fixed size. All others may grow: text, arrays, numeric, json, … */
const FIXED: ReadonlySet<Oid> = new Set([
  t.BOOL,
  t.INT2,
  t.INT4,
  t.INT8,
  t.OID,
  700, // float4
  701, // float8
  t.DATE,
  t.TIME,
  t.TIMETZ,
  t.TIMESTAMP,
  t.TIMESTAMPTZ,
  1186, // interval
  2950, // uuid
]);

/** Tells the policy of a recursive query that has been read. */
export function noteBuilding(r: Resolver, cte: Cte): void {
  if (!cte.level || cte.recursions.length === 0) return;
  const builds = cte.level.arms.some((arm) => armBuilds(r, arm));
  if (builds)
    r.uses.push({
      kind: 'collects',
      what: 'a recursive query that builds values',
      level: cte.level,
      at: r.at(cte.node.location),
    });
}

/** A value of the step before may be handed on as it is; whatever is made of it may hold everything that came before. */
function armBuilds(r: Resolver, arm: QueryLevel): boolean {
  if (arm.arms.length > 0) return arm.arms.some((inner) => armBuilds(r, inner));
  if (!reachesItself(arm, new Set())) return false;
  const starred = r.marks.stars.filter((star) => star.level === arm).flatMap((star) => star.columns);
  return (
    starred.some(({ entry, column }) => wasMade(r, entry, column)) ||
    arm.roots.some(({ node, target }) => target !== undefined && makesMore(r, node, arm))
  );
}

function makesMore(r: Resolver, node: Node, arm: QueryLevel): boolean {
  const reference = r.marks.references.get(node);
  if (reference) return wasMade(r, reference.entry, reference.column);
  const type = r.marks.expressions.get(node)?.type ?? t.UNTELLABLE;
  return grows(r, type) && readsSteps(r, node, arm);
}

/** Whether the value was computed, for example in a derived table: it is neither a table's column nor the previous step's. */
function wasMade(r: Resolver, entry: RangeTableEntry, column: RangeTableColumn): boolean {
  if (column.from) return wasMade(r, column.from.entry, column.from.column);
  return entry.source.kind !== 'relation' && !isRecursion(entry) && grows(r, column.type);
}

function grows(r: Resolver, type: Oid): boolean {
  const base = baseType(r.env.catalog, type);
  return !FIXED.has(base) && r.env.catalog.typesByOid.get(base)?.kind !== 'e';
}

/** Whether it reads something other than rows of a table: the previous step, a derived table, a subquery. */
function readsSteps(r: Resolver, value: unknown, arm: QueryLevel): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if ('SubLink' in value) return true;
  const entry = r.marks.references.get(value as Node)?.entry;
  if (entry) return entry.source.kind !== 'relation';
  if (r.marks.wholeRows.some((whole) => whole.node === value)) return true;
  return partsOf(value).some((inner) => readsSteps(r, inner, arm));
}

function isRecursion(entry: RangeTableEntry): boolean {
  return entry.source.kind === 'cte' && entry.source.cte.state === 'reading';
}

function reachesItself(level: QueryLevel, seen: Set<QueryLevel>): boolean {
  if (seen.has(level)) return false;
  seen.add(level);
  return level.entries.some((entry) => {
    if (isRecursion(entry)) return true;
    const inner = entry.source.kind === 'query' ? entry.source.level : undefined;
    const query = entry.source.kind === 'cte' ? entry.source.cte.level : inner;
    return query !== undefined && reachesItself(query, seen);
  });
}

/** The same for a list that shows the path of SEARCH or CYCLE: ordering by it is harmless. */
export function notePath(r: Resolver, entry: RangeTableEntry, name: string, level: QueryLevel, at: number): void {
  if (entry.source.kind !== 'cte') return;
  const { cte } = entry.source;
  const paths = [cte.node.search_clause?.search_seq_column, cte.node.cycle_clause?.cycle_path_column];
  const index = entry.columns.findIndex((column) => column.name === name);
  const own = cte.columns?.length ?? 0;
  if (index < own || !paths.includes(cte.extra[index - own]?.name)) return;
  r.uses.push({ kind: 'collects', what: 'the path of a recursive query', level: cte.level ?? level, at });
}

/** Every path that an expression of a list names. */
export function notePaths(r: Resolver, node: Node, level: QueryLevel): void {
  const walk = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return;
    const whole = r.marks.wholeRows.find((row) => row.node === value)?.entry;
    for (const column of whole?.columns ?? []) notePath(r, whole!, column.name, level, -1);
    const reference = r.marks.references.get(value as Node);
    if (reference) {
      const column = reference.column.from ?? reference;
      notePath(r, column.entry, column.column.name, level, r.at(as(value as Node, 'ColumnRef')?.location));
    } else for (const inner of partsOf(value)) walk(inner);
  };
  walk(node);
}
