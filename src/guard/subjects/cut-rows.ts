/**
 * Rows that depend on each other: LIMIT or a similar clause chose them, or they are aggregates of groups. They are disclosed as a whole: dropping
 * some of them, by their content or number, would disclose people who are not shown. This file tells where none is dropped. An allow-list.
 */
import type { Analysis } from '../../sql/analyze/analyze.ts';
import type { QueryLevel, RangeTableEntry } from '../../sql/analyze/range-table.ts';
import { askText } from '../../sql/parse/constants.ts';
import { as, type Node } from '../../sql/parse/tree.ts';
import { behindJoins } from '../rewrite/group-keys.ts';
import { someIn } from './conditions.ts';

export interface CutRows {
  readonly level: QueryLevel;
  /** FROM items with such rows. */
  readonly items: readonly RangeTableEntry[];
  /** The FROM item whose rows a subquery in WHERE has chosen, if WHERE has nothing else. */
  readonly chosen: RangeTableEntry | undefined;
  /** The level chooses among its rows itself. */
  readonly chooses: boolean;
}

/** Whether all of them are in the rows of the level, joined to each row of the items to their left. */
export function allReachTheAnswer(analysis: Analysis, { level, items, chosen, chooses }: CutRows): boolean {
  const { select } = level;
  const cut = chosen ? [...items, chosen] : items;
  if (level.kind !== 'select' || !select || select.havingClause) return false;
  // An item further left is joined with what follows, and may find nothing there.
  const from = select.fromClause ?? [];
  if (!cut.every((entry) => reaches(from.at(-1), entry))) return false;
  const many = cut.filter((entry) => entry === chosen || !givesOneRow(entry));
  if (many.length > 1 || (many.length === 1 && chooses)) return false;
  const conditions = chosen ? [] : [select.whereClause];
  const first = Math.min(...cut.map((entry) => level.entries.indexOf(entry)));
  const choosing = chooses ? [...(select.sortClause ?? []), ...(select.distinctClause ?? [])] : [];
  return [...conditions, ...choosing].every((node) => !node || speaksOfItemsBefore(analysis, level, node, first));
}

/** Aggregates without a group, if nothing above them can remove the row. */
function givesOneRow({ source }: RangeTableEntry): boolean {
  if (source.kind !== 'query' || !source.level.aggregated || source.level.kind !== 'select') return false;
  const { groupClause, havingClause, limitCount, limitOffset } = source.level.select ?? {};
  return !groupClause?.length && !havingClause && !limitCount && !limitOffset;
}

/** Columns of plain items to the left alone, and no subqueries: nothing of the rows that must all come. */
function speaksOfItemsBefore(analysis: Analysis, level: QueryLevel, node: Node, first: number): boolean {
  const { marks } = analysis;
  const isBefore = (entry: RangeTableEntry): boolean => {
    const place = level.entries.indexOf(entry);
    return entry.level !== level || (place >= 0 && place < first);
  };
  const isOther = (part: Node): boolean | undefined => {
    const reference = marks.references.get(part);
    if (reference) return !isBefore(behindJoins(reference).entry);
    // What else is a column is a star, or an output column in ORDER BY.
    return marks.sublinks.has(part) || 'ColumnRef' in part || undefined;
  };
  // The number of an output column is a constant.
  return !('A_Const' in (as(node, 'SortBy')?.node ?? node)) && !someIn(analysis, node, isOther);
}

function reaches(item: Node | undefined, entry: RangeTableEntry): boolean {
  const join = as(item, 'JoinExpr');
  if (!join) return holds(item, entry);
  const isLeft = join.jointype === 'JOIN_LEFT';
  if (isLeft && reaches(join.larg, entry)) return true;
  // All of them are joined to each row of the other side.
  return (isLeft || join.jointype === 'JOIN_INNER') && isAlways(join.quals, join) && reaches(join.rarg, entry);
}

function isAlways(condition: Node | undefined, join: { isNatural?: boolean; usingClause?: Node[] }): boolean {
  if (!condition) return !join.isNatural && !join.usingClause?.length;
  const constant = as(condition, 'A_Const');
  return constant?.boolval?.boolval === true || (constant?.sval !== undefined && askText(constant.sval, isTrue));
}

const isTrue = (text: string): boolean => text === 'true' || text === 't';

function holds(item: Node | undefined, { source }: RangeTableEntry): boolean {
  switch (source.kind) {
    case 'relation':
    case 'cte':
      return source.node === item;
    case 'query': {
      const { select } = source.level;
      return select !== undefined && as(as(item, 'RangeSubselect')?.subquery, 'SelectStmt') === select;
    }
    default:
      return false;
  }
}
