/** Resolves what is written: the columns of an INSERT, the list of a SET, and the way of each value into its column. */
import type { Column } from '../catalog/catalog.ts';
import type { Body, Node } from '../parse/tree.ts';
import { as, stringOf } from '../parse/tree.ts';
import { coercion } from '../types/coercion.ts';
import { UNKNOWN } from '../types/oids.ts';
import type { Write } from './findings.ts';
import { inPhase } from './levels.ts';
import type { Scope } from './range-table.ts';
import type { Resolver } from './resolver.ts';
import { root } from './root.ts';
import { noteCoercion } from './stability.ts';
import { refuseStarsInValues, scopeOf } from './target.ts';

/**
 * The columns of an INSERT, in the order of its values; undefined for one that a value goes only a part of. Without a list they are
 * the first of the table, one for each value (manual, INSERT), and are remembered, to be written out. `rows`: of VALUES.
 */
export function insertColumns(
  r: Resolver,
  write: Write,
  body: Body<'InsertStmt'> | Body<'MergeWhenClause'>,
  list: readonly Node[] | undefined,
  width: number,
  rows: readonly (readonly Node[])[] = [],
): (Column | undefined)[] {
  const isDefault = (at: number): boolean => rows.length > 0 && rows.every((row) => as(row[at], 'SetToDefault'));
  if (list?.length)
    return list.map((node, at) => written(r, node, 'insert', scopeOf(write.level, []), write, isDefault(at)));
  const source = write.target?.source;
  if (source?.kind !== 'relation') return [];
  const { relation } = source.view;
  const columns = relation.columns.slice(0, width);
  write.lists.push({ body, columns: columns.map(({ name }) => name) });
  const at = r.at(write.name.location);
  columns.forEach(({ name }, place) => {
    r.uses.push({ kind: 'written', relation, column: name, action: 'insert', defaulted: isDefault(place), at });
  });
  return columns;
}

/** The column of one item of a list or SET; undefined if only a part of it is written, or if there is no such column. */
function written(
  r: Resolver,
  node: Node,
  action: 'insert' | 'update',
  scope: Scope,
  write: Write,
  defaulted = false,
): Column | undefined {
  const body = as(node, 'ResTarget');
  const source = write.target?.source;
  if (!body || source?.kind !== 'relation') return undefined;
  const { relation } = source.view;
  const name = body.name ?? '';
  const at = r.at(body.location);
  const column = relation.columns.find((c) => c.name === name);
  if (!column) {
    r.refuse('column-unknown', '42703', `column "${name}" of relation "${relation.name}" does not exist`, at);
    return undefined;
  }
  r.uses.push({ kind: 'written', relation, column: name, action, defaulted, at });
  if (action === 'update') write.sets.add(name);
  if (!body.indirection?.length) return column;
  for (const step of body.indirection) {
    const indices = as(step, 'A_Indices');
    for (const bound of [indices?.lidx, indices?.uidx]) if (bound) r.expression(bound, scope);
    if (!indices && stringOf(step) === undefined) r.unsupported('assignment to this part of a column', body.location);
  }
  // A part goes into the value that is there, which can make it fail: that value must be one that the role may read.
  if (action === 'update') readable(r, write, name, at);
  return undefined;
}

function readable(r: Resolver, { target }: Write, name: string, at: number): void {
  if (target?.source.kind !== 'relation') return;
  const { relation } = target.source.view;
  r.uses.push({ kind: 'column', relation, column: name, at });
  if (target.columns.some((c) => c.name === name && c.access === 'granted')) return;
  const message = `permission denied for column "${name}" of relation "${relation.name}"`;
  r.refuse('column-withheld', '42501', message, at);
}

/** A SET list; its values are computed from rows that have been found. */
export function setList(r: Resolver, targets: readonly Node[] | undefined, scope: Scope, write: Write): void {
  let source: Node | undefined;
  for (const node of targets ?? []) {
    const column = written(r, node, 'update', scope, write);
    const value = as(node, 'ResTarget')?.val;
    if (!value) continue;
    const multiple = as(value, 'MultiAssignRef');
    if (!multiple?.source) {
      refuseStarsInValues(r, [value]);
      root(r, value, 'row', scope);
      assign(r, column, value);
    } else if (multiple.colno !== 1 && source) {
      // (a, b) = (…): the parser gives each column a copy of the one source; what is changed in one is meant in all.
      multiple.source = source;
      assignPart(r, column, source, multiple.colno ?? 0);
    } else {
      source = multiple.source;
      resolveSource(r, source, scope);
      assignPart(r, column, source, 1);
    }
  }
}

/** The right side of `(a, b) = …`. A subquery there is not an expression of its own: it cannot be wrapped, only the expressions inside it. */
function resolveSource(r: Resolver, source: Node, scope: Scope): void {
  const row = as(source, 'RowExpr');
  if (row) {
    refuseStarsInValues(r, row.args ?? []);
    for (const part of row.args ?? []) root(r, part, 'row', scope);
  } else if (as(source, 'SubLink')) r.expression(source, inPhase(scope, 'row'));
  else r.unsupported('this source of an assignment to several columns', undefined, 'Assign each by itself.');
}

function assignPart(r: Resolver, column: Column | undefined, source: Node, place: number): void {
  const row = as(source, 'RowExpr');
  if (row) assign(r, column, row.args?.[place - 1]);
  else assign(r, column, undefined, r.marks.sublinks.get(source)?.outputs[place - 1]?.type);
}

/** A value on its way into a column. A conversion is a call, which the policy must allow. */
export function assign(r: Resolver, column: Column | undefined, value: Node | undefined, type?: number): void {
  const from = type ?? (value && r.marks.expressions.get(value)?.type);
  if (!column || from === undefined) return;
  const number = as(value, 'ParamRef')?.number;
  if (number !== undefined && from === UNKNOWN) r.settle(number, column.type);
  const at = -1;
  noteCoercion(r, coercion(r.env.catalog, from, column.type, 'assignment', column.typmod), at);
}
