/** Makes levels, and tells through which of them rows of a filtered relation flow. */
import type { Body } from '../parse/tree.ts';
import type { ExpressionPlace, QueryLevel, RangeTableEntry, RootExpression, Scope } from './range-table.ts';
import type { Resolver } from './resolver.ts';

/** A level with nothing in it yet. */
export function newLevel(
  r: Resolver,
  kind: QueryLevel['kind'],
  select: Body<'SelectStmt'> | undefined,
  place: ExpressionPlace,
): QueryLevel {
  const level: QueryLevel = {
    kind,
    select,
    arms: [],
    entries: [],
    outer: place.outer,
    ctes: place.ctes,
    outputs: [],
    open: place.open === true,
    aggregated: false,
    groupKeys: [],
    joins: 0,
    groupingSets: false,
    roots: [],
    subqueries: [],
    exports: undefined,
  };
  r.marks.levels.push(level);
  return level;
}

/** The same names, for what runs in that phase. */
export function inPhase({ level, entries, outer, late }: Scope, phase: RootExpression['phase']): Scope {
  return late ? { level, entries, outer, phase, late } : { level, entries, outer, phase };
}

/** What a later item of FROM may name: the items before it, but not the target of a statement that writes. */
export function namedFromRight({ entries }: QueryLevel): RangeTableEntry[] {
  return entries.filter(({ source }) => source.kind !== 'relation' || source.use !== 'target');
}

/** Whether rows of a filtered relation flow through this level. What a write returns are rows that it has found: they are done. */
export function reaches(level: QueryLevel): boolean {
  if (level.kind === 'write') return false;
  return level.entries.some((e) => e.guard !== undefined) || level.arms.some(reaches);
}
