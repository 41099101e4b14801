/** Resolves `(row).field`, `array[1]`, `array[1:2]`, and `(row).*` in a list. */
import type { Column, Oid } from '../catalog/catalog.ts';
import type { Body, Node } from '../parse/tree.ts';
import { as, kindOf, stringOf } from '../parse/tree.ts';
import * as t from '../types/oids.ts';
import type { Found } from '../types/resolved.ts';
import { shownType } from '../types/shown-type.ts';
import { baseType, elementType, rowRelation } from '../types/type.ts';
import { declaredCollation } from './collation.ts';
import { grantedColumns, readSystemColumn, SYSTEM_COLUMNS } from './column.ts';
import { isTaken, placeOfField, readAsCall } from './field-notation.ts';
import type { Marks } from './findings.ts';
import { inPhase } from './levels.ts';
import type { Expression, RangeTableColumn, RangeTableEntry, Scope } from './range-table.ts';
import type { Resolver } from './resolver.ts';
import { settleParameter } from './settle.ts';
import { UNTOLD } from './structure.ts';

type RowColumn = Pick<Column, 'name' | 'type'> & Partial<Pick<Column, 'collation'>>;

const NAME_FIELDS = 'Name its columns, or cast it to its type.';

export function resolveIndirection(r: Resolver, node: Node, body: Body<'A_Indirection'>, scope: Scope): Expression {
  const { wholeRows, sublinks } = r.marks;
  const before = { touched: r.touched.length, wholeRows: wholeRows.length, sublinks: sublinks.size };
  const known = r.marks.fieldsAsCalls.has(body) ? r.marks.expressions.get(body.arg!) : undefined;
  const arg = known ?? r.expression(body.arg!, scope);
  const [step, ...more] = body.indirection ?? [];
  const name = stringOf(step);
  if (name !== undefined && more.length === 0 && callsFunction(r, body, arg.type, name)) {
    const location = placeOfField(r, node);
    const otherwise = `column "${name}" not found in data type ${shownType(r.env.catalog, arg.type)}`;
    if (location !== undefined)
      return readAsCall(r, node, { name, arg: body.arg!, location, otherwise, before }, scope);
  }
  return followed(r, node, body, arg, body.indirection ?? [], scope);
}

/** Whether the value of an expression that was read just now has a field of that name, withheld or not; false where that cannot be told. */
export function hasField(r: Resolver, node: Node, type: Oid, name: string): boolean {
  const last = r.marks.wholeRows.at(-1);
  if (last?.node === node) return SYSTEM_COLUMNS.has(name) || last.entry.columns.some((c) => c.name === name);
  const columns = rowRelation(r.env.catalog, type)?.columns ?? recordColumns(r.marks, node);
  return columns?.some((column) => column.name === name) === true;
}

/** `(row).name` of a row that has no such field, or of a value that has none at all. Of a record whose fields are not known nothing can be told. */
function callsFunction(r: Resolver, body: Body<'A_Indirection'>, type: Oid, name: string): boolean {
  if (r.marks.fieldsAsCalls.has(body) || type === t.UNTELLABLE || !isTaken(r, name, type)) return false;
  if (wholeRowOf(r, body)) return !hasField(r, body.arg!, type, name);
  return type !== t.RECORD && !SYSTEM_COLUMNS.has(name) && !hasField(r, body.arg!, type, name);
}

/**
 * The columns of `(…).*`: for a whole row of FROM those of its entry, for any other row those of its type, for a record those that its function or
 * ROW gives it. undefined if they cannot be determined, which is refused.
 */
