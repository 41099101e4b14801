/** Makes names visible: puts an entry into its level, under the column names that an alias gives it. */
import type { Body } from '../parse/tree.ts';
import { strings } from '../parse/tree.ts';
import type { QueryLevel, RangeTableColumn, RangeTableEntry } from './range-table.ts';
import type { Resolver } from './resolver.ts';

/** Makes an entry and puts it into the level; a name that is taken twice is refused, or renamed where PostgreSQL would tell them apart. */
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
  const twin = entry.name === undefined ? undefined : level.entries.find((e) => e.nameVisible && e.name === entry.name);
  if (twin) {
    if (twin.schema === undefined || entry.schema === undefined || twin.schema === entry.schema) {
      r.refuse('relation-unknown', '42712', `table name "${entry.name}" specified more than once`, at, {
        hint: 'Give each an alias of its own, also in nested joins.',
      });
    }
    twin.rename ??= r.newName();
    entry.rename = r.newName();
  }
  level.entries.push(entry);
  return entry;
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
