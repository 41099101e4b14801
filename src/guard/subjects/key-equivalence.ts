/** Which keys of a level are equal in every row, and which follow another: what its joins and its WHERE prove. */
import type { Analysis } from '../../sql/analyze/analyze.ts';
import type { QueryLevel, RangeTableEntry } from '../../sql/analyze/range-table.ts';
import type { Catalog } from '../../sql/catalog/catalog.ts';
import { type Body, type Node, strings } from '../../sql/parse/tree.ts';
import { behindJoins } from '../rewrite/group-keys.ts';
import { type Conditions, conjuncts } from './conditions.ts';
import { Key } from './key.ts';
import { isOneKey } from './key-types.ts';
import type { ColumnOf, ShownKeys } from './shown-keys.ts';

export interface LevelKeys {
  readonly level: QueryLevel;
  readonly analysis: Analysis;
  readonly catalog: Catalog;
  readonly conditions: Conditions;
  readonly shown: ShownKeys;
  /** The keys of the level. */
  readonly keys: Key[];
  /** Columns of its FROM items that have one value, which the statement gives. */
  readonly fixed: ColumnOf[];
}

type Pair = readonly [ColumnOf, ColumnOf];

/** `where`: what every row of the level fulfils. */
export function tieKeys(context: LevelKeys, where: Node | undefined): void {
  const joins = new Map<Body<'JoinExpr'>, RangeTableEntry>();
  // A join whose USING has an alias is there twice.
  for (const entry of context.level.entries) if (entry.source.kind === 'join') joins.set(entry.source.join, entry);
  const missing = new Set<RangeTableEntry>();
  for (const { source } of joins.values()) {
    if (source.kind !== 'join') continue;
    for (const side of nullableSides(source.join, source.arms)) for (const one of below(side)) missing.add(one);
  }
  for (const entry of joins.values()) tieJoin(context, entry, missing);
  tie(context, conjuncts(where), [], new Set(context.level.entries), true);
  // WHERE lets no row pass in which the key is missing: there it equals what it follows.
  for (const key of context.keys)
    if (key.present) for (const leader of key.leaders()) if (leader.level === context.level) key.unite(leader);
}

function nullableSides({ jointype }: Body<'JoinExpr'>, arms: readonly RangeTableEntry[]): readonly RangeTableEntry[] {
  const sides = { JOIN_INNER: [], JOIN_LEFT: arms.slice(1), JOIN_RIGHT: arms.slice(0, 1) };
  return sides[jointype as keyof typeof sides] ?? arms;
}

function tieJoin(context: LevelKeys, entry: RangeTableEntry, missing: ReadonlySet<RangeTableEntry>): void {
  if (entry.source.kind !== 'join') return;
  const { join, arms } = entry.source;
  const [left, right] = arms;
  if (!left || !right) return;
  const conditions = conjuncts(join.quals);
  const merged = mergedPairs(context, entry, join, left, right);
  if (join.jointype === 'JOIN_FULL') {
    tieFull(context, entry, conditions, merged, below(left), below(right));
    return;
  }
  const isInner = join.jointype === 'JOIN_INNER';
  const sides = isInner ? arms : nullableSides(join, arms);
  const pairs = merged.map(({ pair }) => pair);
  tie(context, conditions, pairs, new Set(sides.flatMap((side) => [...below(side)])), isInner && !missing.has(entry));
}

/**
 * Conditions that hold in every row in which nothing of these items is missing. ON says nothing of the side that stays: its rows come, whatever it says
 * of them. `always`: they hold in every row.
 */
function tie(
  { conditions, shown, fixed }: LevelKeys,
  parts: readonly Node[],
  pairs: readonly Pair[],
  of: ReadonlySet<RangeTableEntry>,
  always: boolean,
): void {
  const equate = ([a, b]: Pair): void => {
    for (const [mine, other] of [[a, b] as const, [b, a] as const]) {
      const [key, leader] = [shown.comparable(mine), shown.comparable(other)];
      if (!key || !of.has(mine.entry)) continue;
      if (always) key.setPresent();
      if (leader && of.has(other.entry)) key.unite(leader);
      else if (leader) key.follow(leader);
    }
  };
  for (const pair of pairs) equate(pair);
  for (const part of parts) {
    const pair = conditions.equal(part);
    if (pair) equate(pair);
    const given = conditions.given(part);
    // INVARIANT 191: of an item around, a condition of a query inside says nothing.
    if (!given || !of.has(given.column.entry)) continue;
    if (given.single) fixed.push(given.column);
    const key = shown.comparable(given.column);
    key?.give(given.keys);
    if (always) key?.setPresent();
  }
}

/** Of both sides of a FULL JOIN one may be missing: their keys follow the one that is the left's or, where that is missing, the right's. */
function tieFull(
  { level, shown, keys, conditions: known }: LevelKeys,
  entry: RangeTableEntry,
  conditions: readonly Node[],
  merged: readonly { readonly pair: Pair; readonly index: number }[],
  left: ReadonlySet<RangeTableEntry>,
  right: ReadonlySet<RangeTableEntry>,
): void {
  const either = ([a, b]: Pair): Key | undefined => {
    const [x, y] = [shown.comparable(a), shown.comparable(b)];
    const across = (left.has(a.entry) && right.has(b.entry)) || (right.has(a.entry) && left.has(b.entry));
    if (!x || !y || x.level !== level || y.level !== level || !across) return undefined;
    const key = new Key(level, x.type, true);
    keys.push(key);
    x.follow(key);
    y.follow(key);
    return key;
  };
  for (const condition of conditions) {
    const pair = known.equal(condition);
    if (pair) either(pair);
  }
  for (const { pair, index } of merged) {
    const key = either(pair);
    const column = entry.columns[index];
    if (key && column) shown.set({ entry, column }, key);
  }
}

/** What USING and NATURAL hold equal, and the join's own column of both: the merged ones come first (manual, section 7.2.1.1). */
function mergedPairs(
  { catalog }: LevelKeys,
  entry: RangeTableEntry,
  join: Body<'JoinExpr'>,
  left: RangeTableEntry,
  right: RangeTableEntry,
): { readonly pair: Pair; readonly index: number }[] {
  const names = join.isNatural ? commonNames(left, right) : strings(join.usingClause);
  return names.flatMap((name, index) => {
    const [a, b] = [left, right].map((side) => {
      const found = side.columns.filter((column) => column.name === name && column.access === 'granted');
      return found.length === 1 ? behindJoins({ entry: side, column: found[0]! }) : undefined;
    });
    const isMerged = entry.columns[index]?.merged === true;
    return a && b && isMerged && isOneKey(catalog, a.column, b.column) ? [{ pair: [a, b] as const, index }] : [];
  });
}

function commonNames(left: RangeTableEntry, right: RangeTableEntry): string[] {
  const named = (entry: RangeTableEntry) =>
    entry.columns.filter(({ access, implicit }) => access === 'granted' && !implicit).map(({ name }) => name);
  const names = new Set(named(right));
  return named(left).filter((name) => names.has(name));
}

/** All FROM items below a join. */
export function below(entry: RangeTableEntry): Set<RangeTableEntry> {
  const all = new Set<RangeTableEntry>([entry]);
  if (entry.source.kind === 'join') for (const arm of entry.source.arms) for (const inner of below(arm)) all.add(inner);
  return all;
}
