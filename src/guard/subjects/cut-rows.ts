/** Whether all rows that LIMIT and its kin have chosen of a FROM item come into the rows of its level, so that nobody is left out of them. */
import type { Entry, Level } from '../../sql/analyze/model.ts';
import { askText } from '../../sql/constants.ts';
import { as, type Node } from '../../sql/tree.ts';

/** `chosen`: a subquery of WHERE has chosen them, and is all that stands there. An allow-list of FROM. */
export function allReachTheAnswer(select: Level['select'], entry: Entry, chosen: boolean): boolean {
  if (!select || select.havingClause || (select.whereClause && !chosen)) return false;
  const items = select.fromClause ?? [];
  // What stands further left in a list is joined with what comes behind it, and may find nothing there.
  return items.every((item, i) => i === items.length - 1 || !holds(item, entry)) && reaches(items.at(-1), entry);
}

function reaches(item: Node | undefined, entry: Entry): boolean {
  const join = as(item, 'JoinExpr');
  if (!join) return holds(item, entry);
  const isLeft = join.jointype === 'JOIN_LEFT';
  if (isLeft && reaches(join.larg, entry)) return true;
  // Beside each row of the other side all of them stand.
  return (isLeft || join.jointype === 'JOIN_INNER') && isAlways(join.quals, join) && reaches(join.rarg, entry);
}

function isAlways(condition: Node | undefined, join: { isNatural?: boolean; usingClause?: Node[] }): boolean {
  if (!condition) return !join.isNatural && !join.usingClause?.length;
  const constant = as(condition, 'A_Const');
  return constant?.boolval?.boolval === true || (constant?.sval !== undefined && askText(constant.sval, isTrue));
}

const isTrue = (text: string): boolean => text === 'true' || text === 't';

function holds(item: Node | undefined, { source }: Entry): boolean {
  switch (source.kind) {
    case 'relation':
    case 'cte':
      return source.node === item;
    case 'query':
      return source.level.select !== undefined && as(as(item, 'RangeSubselect')?.subquery, 'SelectStmt') === source.level.select;
    default:
      return false;
  }
}
