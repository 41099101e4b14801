/**
 * Notes what can fail without being an expression that could be guarded: aggregates and window functions, LIMIT, frames, samples, rows
 * of several shapes. It runs once the rows of its own query are there; what it must not run for are hidden rows of queries around it.
 */
import type { Fn, Oid } from '../catalog/catalog.ts';
import { askInteger, upTo } from '../parse/constants.ts';
import type { Node } from '../parse/tree.ts';
import { as } from '../parse/tree.ts';
import * as t from '../types/oids.ts';
import type { QueryLevel, Scope } from './range-table.ts';
import type { Resolver } from './resolver.ts';

/** Aggregates that take any values of their types without failing. Sums of numeric and float8 overflow, of intervals and money too. */
const AGGREGATES: ReadonlySet<string> = new Set(['count', 'bool_and', 'bool_or', 'every', 'any_value']);
const INTEGER_AGGREGATES: ReadonlySet<string> = new Set(['sum', 'avg', 'bit_and', 'bit_or', 'bit_xor']);
export const INTEGERS: readonly Oid[] = [t.INT2, t.INT4, t.INT8];
const EXTREMES: ReadonlySet<string> = new Set(['min', 'max']);
/** Their comparison runs that of what they hold, which fails where rows differ in shape. */
const CONTAINERS: readonly Oid[] = [t.ANYARRAY, t.RECORD];

/** Window functions without an argument that must be positive. */
const WINDOWS: ReadonlySet<string> = new Set([
  'row_number',
  'rank',
  'dense_rank',
  'percent_rank',
  'cume_dist',
  'first_value',
  'last_value',
]);

/** An aggregate or window function. */
export function noteSummary(r: Resolver, fn: Fn, level: QueryLevel): void {
  // INVARIANT 46: an allow-list, of the server's own.
  if (fn.schema === 'pg_catalog' && cannotFail(fn)) return;
  noteAfterRows(r, level);
}

function cannotFail(fn: Fn): boolean {
  if (fn.kind === 'w') return WINDOWS.has(fn.name);
  const [first] = fn.args;
  if (AGGREGATES.has(fn.name) || first === undefined) return true;
  if (INTEGER_AGGREGATES.has(fn.name)) return INTEGERS.includes(first);
  return EXTREMES.has(fn.name) && !CONTAINERS.includes(first);
}

/** LIMIT, OFFSET or an offset of a window's frame: a negative one fails. */
export function noteCount(r: Resolver, node: Node, level: QueryLevel): void {
  if (!isNaturalNumber(node) && !as(node, 'A_Const')?.isnull) noteAfterRows(r, level);
}

/** Values of one column that are rows: they fail where they are compared, unless they are all of one shape. */
export function noteRows(r: Resolver, type: Oid, count: number, scope: Scope): void {
  if (count > 1 && (type === t.RECORD || type === t.RECORD_ARRAY)) r.marks.fallible.push({ scope, afterRows: false });
}

function noteAfterRows(r: Resolver, level: QueryLevel): void {
  r.marks.fallible.push({ scope: { level, entries: level.entries, outer: level.outer }, afterRows: true });
}

function isNaturalNumber(node: Node): boolean {
  const integer = as(node, 'A_Const')?.ival;
  return integer !== undefined && askInteger(integer, upTo(Number.MAX_SAFE_INTEGER));
}
