/** Resolves a SELECT, VALUES, TABLE or set operation into a Level, in the order in which PostgreSQL reads its clauses. */
import type { Oid } from '../catalog.ts';
import { columnName } from '../colname.ts';
import type { Body, Node } from '../tree.ts';
import { as, kindOf, stringOf } from '../tree.ts';
import { coercion } from '../types/coercion.ts';
import { commonType } from '../types/common-type.ts';
import { INT8, TEXT, UNKNOWN } from '../types/oids.ts';
import { notePath, notePaths } from './builds.ts';
import { findColumns, resolveStar } from './column.ts';
import { resolveWith } from './cte.ts';
import { asBoolean, resolveExpression } from './expression.ts';
import { noteCount, noteRows } from './fallible.ts';
import { resolveFrom } from './from.ts';
import type { CteScope, Level, Root, Scope } from './model.ts';
import type { Resolver } from './resolver.ts';
import { isSoundCoercion } from './sound.ts';
import { noteCoercion } from './stability.ts';

type Select = Body<'SelectStmt'>;

/** Where a query stands: the names around it. */
export interface Place {
  readonly outer: Scope | undefined;
  readonly ctes: CteScope | undefined;
}

/** A level with nothing in it yet. */
export function newLevel(r: Resolver, kind: Level['kind'], select: Select | undefined, place: Place): Level {
  const level: Level = {
    kind,
    select,
    arms: [],
    entries: [],
    outer: place.outer,
    ctes: place.ctes,
    outputs: [],
    aggregated: false,
    groupKeys: [],
    groupingSets: false,
    roots: [],
    subqueries: [],
    exports: undefined,
  };
  r.marks.levels.push(level);
  return level;
}

/** `afterLeft` hears of the first arm of a set operation before the second is read: how a recursive CTE learns its columns. */
export function resolveSelect(r: Resolver, select: Select, place: Place, afterLeft?: (left: Level) => void): Level {
  return r.deeper(
    () => resolveHere(r, select, place, afterLeft),
    () => newLevel(r, 'values', undefined, place),
  );
}

function resolveHere(r: Resolver, select: Select, place: Place, afterLeft?: (left: Level) => void): Level {
  if (select.intoClause) r.refuse('statement-not-allowed', '42501', 'permission denied for SELECT INTO');
  const ctes = select.withClause ? resolveWith(r, select.withClause, place) : place.ctes;
  const inside: Place = { outer: place.outer, ctes };
  if (select.op !== undefined && select.op !== 'SETOP_NONE') return resolveSet(r, select, inside, afterLeft);
  if (select.valuesLists) return resolveValues(r, select, inside);
  return resolvePlain(r, select, inside);
}

function resolvePlain(r: Resolver, select: Select, place: Place): Level {
  const level = newLevel(r, 'select', select, place);
  resolveFrom(r, select.fromClause ?? [], level);
  const scope: Scope = { level, entries: level.entries, outer: level.outer };
  const targets = select.targetList ?? [];
  for (const node of targets) resolveTarget(r, node, scope, targets);
  if (select.whereClause) condition(r, select.whereClause, 'row', scope, 'WHERE');
  if (select.havingClause) {
    level.aggregated = true;
    condition(r, select.havingClause, 'group', scope, 'HAVING');
  }
  for (const sort of select.sortClause ?? []) resolveSortKey(r, sort, scope, targets);
  for (const item of select.groupClause ?? []) resolveGroupItem(r, item, scope, targets);
  for (const item of select.distinctClause ?? []) {
    if (Object.keys(item).length > 0) resolveOutputOrExpression(r, item, scope, targets);
  }
  resolveLimit(r, select, place, level);
  for (const window of select.windowClause ?? []) resolveWindow(r, as(window, 'WindowDef')!, scope);
  resolveLocks(r, select, level);
  return level;
}

/** One item of a select or RETURNING list. */
export function resolveTarget(r: Resolver, node: Node, scope: Scope, list: readonly Node[]): void {
  const target = as(node, 'ResTarget');
  const value = target?.val;
  if (!target || !value) {
    r.unsupported(kindOf(node), undefined);
    return;
  }
  const reference = as(value, 'ColumnRef');
  if (reference && kindOf(reference.fields!.at(-1)!) === 'A_Star') {
    const columns = resolveStar(r, reference, scope);
    r.marks.stars.push({ target, columns, level: scope.level, list: list as Node[] });
    for (const { entry, column } of columns)
      notePath(r, column.from?.entry ?? entry, column.name, scope.level, r.at(reference.location));
    for (const { column } of columns)
      scope.level.outputs.push({
        name: column.name,
        type: column.type,
        tells: column.tells,
        catalog: column.catalog === true,
      });
    return;
  }
  const found = root(r, value, 'group', scope, target);
  notePaths(r, value, scope.level);
  // An untyped literal becomes text when a query's output is settled.
  const type = found.type === UNKNOWN ? TEXT : found.type;
  const catalog = r.marks.references.get(value)?.column.catalog === true;
  scope.level.outputs.push({ name: target.name ?? columnName(value), type, tells: tells(r, value), catalog });
}

