/** Whether row conditions let through no more rows than others did: proven only if all of those still apply, possibly with further ones. */
import type { Condition } from '../../policy/model/policy.ts';
import { sqlOf } from '../../policy/review/access.ts';
import type { Relation } from '../../sql/catalog/catalog.ts';
import { isParsed, parse } from '../../sql/parse/parse.ts';
import { as, type Node, sameTree } from '../../sql/parse/tree.ts';
import type { Template } from '../../sql/text/template.ts';
import { less, more, type PolicyDifference } from './change.ts';

interface Conjunct {
  readonly node: Node | string;
}

/** `what`: `public.students`, with the command where it is not `select`. */
export function compareConditions(
  before: readonly Condition[],
  after: readonly Condition[],
  relation: Relation,
  what: string,
): PolicyDifference[] {
  const [olds, news] = [before.flatMap(conjunctsOf), after.flatMap(conjunctsOf)];
  const lost = olds.some((old) => !news.some((one) => isAlike(old, one)));
  const added = news.some((one) => !olds.some((old) => isAlike(old, one)));
  if (!lost && !added) return [];
  const shown = (conditions: readonly Condition[]): string =>
    conditions.map(({ filter }) => sqlOf(filter, relation)).join(' AND ');
  // What is ANDed to all that held before lets through no other row; of any other difference nothing is proven.
  if (!lost)
    return [less(`${what}: fewer rows, ${shown(after)} (${before.length > 0 ? shown(before) : 'all'} before)`)];
  if (after.length === 0) return [more(`${what}: no longer filtered by ${shown(before)}`)];
  return [more(`${what}: other rows, ${shown(after)} (${shown(before)} before)`)];
}

/** What is ANDed at the top of its tree. */
function conjunctsOf({ filter }: Condition): Conjunct[] {
  const text = textOf(filter);
  const outcome = parse(`SELECT 1 WHERE ${text}`);
  const select = isParsed(outcome) ? as(outcome.statements[0]?.node, 'SelectStmt') : undefined;
  const alone = isParsed(outcome) && outcome.statements.length === 1;
  return select?.whereClause && alone ? conjuncts(select.whereClause).map((node) => ({ node })) : [{ node: text }];
}

function conjuncts(node: Node): Node[] {
  const { boolop, args = [] } = as(node, 'BoolExpr') ?? {};
  return boolop === 'AND_EXPR' ? args.flatMap(conjuncts) : [node];
}

function isAlike(a: Conjunct, b: Conjunct): boolean {
  if (typeof a.node === 'string' || typeof b.node === 'string') return a.node === b.node;
  return sameTree(a.node, b.node);
}

/** With names in the slots that no policy can write. */
function textOf(template: Template): string {
  return template
    .map((piece) => {
      if (typeof piece === 'string') return piece;
      if (piece.kind === 'attribute') return `'attribute ${piece.name}'::${piece.type}`;
      return piece.kind === 'row' ? 'rowgate_row' : '0';
    })
    .join('');
}
