/** Resolves column references and stars by PostgreSQL's scoping rules, among what the role may see. */

import type { Body, Node } from '../parse/tree.ts';
import { as, kindOf, quoteName, stringOf } from '../parse/tree.ts';
import { RECORD } from '../types/oids.ts';
import { isTaken, readAsCall } from './field-notation.ts';
import type { StarColumn } from './findings.ts';
import type { Expression, RangeTableColumn, RangeTableEntry, Scope } from './range-table.ts';
import type { Resolver } from './resolver.ts';

/** Every table has them, granted or not. */
export const SYSTEM_COLUMNS: ReadonlySet<string> = new Set(['tableoid', 'ctid', 'xmin', 'xmax', 'cmin', 'cmax']);

const NAME_COLUMNS = 'Name the columns.';

interface Found {
  readonly entry: RangeTableEntry;
  readonly column: RangeTableColumn;
}

/** The granted columns of that name that may be named alone, among these entries. */
export function findColumns(entries: readonly RangeTableEntry[], name: string): Found[] {
  const found: Found[] = [];
  for (const entry of entries) {
    if (!entry.columnsVisible) continue;
    for (const column of grantedColumns(entry, name)) found.push({ entry, column });
  }
  return found;
}

/** The columns that an entry shows under a name: a system column where no other has it. */
export function grantedColumns(entry: RangeTableEntry, name: string): RangeTableColumn[] {
  const found = entry.columns.filter((c) => c.name === name && c.access === 'granted');
  return found.length > 1 ? found.filter((c) => !c.implicit) : found;
}

const UNRESOLVED: Expression = { type: 0, leakproof: false, constant: false, barrier: 'none' };

/** A reference to a column or a whole row; refuses unknown and ambiguous names. */
export function resolveColumn(r: Resolver, node: Node, body: Body<'ColumnRef'>, scope: Scope): Expression {
  if (isStar(body)) return starAsRow(r, node, body, scope);
  const parts = (body.fields ?? []).map((field) => stringOf(field) ?? '');
  return parts.length === 1 ? byName(r, node, body, parts[0]!, scope) : qualified(r, node, body, parts, scope);
}

/** `*` or `name.*`. */
export function isStar(body: Body<'ColumnRef'>): boolean {
  const last = body.fields?.at(-1);
  return last !== undefined && kindOf(last) === 'A_Star';
}

/** `t.*` where one value is asked for: the whole row. */
function starAsRow(r: Resolver, node: Node, body: Body<'ColumnRef'>, scope: Scope): Expression {
  const at = r.at(body.location);
  const parts = (body.fields ?? []).slice(0, -1).map((field) => stringOf(field) ?? '');
  if (parts.length === 0) {
    r.unsupported('* here', body.location, NAME_COLUMNS);
    return UNRESOLVED;
  }
  const entry = findEntry(r, parts, scope, at);
  if (!entry) return UNRESOLVED;
  noteQualified(r, body, entry, parts.length - 1);
  return wholeRow(r, node, entry, at);
}

/** Refuses `t.*` in lists where PostgreSQL reads it as many values: those of VALUES and of assignments. */
export function refuseStars(r: Resolver, nodes: readonly Node[]): void {
  for (const node of nodes) {
    const reference = as(node, 'ColumnRef');
    if (reference && isStar(reference)) r.unsupported('* here', reference.location, NAME_COLUMNS);
  }
}

function byName(r: Resolver, node: Node, body: Body<'ColumnRef'>, name: string, scope: Scope): Expression {
  const at = r.at(body.location);
  for (let s: Scope | undefined = scope; s; s = s.outer) {
    r.parsed.workLimit.spend(s.entries.length);
    const found = findColumns(s.entries, name);
    if (found.length > 1) {
      r.refuse('column-unknown', '42702', `column reference "${name}" is ambiguous`, at);
      return UNRESOLVED;
    }
    if (found[0]) return taken(r, node, found[0], at);
    // INVARIANT 38: a withheld column hides outer ones of its name: it must not silently become another level's column.
    const withheld = s.entries.find(
      (e) => e.columnsVisible && e.columns.some((c) => c.name === name && c.access === 'withheld'),
    );
    if (withheld) return denied(r, withheld, name, at);
    if (SYSTEM_COLUMNS.has(name)) {
      const relation = s.entries.find((e) => e.columnsVisible && e.source.kind === 'relation');
      if (relation) return denied(r, relation, name, at);
    }
  }
  for (let s: Scope | undefined = scope; s; s = s.outer) {
    const named = s.entries.filter((e) => e.nameVisible && e.name === name);
    if (named.length > 1) {
      r.refuse('relation-unknown', '42P09', `table reference "${name}" is ambiguous`, at);
      return UNRESOLVED;
    }
    if (named[0]) return wholeRow(r, node, named[0], at);
  }
  r.refuse('column-unknown', '42703', `column "${name}" does not exist`, at);
  return UNRESOLVED;
}

