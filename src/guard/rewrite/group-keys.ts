/** Finds the keys of GROUP BY among the expressions of a query, as the server does: by the columns that are meant, however they are written. */

import type { Entry, Level, Marks } from '../../sql/analyze/model.ts';
import { type Node, treeKey } from '../../sql/tree.ts';

export class GroupKeys {
  private readonly byLevel = new Map<Level, ReadonlySet<string>>();
  private readonly numbers = new Map<Entry, number>();

  constructor(private readonly references: Marks['references']) {}

  /** Whether the expression is one of the level's keys. */
  isKey(node: Node, level: Level): boolean {
    if (level.groupKeys.length === 0) return false;
    const known = this.byLevel.get(level) ?? new Set(level.groupKeys.map((key) => this.keyOf(key, level)));
    this.byLevel.set(level, known);
    return known.has(this.keyOf(node, level));
  }

  private keyOf(node: Node, level: Level): string {
    return treeKey(node, (part) => this.columnOf(part, level));
  }

  /** `s.name`, `public.students.name` and `name` are one column, behind joins too. A subquery's own columns are what their text says. */
  private columnOf(part: unknown, level: Level): string | undefined {
    const found = this.references.get(part as Node);
    if (!found) return undefined;
    let { entry, column } = found;
    while (column.from) ({ entry, column } = column.from);
    if (entry.level !== level) return undefined;
    const number = this.numbers.get(entry) ?? this.numbers.size;
    this.numbers.set(entry, number);
    return `column ${number}.${entry.columns.indexOf(column)}`;
  }
}
