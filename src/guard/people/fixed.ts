/** Who is the same in all rows that are gathered into one: in a group, or in the partition of a window. */
import type { Analysis } from '../../sql/analyze/analyze.ts';
import type { Level } from '../../sql/analyze/model.ts';
import { behindJoins } from '../rewrite/group-keys.ts';
import type { Summarizing } from './calls.ts';
import type { Person, Shown } from './person.ts';
import { columnOf } from './ties.ts';

interface LevelPeople {
  readonly people: readonly Person[];
}

/** Of the people in the rows of a level: those who are the same in all rows of a group. */
export function fixedInGroups(
  analysis: Analysis,
  shown: Shown,
  level: Level,
  { people }: LevelPeople,
): ReadonlySet<Person> {
  const fixed = new Set(people.filter((person) => person.pinned || person.outer));
  if (!level.aggregated || level.groupingSets) return fixed;
  // What stands beside aggregates as it is depends on the keys.
  const plain = level.outputs.map(({ source }) => source && behindJoins(source));
  for (const column of [...plain, ...level.groupKeys.map((key) => columnOf(analysis, key))]) {
    const person = column && shown.get(column);
    if (person) fixed.add(person);
  }
  return fixed;
}

/** How many of the people differ from row to row of what a call is made over. */
export function movingIn(
  analysis: Analysis,
  shown: Shown,
  { people }: LevelPeople,
  { window }: Summarizing,
  fixed: ReadonlySet<Person>,
): number {
  if (!window) return people.filter((person) => !fixed.has(person)).length;
  const keys = (window.partitionClause ?? []).map((key) => columnOf(analysis, key));
  const parts = new Set(keys.map((column) => column && shown.get(column)));
  return people.filter((person) => !person.pinned && !person.outer && !parts.has(person)).length;
}