export function resolveRowStar(
  r: Resolver,
  node: Node,
  body: Body<'A_Indirection'>,
  scope: Scope,
):
  | { readonly entry: RangeTableEntry }
  | { readonly columns: readonly RowColumn[]; readonly record: boolean }
  | undefined {
  r.read.add(body);
  const arg = r.expression(body.arg!, inPhase(scope, 'group'));
  const steps = (body.indirection ?? []).slice(0, -1);
  const whole = wholeRowOf(r, body);
  if (whole && steps.length === 0) {
    // Its columns are taken, not the row.
    r.marks.expressions.set(body.arg!, { ...arg, leakproof: true });
    return { entry: whole.entry };
  }
  if (steps.length === 0 && arg.type === t.RECORD && (arg.barrier === 'none' || arg.barrier === 'set-returning')) {
    const columns = recordColumns(r.marks, body.arg);
    if (columns?.length && areKnown(columns)) return { columns, record: true };
  }
  const { type } = followed(r, node, body, arg, steps, scope);
  const relation = steps.every((step) => stringOf(step) !== undefined) ? rowRelation(r.env.catalog, type) : undefined;
  if (relation) return { columns: relation.columns, record: false };
  r.unsupported('(…).* of a row with columns that cannot be told', undefined, NAME_FIELDS);
  return undefined;
}

function followed(
  r: Resolver,
  node: Node,
  body: Body<'A_Indirection'>,
  arg: Expression,
  steps: readonly Node[],
  scope: Scope,
): Expression {
  let { type } = arg;
  let leakproof = true;
  let collation: Oid | undefined;
  for (const [i, step] of steps.entries()) {
    const field = stringOf(step);
    const own = i === 0 && field !== undefined ? wholeRowField(r, node, body, arg, field) : undefined;
    if (own) {
      type = own.type;
      leakproof &&= !own.leaky;
      collation = own.column.collation;
      if (steps.length === 1) r.marks.references.set(node, own);
    } else if (field !== undefined) {
      const made =
        i === 0 && type === t.RECORD ? recordColumns(r.marks, body.arg)?.find((c) => c.name === field) : undefined;
      if (made) {
        // What would be put around the record alone would take its columns from it: it is put around the field.
        leakproof &&= arg.leakproof;
        r.marks.expressions.set(body.arg!, { ...arg, leakproof: true });
      }
      const column = rowRelation(r.env.catalog, type)?.columns.find((c) => c.name === field);
      collation = column && declaredCollation(column);
      type = made?.type ?? fieldOf(r, type, field);
    } else if (kindOf(step) === 'A_Indices') {
      const indices = as(step, 'A_Indices')!;
      for (const bound of [indices.lidx, indices.uidx]) if (bound) r.expression(bound, scope);
      const element = elementType(r.env.catalog, baseType(r.env.catalog, type));
      if (element !== 0) for (const bound of [indices.lidx, indices.uidx]) settleParameter(r, bound, t.INT4);
      leakproof &&= isSoundSubscript(r, indices, element !== 0, type === t.JSONB);
      type = indices.is_slice ? type : element || (type === t.JSONB ? t.JSONB : t.UNTELLABLE);
    } else {
      r.unsupported('(…).* here', undefined, NAME_FIELDS);
      return UNTOLD;
    }
  }
  if (collation !== undefined) {
    r.collations = true;
    r.marks.collations.set(node, collation);
  }
  return { type, leakproof, constant: arg.constant && leakproof, barrier: 'none' };
}

/** A subscript out of bounds gives NULL, whatever the array or document: it fails only where its own conversion does. */
function isSoundSubscript(
  r: Resolver,
  { lidx, uidx, is_slice }: Body<'A_Indices'>,
  array: boolean,
  json: boolean,
): boolean {
  const fits = (bound: Node | undefined): boolean => {
    const type = bound && r.marks.expressions.get(bound)?.type;
    const number = type === undefined || type === t.INT4 || type === t.INT2;
    return array ? number : number || type === t.TEXT || as(bound, 'A_Const')?.sval !== undefined;
  };
  return (array || (json && !is_slice)) && fits(lidx) && fits(uidx);
}

