/** Which people of a level are the same one: those whose keys its joins and conditions hold equal in every row. */
import type { Marks } from '../../sql/analyze/findings.ts';
import type { Entry, Level } from '../../sql/analyze/model.ts';
import type { Catalog, Oid } from '../../sql/catalog.ts';
import { as, type Body, type Node, strings } from '../../sql/tree.ts';
import * as t from '../../sql/types/oids.ts';
import { baseType } from '../../sql/types/type.ts';
import { behindJoins } from '../rewrite/group-keys.ts';
import type { Column, Person, Shown } from './person.ts';

export interface TieContext {
  readonly level: Level;
  readonly shown: Shown;
  readonly marks: Marks;
  readonly catalog: Catalog;
  readonly spend: () => void;
}

/** `where`: what every row of the level fulfils. */
export function tiePeople(context: TieContext, where: Node | undefined): void {
  const joins = new Set<Body<'JoinExpr'>>();
  for (const { source } of context.level.entries) {
    // A join whose USING has a name of its own stands there twice.
    if (source.kind !== 'join' || joins.has(source.join)) continue;
    joins.add(source.join);
    tieJoin(context, source.join, source.arms);
  }
  for (const equality of conjuncts(where)) tieEverywhere(context, equality);
}

function tieJoin(context: TieContext, join: Body<'JoinExpr'>, [left, right]: readonly Entry[]): void {
  if (!left || !right) return;
  const conditions = conjuncts(join.quals);
  if (join.jointype === 'JOIN_INNER') {
    for (const condition of conditions) tieEverywhere(context, condition);
    for (const [a, b] of mergedKeys(context, left, right)) tie(context, a, b);
    return;
  }
  const [inLeft, inRight] = [below(left), below(right)];
  const found = new Set<Person>();
  const nullable = join.jointype === 'JOIN_LEFT' ? [inRight] : join.jointype === 'JOIN_RIGHT' ? [inLeft] : [];
  const pairs = conditions.flatMap((condition) => equalKeys(context, condition));
  for (const [a, b] of [...pairs.map(([x, y]) => [x, y] as const), ...mergedKeys(context, left, right)]) {
    const [x, y] = [context.shown.get(a), context.shown.get(b)];
    if (!x || !y) continue;
    if (nullable.some((side) => side.has(a.entry) && side.has(b.entry))) tie(context, a, b);
    else if ((inLeft.has(a.entry) && inRight.has(b.entry)) || (inRight.has(a.entry) && inLeft.has(b.entry))) {
      // INVARIANT: one equality of each: where the other side is missing, two that would equal it need not equal each other.
      if (found.has(x.one) || found.has(y.one)) continue;
      // INVARIANT: what is known of one that may be missing is not known of one that is always there.
      if (x.pinned !== y.pinned || x.outer !== y.outer) continue;
      tie(context, a, b);
      found.add(x.one);
    }
  }
}

/** All entries that a join's arm stands for. */
function below(entry: Entry): Set<Entry> {
  const all = new Set<Entry>([entry]);
  if (entry.source.kind === 'join') for (const arm of entry.source.arms) for (const inner of below(arm)) all.add(inner);
  return all;
}

/** What USING and NATURAL hold equal. */
function mergedKeys({ catalog }: TieContext, left: Entry, right: Entry): (readonly [Column, Column])[] {
  const level = left.level;
  const join = level.entries.find(({ source }) => source.kind === 'join' && source.arms[0] === left);
  return (join?.columns ?? []).flatMap((column) => {
    if (column.merged !== true || column.from) return [];
    const [a, b] = [left, right].map((entry) => {
      const own = entry.columns.find((c) => c.name === column.name && c.access === 'granted');
      return own && behindJoins({ entry, column: own });
    });
    return a && b && sameKind(catalog, a.column, b.column) ? [[a, b] as const] : [];
  });
}

function tieEverywhere(context: TieContext, condition: Node): void {
  for (const [a, b] of equalKeys(context, condition)) tie(context, a, b);
  const pinned = pinnedBy(context, condition);
  if (pinned) pinned.pin();
}

