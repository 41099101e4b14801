/** Counts what is shown (`min_group`): groups of few are left out by HAVING, aggregates over values of few are NULL. */

import type { RangeTableEntry } from '../../sql/analyze/range-table.ts';
import { as, type Node, quoteName, replaceInPlace } from '../../sql/parse/tree.ts';
import { tokenAt } from '../../sql/text/tokens.ts';
import type { Bounded, Groups } from '../groups/groups.ts';
import { type CarriedColumn, ROW } from './names.ts';
import { detached, expressionTree, NotRewritable, type Rewriter } from './rewriter.ts';
import { spelled } from './whole-rows.ts';

/** What the relation's guarded subquery exports to be counted. The row itself has no name but its place. */
export function exportedUnits(groups: readonly Groups[], entry: RangeTableEntry): CarriedColumn[] {
  return groups
    .flatMap(({ units }) => units)
    .filter((unit) => unit.entry === entry)
    .map(({ name, of }) => {
      const text = of.kind === 'column' ? `${ROW}.${quoteName(of.name)}` : `ROW(${ROW}.tableoid, ${ROW}.ctid)`;
      return { text, name };
    });
}

/** Guards one level. Before lists are rewritten: gives the nodes that were wrapped, so that targets keep their names. */
export function hideInputs(w: Rewriter, { inputs, rows, least, rounded }: Groups): Node[] {
  const counts = rounded?.counts ?? [];
  // Around what follows: a count of few is NULL, and rounded stays so.
  if (rounded) for (const node of counts) round(w, node, rounded.to);
  const hidden = inputs.map(({ node, argument, bounded, entry, column }) => {
    const value = spelled(entry, column);
    if (bounded) hold(w, argument, value, bounded);
    const condition = rows
      .map(({ name }) => `pg_catalog.count(DISTINCT ${name}) FILTER (WHERE ${value} IS NOT NULL) >= ${least}`)
      .join(' AND ');
    const range = w.range(node);
    w.edits.wrap(range.start, range.end, [`CASE WHEN ${condition} THEN `], [' END']);
    const expr = w.sharedExpression([condition]);
    // Before what surrounds it replaces it.
    w.mutateFirst(() => {
      const result = detached(node);
      replaceInPlace(node, { CaseExpr: { args: [{ CaseWhen: { expr, result } }] } });
    });
    return node;
  });
  return [...counts, ...hidden];
}

/** To the nearest multiple; of the type that it has. */
function round(w: Rewriter, node: Node, to: number): void {
  const [before, after] = ['(pg_catalog.round(', `::pg_catalog.numeric / '${to}') * '${to}')::pg_catalog.int8`];
  const range = w.range(node);
  w.edits.wrap(range.start, range.end, [before], [after]);
  const tree = expressionTree([`${before}NULL${after}`]);
  w.mutate(() => {
    const product = as(as(tree, 'TypeCast')?.arg, 'A_Expr');
    const quotient = as(as(product?.lexpr, 'FuncCall')?.args?.[0], 'A_Expr');
    as(quotient?.lexpr, 'TypeCast')!.arg = detached(node);
    replaceInPlace(node, tree);
  });
}

/** No value is so large that adding a few of them fails: from there on it counts as infinite. */
function hold(w: Rewriter, argument: Node, value: string, { type, most }: Bounded): void {
  const constant = (text: string): string => `'${text}'::pg_catalog.${type}`;
  // Of a domain, another schema could bring operators.
  const own = `${value}::pg_catalog.${type}`;
  const beyond = (sign: '' | '-', [outer, inner]: readonly [string, string]): string =>
    ` WHEN ${own} ${outer} ${constant(`${sign}${most}`)} AND ${own} ${inner} ${constant(`${sign}Infinity`)} THEN ${constant(`${sign}Infinity`)}`;
  const before = `CASE${beyond('', ['>', '<'])}${beyond('-', ['<', '>'])} ELSE `;
  const range = w.range(argument);
  w.edits.wrap(range.start, range.end, [before], [' END']);
  const tree = expressionTree([before, 'NULL END']);
  w.mutate(() => {
    as(tree, 'CaseExpr')!.defresult = detached(argument);
    replaceInPlace(argument, tree);
  });
}

/** INVARIANT 44: a group is shown only where it has enough of everything that is counted. */
export function hideGroups(w: Rewriter, { level, units, least }: Groups): void {
  const { select } = level;
  if (!select || select.havingClause || units.length === 0) throw new Error('a level that was not judged');
  const condition = units.map(({ name }) => `pg_catalog.count(DISTINCT ${name}) >= ${least}`).join(' AND ');
  w.edits.append(placeOfHaving(w, groupEnd(w, level)), [` HAVING ${condition}`]);
  const tree = expressionTree([condition]);
  w.mutate(() => {
    select.havingClause = tree;
  });
}

/** Some character of the last clause before HAVING. */
function groupEnd(w: Rewriter, { select }: Groups['level']): number {
  const last = select?.groupClause?.at(-1) ?? select?.whereClause;
  if (last) return w.outerRange(last).end - 1;
  let from = select?.fromClause?.at(-1);
  while (as(from, 'JoinExpr')) from = as(from, 'JoinExpr')!.rarg;
  const location = as(from, 'RangeVar')?.location;
  if (location === undefined) throw new NotRewritable('no place for the groups that are shown');
  return w.parsed.toChar(location);
}

const BEHIND_HAVING: ReadonlySet<string> = new Set([
  ...['window', 'union', 'intersect', 'except', 'order', 'limit', 'offset', 'fetch', 'for', ')', ';'],
]);

/** The end of the last token before what may follow HAVING. */
function placeOfHaving(w: Rewriter, at: number): number {
  const tokens = w.parsed.tokens();
  let last = tokenAt(tokens, at);
  if (last < 0) throw new NotRewritable('no place for the groups that are shown');
  for (;;) {
    const next = tokens[last + 1];
    const named = ['.', 'as'].includes(tokens[last]!.word);
    if (!next || (BEHIND_HAVING.has(next.word) && !named)) return tokens[last]!.end;
    last = next.match > last ? next.match : last + 1;
  }
}
