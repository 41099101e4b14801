/** Says of a cursor over what is withheld in part that it goes forward only, where the client says nothing. */
import type { Analysis } from '../../sql/analyze/analyze.ts';
import type { RelationView } from '../../sql/analyze/range-table.ts';
import { as } from '../../sql/parse/tree.ts';
import type { DraftStatement } from '../draft.ts';
import { NotRewritable, type Rewriter } from './rewriter.ts';

/** CURSOR_OPT_SCROLL and CURSOR_OPT_NO_SCROLL of the server's parsenodes.h. */
const SCROLL = 0x2;
const NO_SCROLL = 0x4;

/**
 * Without either word a cursor goes backward where its plan can (manual, DECLARE), and the plan follows from statistics over rows that
 * the role may not see.
 */
export function fixDirection(w: Rewriter, statement: DraftStatement, analysis: Analysis): void {
  const declare = as(statement.node, 'DeclareCursorStmt');
  if (!declare || (declare.options ?? 0) & (SCROLL | NO_SCROLL)) return;
  if (
    !analysis.marks.relations.some(({ entry: { source } }) => source.kind === 'relation' && isHeldInPart(source.view))
  )
    return;
  const tokens = w.parsed.tokens();
  const first = tokens.findIndex((token) => token.start >= statement.start);
  // The cursor's name comes first, and may be the word itself.
  const word = tokens.findIndex((token, i) => i > first + 1 && token.word === 'cursor');
  if (tokens[first]?.word !== 'declare' || word < 0) throw new NotRewritable('no place for the direction of a cursor');
  w.edits.replace(tokens[word]!.start, tokens[word]!.end, ['NO SCROLL CURSOR']);
  w.mutate(() => {
    declare.options = (declare.options ?? 0) | NO_SCROLL;
  });
}

/** A plan follows from the table's size, too, in which columns that are withheld have their part. */
function isHeldInPart({ guarded, hides, system, columns }: RelationView): boolean {
  return guarded && (hides !== 'no' || system || columns.some(({ masked, access }) => masked || access === 'withheld'));
}
