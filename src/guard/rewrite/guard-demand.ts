/** Marks the guards that expressions ask for, and the queries that must export them, as needed. */
import type { QueryLevel, RangeTableEntry, RowGuard } from '../../sql/analyze/range-table.ts';

/** The guard is needed: everything it consists of must be exported. */
export function need(guard: RowGuard): void {
  if (guard.needed) return;
  guard.needed = true;
  const { source } = guard.entry;
  if (source.kind === 'query') exportFrom(source.level, guard.name);
  else if (source.kind === 'cte') {
    const level = source.cte.level;
    if (level) exportFrom(level, `${guard.name}_of`);
  }
}

function exportFrom(level: QueryLevel, name: string): void {
  if (level.exports !== undefined) return;
  level.exports = name;
  for (const arm of level.arms) exportFrom(arm, name);
  for (const guard of guardsOf(level.entries)) need(guard);
}

/** The guards of entries, each once. */
export function guardsOf(entries: readonly RangeTableEntry[]): RowGuard[] {
  return entries.flatMap((e) => e.guard ?? []);
}