function fieldOf(r: Resolver, type: Oid, field: string): Oid {
  const { catalog } = r.env;
  const relation = rowRelation(catalog, type);
  const column = relation?.columns.find((c) => c.name === field);
  if (column) return column.type;
  if (relation) {
    // `(row).name` may call the function `name` on the row.
    r.refuse('column-unknown', '42703', `column "${field}" not found in data type ${relation.name}`);
  } else if (type !== t.RECORD && type !== t.UNTELLABLE) {
    r.refuse('column-unknown', '42809', `column notation .${field} applied to a value that is not a row`);
  } else {
    // Arguments with defaults may be left out.
    const fn = catalog.functionsNamed(field).some((f) => f.args.length > 0 && f.args.length - f.defaults <= 1);
    if (fn)
      r.unsupported(`(…).${field}, which may call the function "${field}"`, undefined, 'Cast the row to its type.');
  }
  return t.UNTELLABLE;
}

/** For a record that a function makes its OUT columns, of ROW its fields, also if a query below makes it. undefined if they cannot be determined. */
function recordColumns(marks: Marks, node: Node | undefined): Found['outColumns'] | undefined {
  const call = as(node, 'FuncCall');
  if (call) return marks.calls.get(call)?.outColumns;
  const row = as(node, 'RowExpr');
  if (row) return fieldsOfRow(marks, row);
  const reference = node && marks.references.get(node);
  if (!reference) return undefined;
  const { entry, column } = reference.column.from ?? reference;
  const output = entry.source.kind === 'query' ? entry.source.level.outputs[entry.columns.indexOf(column)] : undefined;
  return recordColumns(marks, output?.node);
}

/** `f1`, `f2` … of ROW; undefined if it holds a star, whose columns are as many as its table has. */
function fieldsOfRow(marks: Marks, { args = [] }: Body<'RowExpr'>): Found['outColumns'] | undefined {
  const fields = args.map((arg, i) => ({
    name: `f${i + 1}`,
    type: marks.expressions.get(arg)?.type ?? t.UNTELLABLE,
  }));
  return areKnown(fields) ? fields : undefined;
}

/** The server would give another type to what has none yet, and it knows the columns of a record in a record nowhere. */
function areKnown(columns: Found['outColumns']): boolean {
  return columns.every(({ type }) => type !== t.UNTELLABLE && type !== t.UNKNOWN && type !== t.RECORD);
}

interface Field {
  readonly entry: RangeTableEntry;
  readonly column: RangeTableColumn;
  readonly type: Oid;
  readonly leaky: boolean;
}

/**
 * `(t).field` where t is a whole row of FROM that the statement made itself: its fields are those that it was given. undefined if t is not such a
 * row; a field that does not exist is refused.
 */
function wholeRowField(
  r: Resolver,
  node: Node,
  body: Body<'A_Indirection'>,
  arg: Expression,
  field: string,
): Field | undefined {
  const whole = wholeRowOf(r, body);
  if (!whole) return undefined;
  const { entry } = whole;
  // The server takes the column, and never makes the row.
  r.marks.expressions.set(body.arg!, { ...arg, leakproof: true });
  const [column, other] = grantedColumns(entry, field);
  if (column && other) r.refuse('column-unknown', '42702', `column reference "${field}" is ambiguous`);
  if (column) {
    readSystemColumn({ entry, column });
    r.marks.rowFields.push({ node, entry, column });
    return { entry, column, type: column.type, leaky: column.leaky };
  }
  const withheld = entry.columns.some((c) => c.name === field);
  const relation = entry.source.kind === 'relation' ? entry.source.view.relation : undefined;
  if (withheld && relation) {
    r.uses.push({ kind: 'column', relation, column: field, at: -1 });
    r.refuse('column-withheld', '42501', `permission denied for column "${field}" of relation "${relation.name}"`);
  } else r.refuse('column-unknown', '42703', `column "${field}" not found in data type ${entry.name ?? 'record'}`);
  return { entry, column: NO_COLUMN, type: t.UNTELLABLE, leaky: true };
}

/** The whole row that the argument, which was read just now, is. */
function wholeRowOf(r: Resolver, body: Body<'A_Indirection'>): { readonly entry: RangeTableEntry } | undefined {
  const last = r.marks.wholeRows.at(-1);
  return last?.node === body.arg ? last : undefined;
}

const NO_COLUMN: RangeTableColumn = { name: '', type: t.UNTELLABLE, leaky: true, access: 'withheld' };