/** Resolves an expression of a clause and remembers it as one of the level's. */
export function root(r: Resolver, node: Node, phase: Root['phase'], scope: Scope, target?: Body<'ResTarget'>) {
  const found = resolveExpression(r, node, { ...scope, phase });
  scope.level.roots.push({ node, phase, inFrom: false, scope, target });
  return found;
}

/** The same for a condition, which must be a truth. */
export function condition(r: Resolver, node: Node, phase: Root['phase'], scope: Scope, place: string): void {
  asBoolean(r, node, root(r, node, phase, scope), place);
}

/** Whether anything in the expression is unsound. A COLLATE is, as an output: two that differ fail where they are compared. */
function tells(r: Resolver, node: Node): boolean {
  let found = false;
  const walk = (value: unknown): void => {
    if (found || typeof value !== 'object' || value === null) return;
    const expression = r.marks.expressions.get(value as Node);
    if ('CollateClause' in value || (expression && !expression.sound && !expression.constant)) found = true;
    else for (const inner of Object.values(value)) walk(inner);
  };
  walk(node);
  return found;
}

function resolveSortKey(r: Resolver, sort: Node, scope: Scope, targets: readonly Node[]): void {
  resolveOutputOrExpression(r, sortKey(r, sort), scope, targets);
}

/** The expression of an ORDER BY item. INVARIANT: USING an operator runs functions that nobody has judged. */
export function sortKey(r: Resolver, sort: Node): Node {
  const key = as(sort, 'SortBy')!;
  if (key.useOp && key.useOp.length > 0) r.unsupported('ORDER BY … USING', key.location);
  return key.node!;
}

/** ORDER BY and DISTINCT ON: an output column's name or number before an expression over input columns. */
function resolveOutputOrExpression(r: Resolver, node: Node, scope: Scope, targets: readonly Node[]): void {
  if (outputIndex(r, node, targets, scope.level) !== undefined) return;
  root(r, node, 'group', scope);
}

function outputIndex(r: Resolver, node: Node, targets: readonly Node[], level: Level): number | undefined {
  const number = as(node, 'A_Const')?.ival?.ival;
  if (number !== undefined) return number - 1;
  const fields = as(node, 'ColumnRef')?.fields;
  const name = fields?.length === 1 ? stringOf(fields[0]) : undefined;
  if (name === undefined) return undefined;
  const index = level.outputs.findIndex((o) => o.name === name);
  if (index < 0 || (targets.length === 0 && level.kind === 'select')) return undefined;
  r.read.add(as(node, 'ColumnRef')!);
  return index;
}

function resolveGroupItem(r: Resolver, item: Node, scope: Scope, targets: readonly Node[]): void {
  const { level } = scope;
  level.aggregated = true;
  const set = as(item, 'GroupingSet');
  if (set) {
    level.groupingSets = true;
    for (const inner of set.content ?? []) resolveGroupItem(r, inner, scope, targets);
    return;
  }
  const row = as(item, 'RowExpr');
  if (row && row.row_format === 'COERCE_IMPLICIT_CAST') {
    for (const inner of row.args ?? []) resolveGroupItem(r, inner, scope, targets);
    return;
  }
  const named = groupTarget(item, scope, targets);
  if (named) {
    const reference = as(item, 'ColumnRef');
    if (reference) r.read.add(reference);
    level.groupKeys.push(named);
    return;
  }
  level.groupKeys.push(item);
  // A subquery in it is read as in the select list, where it stands again: both are wrapped whole.
  resolveExpression(r, item, { ...scope, phase: 'group' });
  level.roots.push({ node: item, phase: 'row', inFrom: false, scope, target: undefined });
}

/** GROUP BY 1 and GROUP BY name: an input column's name goes before an output's. */
function groupTarget(item: Node, scope: Scope, targets: readonly Node[]): Node | undefined {
  const number = as(item, 'A_Const')?.ival?.ival;
  if (number !== undefined) return targetAt(targets, number - 1);
  const fields = as(item, 'ColumnRef')?.fields;
  const name = fields?.length === 1 ? stringOf(fields[0]) : undefined;
  if (name === undefined || findColumns(scope.entries, name).length > 0) return undefined;
  for (const node of targets) {
    const target = as(node, 'ResTarget');
    if (target?.val && (target.name ?? columnName(target.val)) === name) return target.val;
  }
  return undefined;
}

/** The expression at a place of the list; none where a star stands before it: then the place cannot be told by the tree alone. */
function targetAt(targets: readonly Node[], index: number): Node | undefined {
  for (let i = 0; i <= index; i++) {
    const value = as(targets[i], 'ResTarget')?.val;
    const fields = as(value, 'ColumnRef')?.fields;
    if (fields && kindOf(fields.at(-1)!) === 'A_Star') return undefined;
  }
  return as(targets[index], 'ResTarget')?.val;
}