function qualified(r: Resolver, node: Node, body: Body<'ColumnRef'>, parts: string[], scope: Scope): Expression {
  const at = r.at(body.location);
  const column = parts.at(-1)!;
  const entry = findEntry(r, parts.slice(0, -1), scope, at);
  if (!entry) return UNRESOLVED;
  const matches = grantedColumns(entry, column);
  if (matches.length > 1) {
    r.refuse('column-unknown', '42702', `column reference "${column}" is ambiguous`, at);
    return UNRESOLVED;
  }
  if (matches[0]) {
    noteQualified(r, body, entry, parts.length - 2);
    return taken(r, node, { entry, column: matches[0] }, at);
  }
  if (entry.columns.some((c) => c.name === column) || SYSTEM_COLUMNS.has(column)) return denied(r, entry, column, at);
  const otherwise = `column ${parts.join('.')} does not exist`;
  const value = entry.source.kind === 'function' && entry.source.scalar ? entry.columns[0] : undefined;
  if (isTaken(r, column, value?.type ?? RECORD)) {
    const { location = -1, fields = [] } = body;
    // Whatever columns are in sight, with a star it is the row.
    const arg: Node = { ColumnRef: { fields: [...fields.slice(0, -1), { A_Star: {} }], location } };
    return readAsCall(r, node, { name: column, arg, location, otherwise }, scope);
  }
  r.refuse('column-unknown', '42703', otherwise, at);
  return UNRESOLVED;
}

/** A reference whose text may have to change: a target may get another name at the end. */
function noteQualified(r: Resolver, body: Body<'ColumnRef'>, entry: RangeTableEntry, drop: number): void {
  const isTarget = entry.source.kind === 'relation' && entry.source.use === 'target';
  if (drop > 0 || entry.rename || isTarget) r.marks.qualified.push({ body, entry, drop });
}

/** The entry that `name`, `schema.name` or `database.schema.name` means. If there is none: refuses and returns undefined. */
function findEntry(r: Resolver, parts: readonly string[], scope: Scope, at: number): RangeTableEntry | undefined {
  const name = parts.at(-1)!;
  const schema = parts.at(-2);
  if (parts.length > 3 || (parts.length === 3 && parts[0] !== r.env.catalog.data.database)) {
    r.refuse('unsupported', '0A000', `cross-database references are not implemented: ${parts.join('.')}`, at);
    return undefined;
  }
  for (let s: Scope | undefined = scope; s; s = s.outer) {
    r.parsed.workLimit.spend(s.entries.length >> 2);
    const found = s.entries.filter(
      (e) => e.nameVisible && e.name === name && (schema === undefined || e.schema === schema),
    );
    if (found.length > 1) {
      r.refuse('relation-unknown', '42P09', `table reference "${name}" is ambiguous`, at);
      return undefined;
    }
    if (found[0]) return found[0];
  }
  r.refuse('relation-unknown', '42P01', `missing FROM-clause entry for table "${name}"`, at);
  return undefined;
}

function taken(r: Resolver, node: Node, found: Found, at: number): Expression {
  r.marks.references.set(node, found);
  r.touched.push(found.entry.level);
  recordUse(r, found.entry, found.column, at);
  if (readSystemColumn(found)) r.marks.systemColumns.push({ node, ...found });
  return { type: found.column.type, leakproof: !found.column.leaky, constant: false, barrier: 'none' };
}

/** Notes a system column that a guarded subquery must give besides; true where it is one. */
export function readSystemColumn({ entry, column }: Found): boolean {
  if (!column.implicit || entry.prefix === undefined) return false;
  entry.systemColumns ??= new Set();
  entry.systemColumns.add(column);
  return true;
}

/** The name that a column has in the text that is sent, where it has one of its own. */
export function sentColumn(entry: RangeTableEntry, column: RangeTableColumn): string | undefined {
  if (column.implicit && entry.prefix !== undefined) return `${entry.prefix}_${column.name}`;
  return entry.distinct?.get(column);
}

/** Tells the policy which base columns are read, through joins. */
function recordUse(r: Resolver, entry: RangeTableEntry, column: RangeTableColumn, at: number): void {
  if (column.from) recordUse(r, column.from.entry, column.from.column, at);
  else if (entry.source.kind === 'join') {
    for (const arm of entry.source.arms)
      for (const c of arm.columns) if (c.name === column.name) recordUse(r, arm, c, at);
  } else if (entry.source.kind === 'excluded') {
    const of = entry.source.of.columns[entry.columns.indexOf(column)];
    if (of) recordUse(r, entry.source.of, of, at);
  } else if (entry.source.kind === 'relation') {
    const { relation } = entry.source.view;
    r.uses.push({ kind: 'column', relation, column: baseName(entry, column), at });
  }
}

