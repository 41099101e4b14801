/**
 * Finds the queries of which it shows outside the statement whether, how far or when they were read: they lock rows, which other sessions see, or
 * write beside something else, and then the order shows. The server reads a query of WITH when something first asks it for a row.
 */
import type { Analysis } from '../../sql/analyze/analyze.ts';
import type { QueryLevel, RangeTableEntry } from '../../sql/analyze/range-table.ts';
import type { Telling } from './fences.ts';
import { guardsOf } from './guard-demand.ts';

/** `others`: what else in the statement can tell. */
export function effects(analysis: Analysis, others: readonly Telling[]): Telling[] {
  const locking = lockingLevels(analysis);
  // INVARIANT 256: no row that is withheld decides what a query locks: what is around it has been filtered before it is read.
  const locks = [...locking].map((level) => ({
    scope: scopeOf(level),
    covered: new Set(level.entries.some((entry) => isApart(entry, analysis)) ? [] : guardsOf(level.entries)),
  }));
  if (!showsOrder(analysis, [...others, ...locks])) return locks;
  // INVARIANT 257: nor when a query that writes is run, where that shows.
  const readers = analysis.marks.levels.filter(({ entries }) => entries.some(isWrite));
  return [...locks, ...readers.map((level) => ({ scope: scopeOf(level), covered: new Set<never>() }))];
}

/** Levels whose rows are locked before the query around them is done with its own. */
function lockingLevels({ marks }: Analysis): ReadonlySet<QueryLevel> {
  const found = new Set<QueryLevel>();
  const add = (level: QueryLevel): void => {
    if (found.has(level)) return;
    found.add(level);
    for (const { source } of level.entries) if (source.kind === 'query') add(source.level);
  };
  for (const level of marks.levels) if (level.select?.lockingClause) add(level);
  return found;
}

/** Its rows are locked as it is read, and not where those of the whole level are joined. */
function isApart(entry: RangeTableEntry, { marks }: Analysis): boolean {
  const isView = entry.source.kind === 'relation' && entry.source.view.relation.kind === 'v';
  return isView || entry.guard?.fenced === true || marks.samples.has(entry);
}

/** One query that writes, beside what can neither fail nor be watched, does the same whenever it runs. */
function showsOrder({ marks, uses }: Analysis, others: readonly Telling[]): boolean {
  const [write, another] = marks.writes;
  if (!write || another) return write !== undefined;
  const own: readonly (QueryLevel | undefined)[] = [write.level, write.source];
  return (
    marks.fallible.length > 0 ||
    others.some(({ scope }) => !own.includes(scope.level)) ||
    uses.some((use) => use.kind === 'function' && use.candidates.some(({ volatility }) => volatility === 'v'))
  );
}

function isWrite({ source }: RangeTableEntry): boolean {
  return source.kind === 'cte' && source.cte.level?.kind === 'write';
}

function scopeOf(level: QueryLevel): Telling['scope'] {
  return { level, entries: level.entries, outer: level.outer };
}