/** PARTITION BY, ORDER BY and frame offsets of a window. */
export function resolveWindow(r: Resolver, window: Body<'WindowDef'>, scope: Scope): void {
  for (const node of window.partitionClause ?? []) root(r, node, 'group', scope);
  for (const node of window.orderClause ?? []) root(r, sortKey(r, node), 'group', scope);
  for (const node of [window.startOffset, window.endOffset]) {
    if (!node) continue;
    root(r, node, 'group', scope);
    noteCount(r, node, scope.level);
  }
}

function resolveLimit(r: Resolver, select: Select, place: Place, level: Level): void {
  const empty = newLevel(r, 'values', undefined, place);
  for (const node of [select.limitCount, select.limitOffset]) {
    if (!node) continue;
    const found = resolveExpression(r, node, { level: empty, entries: [], outer: place.outer });
    noteCount(r, node, level);
    const parameter = as(node, 'ParamRef')?.number;
    if (parameter !== undefined && found.type === UNKNOWN) r.settle(parameter, INT8);
    noteCoercion(r, coercion(r.env.catalog, found.type, INT8, 'assignment'), -1);
  }
}

function resolveLocks(r: Resolver, select: Select, level: Level): void {
  for (const node of select.lockingClause ?? []) {
    const names = (as(node, 'LockingClause')?.lockedRels ?? []).map((n) => as(n, 'RangeVar')!);
    const wanted = level.entries.filter((e) => names.length === 0 || names.some((n) => n.relname === e.name));
    for (const name of names) {
      r.read.add(name);
      if (name.schemaname || !wanted.some((e) => e.name === name.relname)) {
        r.refuse(
          'relation-unknown',
          '42P01',
          `relation "${name.relname}" in FOR UPDATE clause not found in FROM clause`,
          r.at(name.location),
        );
      }
    }
    for (const entry of wanted) lock(r, entry);
  }
}

function lock(r: Resolver, entry: Level['entries'][number]): void {
  if (entry.source.kind === 'relation') {
    const at = r.at(as(entry.source.node, 'RangeVar')?.location);
    r.uses.push({ kind: 'relation', relation: entry.source.view.relation, action: 'lock', at });
  } else if (entry.source.kind === 'query') for (const inner of entry.source.level.entries) lock(r, inner);
}

function resolveValues(r: Resolver, select: Select, place: Place): Level {
  const level = newLevel(r, 'values', select, place);
  const scope: Scope = { level, entries: [], outer: place.outer };
  const columns: { types: Oid[]; tells: boolean }[] = [];
  for (const list of select.valuesLists ?? []) {
    (as(list, 'List')?.items ?? []).forEach((node, i) => {
      const found = root(r, node, 'row', scope);
      columns[i] ??= { types: [], tells: false };
      columns[i].types.push(found.type);
      columns[i].tells ||= tells(r, node);
    });
  }
  columns.forEach((c, i) => {
    const type = commonType(r.env.catalog, c.types);
    noteRows(r, type, c.types.length, scope);
    level.outputs.push({ name: `column${i + 1}`, type, tells: c.tells || converted(r, c.types, type), catalog: false });
  });
  for (const sort of select.sortClause ?? []) resolveOutputName(r, sort, level);
  resolveLimit(r, select, place, level);
  return level;
}

function resolveSet(r: Resolver, select: Select, place: Place, afterLeft?: (left: Level) => void): Level {
  const level = newLevel(r, 'set', select, place);
  const left = resolveSelect(r, select.larg!, place);
  afterLeft?.(left);
  const right = resolveSelect(r, select.rarg!, place);
  (level.arms as Level[]).push(left, right);
  left.outputs.forEach((output, i) => {
    const other = right.outputs[i];
    const type = other ? commonType(r.env.catalog, [output.type, other.type]) : output.type;
    const converts = converted(r, [output.type, other?.type ?? type], type);
    noteRows(r, type, 2, { level, entries: [], outer: level.outer });
    level.outputs.push({
      name: output.name,
      type,
      tells: output.tells || other?.tells === true || converts,
      catalog: output.catalog && other?.catalog === true,
    });
  });
  for (const sort of select.sortClause ?? []) resolveOutputName(r, sort, level);
  resolveLimit(r, select, place, level);
  if (select.lockingClause?.length) r.unsupported('FOR UPDATE with UNION/INTERSECT/EXCEPT', undefined);
  return level;
}

/** Whether a column's way to the type that all arms or rows of it share can fail. */
function converted(r: Resolver, types: readonly Oid[], common: Oid): boolean {
  const ways = types.map((type) => coercion(r.env.catalog, type, common, 'implicit'));
  for (const way of ways) noteCoercion(r, way, -1);
  return !ways.every(isSoundCoercion);
}

/** ORDER BY of a set operation or VALUES: only names and numbers of output columns. */
function resolveOutputName(r: Resolver, sort: Node, level: Level): void {
  if (outputIndex(r, sortKey(r, sort), [], level) === undefined) {
    r.refuse(
      'unsupported',
      '0A000',
      'ORDER BY of UNION, INTERSECT, EXCEPT or VALUES takes names of output columns only',
      r.at(as(sort, 'SortBy')?.location),
    );
  }
}