/** The column's own name in its relation, which `t(a, b)` may have renamed. */
function baseName(entry: RangeTableEntry, column: RangeTableColumn): string {
  if (entry.source.kind !== 'relation') return column.name;
  const index = entry.columns.indexOf(column);
  return entry.source.view.columns[index]?.column.name ?? column.name;
}

/** Refuses a column that is withheld. */
export function denied(r: Resolver, entry: RangeTableEntry, name: string, at: number): Expression {
  const source = sourceOf(entry, name);
  if (source) r.uses.push({ kind: 'column', relation: source, column: name, at });
  r.refuse(
    'column-withheld',
    '42501',
    `permission denied for column "${name}"${source ? ` of relation "${source.name}"` : ''}`,
    at,
  );
  return UNRESOLVED;
}

function sourceOf(
  entry: RangeTableEntry,
  name: string,
): Extract<RangeTableEntry['source'], { kind: 'relation' }>['view']['relation'] | undefined {
  if (entry.source.kind === 'relation') return entry.source.view.relation;
  if (entry.source.kind === 'excluded') return sourceOf(entry.source.of, name);
  if (entry.source.kind !== 'join') return undefined;
  for (const arm of entry.source.arms) {
    if (arm.columns.some((c) => c.name === name)) return sourceOf(arm, name);
  }
  return undefined;
}

function wholeRow(r: Resolver, node: Node, entry: RangeTableEntry, at: number): Expression {
  const value = entry.source.kind === 'function' && entry.source.scalar ? entry.columns[0] : undefined;
  if (value) return taken(r, node, { entry, column: value }, at);
  refuseShadow(r, entry, at);
  r.marks.wholeRows.push({ node, entry });
  r.touched.push(entry.level);
  for (const column of entry.columns)
    if (column.access === 'granted' && !column.implicit) recordUse(r, entry, column, at);
  const source = entry.source;
  const named = source.kind === 'relation' && !source.view.guarded;
  return {
    type: named ? source.view.relation.rowType : RECORD,
    leakproof: entry.columns.every((c) => !c.leaky),
    constant: false,
    barrier: 'none',
  };
}

/** `old`, `new` and `excluded` may be no row at all, which one put together again could not say. */
function refuseShadow(r: Resolver, entry: RangeTableEntry, at: number): void {
  if (entry.source.kind !== 'excluded') return;
  const of = entry.source.of.source;
  if (of.kind !== 'relation' || !of.view.guarded) return;
  r.refuse(
    'unsupported',
    '0A000',
    `a whole row of "${of.view.relation.name}" is not supported here: name its columns`,
    at,
  );
}

/** The columns of `*` or `name.*`, in order. */
export function resolveStar(r: Resolver, body: Body<'ColumnRef'>, scope: Scope): StarColumn[] {
  r.read.add(body);
  const at = r.at(body.location);
  const parts = (body.fields ?? []).slice(0, -1).map((f) => stringOf(f) ?? kindOf(f));
  const columns: StarColumn[] = [];
  const add = (entry: RangeTableEntry): void => {
    for (const column of entry.columns) {
      if (column.access !== 'granted' || column.implicit || column.starless) continue;
      columns.push({ entry, column });
      recordUse(r, entry, column, at);
    }
  };
  if (parts.length === 0) {
    for (const entry of scope.entries) if (entry.columnsVisible) add(entry);
  } else {
    const entry = findEntry(r, parts, scope, at);
    if (entry) {
      noteQualified(r, body, entry, parts.length - 1);
      r.touched.push(entry.level);
      add(entry);
    }
  }
  return columns;
}

/** A spelling that can only mean this column; undefined if there is none. */
export function spell(entry: RangeTableEntry, column: RangeTableColumn): string | undefined {
  if (entry.source.kind === 'join' && entry.name === undefined) {
    // A merged column's bare name may be one of a third table as well.
    const source = column.from ?? column.same;
    return source ? spell(source.entry, source.column) : quoteName(column.name);
  }
  const name = entry.rename ?? entry.name;
  // INVARIANT 148: a name that an alias of its join hides means the other item that has it.
  if (name === undefined || (entry.hasTwin && !entry.nameVisible)) return undefined;
  const own = sentColumn(entry, column);
  if (own !== undefined) return `${quoteName(name)}.${own}`;
  return isAmbiguousName(entry, column) ? undefined : `${quoteName(name)}.${quoteName(column.name)}`;
}

/** Whether another column of the entry has its name. */
export function isAmbiguousName(entry: RangeTableEntry, column: RangeTableColumn): boolean {
  return entry.columns.some((c) => c !== column && c.name === column.name && c.access === 'granted' && !c.implicit);
}
