/** What the parts of a data-modifying statement share: its scopes, its uses of the target, and other names for the target's rows. */
import type { Node } from '../parse/tree.ts';
import { as } from '../parse/tree.ts';
import { enter } from './entries.ts';
import type { Action, Write } from './findings.ts';
import type { QueryLevel, RangeTableColumn, RangeTableEntry, Scope } from './range-table.ts';
import type { Resolver } from './resolver.ts';

/** Names that are visible where rows are found: WHERE, ON. */
export function scopeOf(level: QueryLevel, entries: readonly RangeTableEntry[] = level.entries): Scope {
  return { level, entries, outer: level.outer };
}

/** The same where something is done with a row that has been found: SET, WHEN, RETURNING. */
export function lateScope(level: QueryLevel, entries: readonly RangeTableEntry[] = level.entries): Scope {
  return { level, entries, outer: level.outer, late: true };
}

/** Tells the policy what is done with the target. */
export function use(r: Resolver, { target, name }: Write, action: Action): void {
  if (target?.source.kind !== 'relation') return;
  r.uses.push({ kind: 'relation', relation: target.source.view.relation, action, at: r.at(name.location) });
}

/** `excluded`, `old`, `new`: the target's columns under another name, which they can only be reached by. */
export function shadow(r: Resolver, { level, target }: Write, name: string): RangeTableEntry | undefined {
  if (!target || level.entries.some((e) => e.name === name && e.nameVisible)) return undefined;
  const columns: RangeTableColumn[] = target.columns.map((c) => ({ ...c }));
  const entry = enter(r, level, { name, schema: undefined, columns, source: { kind: 'excluded', of: target } }, -1);
  entry.columnsVisible = false;
  return entry;
}

/** Refuses `t.*` among values, where PostgreSQL reads it as many or as a row. */
export function refuseStarsInValues(r: Resolver, values: readonly Node[]): void {
  for (const value of values) {
    const reference = as(value, 'ColumnRef');
    const last = reference?.fields?.at(-1);
    if (last && 'A_Star' in last) r.unsupported('* here', reference?.location, 'Name the columns.');
  }
}