function tie({ level, shown }: TieContext, a: Column, b: Column): void {
  const [x, y] = [shown.get(a), shown.get(b)];
  if (!x || !y) return;
  if (x.level === level && y.level === level) x.unite(y);
  else if (x.level === level) x.tieOutside(y);
  else if (y.level === level) y.tieOutside(x);
}

/** The parts of a condition that all hold where it does. */
function conjuncts(condition: Node | undefined): Node[] {
  const and = as(condition, 'BoolExpr');
  if (and?.boolop === 'AND_EXPR') return (and.args ?? []).flatMap(conjuncts);
  return condition ? [condition] : [];
}

/** INVARIANT: the server's own equality alone, of two plain columns: any other may hold of two different people. */
function equalKeys(context: TieContext, condition: Node): (readonly [Column, Column])[] {
  context.spend();
  const [a, b] = operands(condition).map((node) => columnOf(context, node));
  return a && b && sameKind(context.catalog, a.column, b.column) ? [[a, b]] : [];
}

function pinnedBy(context: TieContext, condition: Node): Person | undefined {
  const [left, right] = operands(condition);
  for (const [key, other] of [
    [left, right],
    [right, left],
  ]) {
    const column = key && columnOf(context, key);
    const person = column && context.shown.get(column);
    if (!person || !other || person.level !== context.level || column.column.collation !== undefined) continue;
    if (isGiven(context, other) && comparesExactly(context, column, other)) return person;
  }
  return undefined;
}

/** Whether `=` holds of one value of the column alone: not as float or in a type that folds case. */
function comparesExactly({ marks, catalog }: TieContext, { column }: Column, other: Node): boolean {
  const key = baseType(catalog, column.type);
  const type = baseType(catalog, marks.expressions.get(other)?.type ?? t.UNTELLABLE);
  if (type === t.UNKNOWN || type === key) return catalog.typesByOid.get(key)?.schema === 'pg_catalog';
  return [INTEGERS, TEXTS].some((family) => family.includes(key) && family.includes(type));
}

/** A constant or a parameter, cast or not. */
function isGiven({ marks }: TieContext, node: Node): boolean {
  const cast = as(node, 'TypeCast')?.arg;
  if (cast && isParameter(cast)) return true;
  return isParameter(node) || marks.expressions.get(node)?.constant === true;
}

function isParameter(node: Node): boolean {
  return 'ParamRef' in node;
}

function operands(condition: Node): Node[] {
  const body = as(condition, 'A_Expr');
  if (body?.kind !== 'AEXPR_OP' || !body.lexpr || !body.rexpr) return [];
  const name = strings(body.name);
  const equal = name.at(-1) === '=' && (name.length === 1 || (name.length === 2 && name[0] === 'pg_catalog'));
  return equal ? [body.lexpr, body.rexpr] : [];
}

/** A plain column of FROM. */
export function columnOf({ marks }: Pick<TieContext, 'marks'>, node: Node | undefined): Column | undefined {
  const reference = node && 'ColumnRef' in node ? marks.references.get(node) : undefined;
  return reference && behindJoins(reference);
}

const INTEGERS: readonly Oid[] = [t.INT2, t.INT4, t.INT8];
const TEXTS: readonly Oid[] = [t.TEXT, 1043 /* varchar */];

/** Whether `=` between them is the server's own, and holds of the same value alone. */
export function sameKind(catalog: Catalog, a: Compared, b: Compared): boolean {
  if (a.collation !== undefined || b.collation !== undefined) return false;
  const [x, y] = [baseType(catalog, a.type), baseType(catalog, b.type)];
  if (catalog.typesByOid.get(x)?.schema !== 'pg_catalog') return false;
  return x === y || [INTEGERS, TEXTS].some((family) => family.includes(x) && family.includes(y));
}

interface Compared {
  readonly type: Oid;
  readonly collation?: Oid | undefined;
}
