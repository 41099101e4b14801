/** Sends a plain read with a LIMIT just above what may still come (`rewriting.md` §4), so that the server never works for more. */
import { askInteger, atMost } from '../../sql/parse/constants.ts';
import type { Body } from '../../sql/parse/tree.ts';
import { as } from '../../sql/parse/tree.ts';
import type { Template } from '../../sql/text/template.ts';
import { tokenAt } from '../../sql/text/tokens.ts';
import { expressionTree, type Rewriter } from './rewriter.ts';

/** The rows that may still come, and one. */
export const LIMIT: Template = [{ kind: 'limit' }];

/** `end`: the end of the statement in the text. `most`: the rows that the role may take of one statement. */
export function boundRead(w: Rewriter, select: Body<'SelectStmt'>, end: number, most: number): void {
  if (select.limitOption === 'LIMIT_OPTION_WITH_TIES') return;
  const count = select.limitCount;
  const constant = as(count, 'A_Const');
  if (count && constant?.ival !== undefined && askInteger(constant.ival, atMost(most))) return;
  if (!count) {
    w.edits.append(placeForLimit(w, select, end), [' LIMIT ', ...LIMIT]);
    const tree = w.sharedExpression(LIMIT);
    w.mutate(() => {
      select.limitCount = tree;
      select.limitOption = 'LIMIT_OPTION_COUNT';
    });
    return;
  }
  const range = w.range(count);
  if (constant?.isnull && w.parsed.text.slice(range.start, range.end).toLowerCase() === 'all') {
    w.edits.replace(range.start, range.end, LIMIT);
    const tree = w.sharedExpression(LIMIT);
    w.mutate(() => {
      select.limitCount = tree;
    });
    return;
  }
  // The cast keeps a parameter's type: bigint, as LIMIT itself would make it.
  w.edits.wrap(range.start, range.end, ['(least(('], [')::bigint, ', ...LIMIT, '))']);
  const tree = expressionTree(['(least((0)::bigint, ', ...LIMIT, '))']);
  w.mutate(() => {
    const cast = as(as(tree, 'MinMaxExpr')?.args?.[0], 'TypeCast');
    if (cast) cast.arg = count;
    select.limitCount = tree;
  });
}

/** After everything; but before FOR UPDATE if an OFFSET precedes it, as the grammar requires. */
function placeForLimit(w: Rewriter, select: Body<'SelectStmt'>, end: number): number {
  const tokens = w.parsed.tokens();
  if (select.limitOffset && select.lockingClause?.length) {
    let last = tokenAt(tokens, w.range(select.limitOffset).end - 1);
    if (['row', 'rows'].includes(tokens[last + 1]?.word ?? '')) last += 1;
    return tokens[last]!.end;
  }
  let last = tokens.length - 1;
  while (last >= 0 && tokens[last]!.end > end) last -= 1;
  while (tokens[last]?.word === ';') last -= 1;
  return tokens[last]!.end;
}
