/** Resolves JOIN: which columns it shows, merged by USING or NATURAL, and its condition. */

import type { Body } from '../parse/tree.ts';
import { placeIn, strings } from '../parse/tree.ts';
import { isName, tokenAt } from '../text/tokens.ts';
import { coercion } from '../types/coercion.ts';
import { commonType } from '../types/common-type.ts';
import { resolveOperator } from '../types/operator.ts';
import { columnCollation } from './collation.ts';
import { denied } from './column.ts';
import { aliasColumns, enter } from './entries.ts';
import { cannotLeak, coercionCannotLeak } from './leakproof-expressions.ts';
import type { QueryLevel, RangeTableColumn, RangeTableEntry, Scope } from './range-table.ts';
import type { Resolver } from './resolver.ts';
import { condition } from './root.ts';
import { noteCoercion, noteStability } from './stability.ts';

/** Adds the join's own entry after those of its arms, which the level contains; returns them all, the join's last. */
export function resolveJoin(
  r: Resolver,
  body: Body<'JoinExpr'>,
  level: QueryLevel,
  left: readonly RangeTableEntry[],
  right: readonly RangeTableEntry[],
): RangeTableEntry[] {
  const below = [...left, ...right];
  const l = left.at(-1);
  const other = right.at(-1);
  if (!l || !other) return below;
  // ON sees the arms of its own join before their columns are merged, and outer queries.
  const scope: Scope = { level, entries: below, outer: level.outer };
  const sides = body.jointype === 'JOIN_FULL' ? ([left, right] as const) : undefined;
  if (body.quals) condition(r, body.quals, 'row', scope, 'JOIN/ON', sides);
  r.parsed.workLimit.spend(below.length + l.columns.length + other.columns.length);
  const shared = body.isNatural ? commonNames(l, other) : strings(body.usingClause);
  const merged = shared.map((name) => merge(r, l, other, name, body));
  const rest = (entry: RangeTableEntry): RangeTableColumn[] => {
    if (shared.length === 0 && isPlainJoin(entry)) return entry.columns;
    return entry.columns
      .filter((c) => !c.implicit && (c.access === 'withheld' || !shared.includes(c.name)))
      .map((column) => (isTakenUp(entry, column) ? column : takenUp(entry, column)));
  };
  const columns = merged.concat(rest(l), rest(other));
  l.columnsVisible = false;
  other.columnsVisible = false;
  if (body.alias) for (const entry of below) entry.nameVisible = false;
  const plain =
    !body.alias && [l, other].every((arm) => arm.source.kind !== 'join' || isPlainJoin(arm)) && merged.length === 0;
  const source = { kind: 'join', arms: [l, other], plain, shared, join: body } as const;
  const added: RangeTableEntry[] = [];
  if (body.join_using_alias) {
    const using = enter(
      r,
      level,
      { name: body.join_using_alias.aliasname, schema: undefined, columns: merged, source },
      -1,
    );
    using.columnsVisible = false;
    added.push(using);
  }
  const named = aliasColumns(r, columns, body.alias, -1);
  const entry = enter(r, level, { name: body.alias?.aliasname, schema: undefined, columns: named, source }, -1);
  if (body.alias) r.marks.aliased.push({ body, entry });
  added.push(entry);
  return [...below, ...added];
}

/** A join below without a name of its own says already where its columns come from: a long chain of joins makes each of them once. */
function isTakenUp(entry: RangeTableEntry, column: RangeTableColumn): boolean {
  return entry.name === undefined && column.from !== undefined && column.merged !== true;
}

/** Field by field: a catalog has dozens of columns, and a spread is slow. */
function takenUp(entry: RangeTableEntry, column: RangeTableColumn): RangeTableColumn {
  const { name, type, leaky, access, same, catalog, implicit, starless, collation } = column;
  const from = { entry, column };
  return { name, type, leaky, access, same, catalog, implicit, starless, collation, merged: false, from };
}

function isPlainJoin({ source }: RangeTableEntry): boolean {
  return source.kind === 'join' && source.plain;
}

