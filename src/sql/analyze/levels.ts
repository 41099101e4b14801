/** Makes levels, and tells through which of them rows of a filtered relation flow. */
import type { Body } from '../tree.ts';
import type { Level, Place } from './model.ts';
import type { Resolver } from './resolver.ts';

/** A level with nothing in it yet. */
export function newLevel(
  r: Resolver,
  kind: Level['kind'],
  select: Body<'SelectStmt'> | undefined,
  place: Place,
): Level {
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

/** Whether rows of a filtered relation flow through this level. What a write returns are rows that it has found: they are done. */
export function reaches(level: Level): boolean {
  if (level.kind === 'write') return false;
  return level.entries.some((e) => e.guard !== undefined) || level.arms.some(reaches);
}
