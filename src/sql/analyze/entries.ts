/** Makes names visible: puts an entry into its level, under the column names that an alias gives it. */
import type { Body } from '../parse/tree.ts';
import { strings } from '../parse/tree.ts';
import type { QueryLevel, RangeTableColumn, RangeTableEntry } from './range-table.ts';
import type { Resolver } from './resolver.ts';

/**
 * Makes an entry and puts it into the level; a name that is taken twice is renamed where PostgreSQL would tell them apart, and else refused. Inside a
 * join it is refused where both are still visible: an alias of the join hides those in it.
 */
export function enter(
  r: Resolver,
  level: QueryLevel,
  { name, schema, columns, source, prefix }: Pick<RangeTableEntry, 'name' | 'schema' | 'columns' | 'source' | 'prefix'>,
  at: number,
): RangeTableEntry {
  r.parsed.workLimit.spend(level.entries.length);
  const entry: RangeTableEntry = {
    name,
    schema,
    columns,
    source,
    level,
    nameVisible: name !== undefined,
    columnsVisible: true,
    guard: undefined,
    ...(prefix !== undefined && { prefix }),
  };
  for (const twin of level.entries) {
    if (entry.name === undefined || twin.name !== entry.name) continue;
    if (!twin.nameVisible) twin.hasTwin = true;
    else if (!isOneName(twin, entry)) {
      twin.rename ??= r.newName();
      entry.rename ??= r.newName();
    } else if (level.joins > 0) {
      twin.hasTwin = true;
      entry.hasTwin = true;
    } else refuseTwin(r, entry, at);
  }
  level.entries.push(entry);
  return entry;
}

/** Refuses a name that is visible on both sides. */
export function refuseTwins(r: Resolver, left: readonly RangeTableEntry[], right: readonly RangeTableEntry[]): void {
  for (const entry of right) {
    if (!entry.hasTwin || !entry.nameVisible) continue;
    r.parsed.workLimit.spend(left.length);
    if (left.some((one) => one.nameVisible && one.name === entry.name && isOneName(one, entry)))
      refuseTwin(r, entry, -1);
  }
}

function isOneName(one: RangeTableEntry, other: RangeTableEntry): boolean {
  return one.schema === undefined || other.schema === undefined || one.schema === other.schema;
}

function refuseTwin(r: Resolver, { name }: RangeTableEntry, at: number): void {
  r.refuse('relation-unknown', '42712', `table name "${name}" specified more than once`, at, {
    hint: 'Give each an alias of its own.',
  });
}

/** Names the columns by an alias's list; too many names are an error, as in PostgreSQL. */
export function aliasColumns(
  r: Resolver,
  columns: readonly RangeTableColumn[],
  alias: Body<'Alias'> | undefined,
  at: number,
): RangeTableColumn[] {
  const names = strings(alias?.colnames);
  if (names.length === 0) return [...columns];
  let next = 0;
  const renamed = columns.map((c) =>
    c.access === 'granted' && !c.implicit && next < names.length ? { ...c, name: names[next++]! } : c,
  );
  // A list longer than the granted columns would rename the `ok` that may be added after them.
  if (next < names.length) {
    r.refuse(
      'column-unknown',
      '42P10',
      `table "${alias?.aliasname ?? ''}" has ${next} columns available but ${names.length} columns specified`,
      at,
    );
  }
  return renamed;
}
