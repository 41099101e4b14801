/** Finds the keys of GROUP BY among the expressions of a query, as the server does: by the columns that are meant, however they are written. */
import type { Marks } from '../../sql/analyze/findings.ts';
import type { QueryLevel, RangeTableColumn, RangeTableEntry } from '../../sql/analyze/range-table.ts';
import { type Node, sameTree } from '../../sql/parse/tree.ts';

type References = Marks['references'];

interface Reference {
  readonly entry: RangeTableEntry;
  readonly column: RangeTableColumn;
}

/** Whether the expression is one of the level's keys. Compared part by part, so that most end at once: there may be many of both. */
export function isGroupKey(node: Node, level: QueryLevel, references: References): boolean {
  const samePart = (a: object, b: object): boolean | undefined => {
    const [left, right] = [columnOf(a, level, references), columnOf(b, level, references)];
    if (!left && !right) return undefined;
    return left?.entry === right?.entry && left?.column === right?.column;
  };
  return level.groupKeys.some((key) => sameTree(key, node, samePart));
}

/** `s.name`, `public.students.name` and `name` are one column, also through joins. A subquery's own columns have the names in its text. */
function columnOf(part: object, level: QueryLevel, references: References): Reference | undefined {
  const found = references.get(part as Node);
  if (!found) return undefined;
  const column = behindJoins(found);
  return column.entry.level === level ? column : undefined;
}

/** The column of a FROM item that a join shows as its own. */
export function behindJoins(found: Reference): Reference {
  return found.column.from ? behindJoins(found.column.from) : found;
}