function commonNames(left: RangeTableEntry, right: RangeTableEntry): string[] {
  const granted = (entry: RangeTableEntry) =>
    entry.columns.filter((c) => c.access === 'granted' && !c.implicit).map((c) => c.name);
  const names = new Set(granted(right));
  return granted(left).filter((name) => names.has(name));
}

/** The column that USING or NATURAL makes of two. */
function merge(
  r: Resolver,
  left: RangeTableEntry,
  right: RangeTableEntry,
  name: string,
  join: Body<'JoinExpr'>,
): RangeTableColumn {
  const [a, b] = [left, right].map((entry) => {
    const found = entry.columns.filter((c) => c.name === name && c.access === 'granted' && !c.implicit);
    if (found.length === 1) return found[0];
    const withheld = entry.columns.some((c) => c.name === name && c.access === 'withheld');
    const at = placeInUsing(r, join, name);
    const side = `${entry === left ? 'left' : 'right'} table`;
    if (withheld) denied(r, entry, name, at);
    else if (found.length > 1)
      r.refuse('column-unknown', '42702', `common column name "${name}" appears more than once in ${side}`, at);
    else
      r.refuse('column-unknown', '42703', `column "${name}" specified in USING clause does not exist in ${side}`, at);
    return undefined;
  });
  const { catalog, searchPath } = r.env;
  const [l, o] = [a?.type ?? 0, b?.type ?? 0];
  const equal = resolveOperator(catalog, searchPath, { name: '=' }, l, o);
  noteStability(r, equal, -1);
  if (equal.kind === 'found' && equal.operator) {
    r.uses.push({ kind: 'operator', name: '=', types: [l, o], candidates: [equal.operator], at: -1 });
  }
  const type = commonType(catalog, [l, o]);
  const ways = [l, o].map((from) => coercion(catalog, from, type, 'implicit'));
  for (const way of ways) noteCoercion(r, way, -1);
  const collations = new Set(
    [a, b].map((column) => column && columnCollation(catalog, column)).filter((collation) => collation !== undefined),
  );
  const leakproof = cannotLeak(r, equal) && ways.every(coercionCannotLeak) && collations.size < 2;
  const leaky = !leakproof || a?.leaky === true || b?.leaky === true;
  if (leaky) {
    r.marks.tellingMerges.push({ level: left.level, name });
    const scope = { level: left.level, entries: [], outer: left.level.outer };
    r.marks.fallible.push({ scope, afterRows: false });
  }
  const [collation] = collations;
  const same = sameAs(join.jointype, { entry: left, column: a }, { entry: right, column: b }, type);
  return {
    name,
    type,
    leaky,
    access: 'granted',
    merged: true,
    ...(same && { same }),
    ...(collation !== undefined && { collation }),
  };
}

/** The position of a name in a join's USING, which the tree does not have; -1 if it is not found. */
function placeInUsing(r: Resolver, { usingClause, rarg }: Body<'JoinExpr'>, name: string): number {
  const inside = rarg && placeIn(rarg);
  const tokens = r.parsed.tokens();
  const names = strings(usingClause);
  for (
    let i = inside === undefined ? -1 : tokenAt(tokens, r.parsed.toChar(inside));
    i >= 0 && i < tokens.length;
    i += 1
  ) {
    if (tokens[i]!.word !== 'using' || tokens[i + 1]?.word !== '(') continue;
    const listed = names.map((_, k) => tokens[i + 2 + 2 * k]);
    if (listed.every((token, k) => token && isName(token, names[k]!))) return listed[names.indexOf(name)]?.start ?? -1;
  }
  return -1;
}

type Side = { readonly entry: RangeTableEntry; readonly column: RangeTableColumn | undefined };

/** The side whose column a merged column is (buildMergedJoinVar in PostgreSQL); undefined if it is converted, or made of both. */
function sameAs(join: Body<'JoinExpr'>['jointype'], left: Side, right: Side, type: number): RangeTableColumn['same'] {
  const sides =
    join === 'JOIN_INNER' ? [left, right] : join === 'JOIN_LEFT' ? [left] : join === 'JOIN_RIGHT' ? [right] : [];
  for (const { entry, column } of sides) if (column && column.type === type && type !== 0) return { entry, column };
  return undefined;
}
