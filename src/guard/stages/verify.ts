/** Stage 6: Rowgate's own output is parsed again; it must be the tree that was meant, also to an older server (promise P2). */
import { refusal } from '../../core/refusal.ts';
import { GRAMMAR_VERSION, majorVersion } from '../../sql/parse/older-grammar.ts';
import { isParsed, type ParsedText, type ParseProblem, parse } from '../../sql/parse/parse.ts';
import { MOST_NESTING, MOST_TOKENS_SENT } from '../../sql/parse/parse-cost.ts';
import { type Node, sameTree } from '../../sql/parse/tree.ts';
import { WorkLimitExceeded } from '../../sql/parse/work-limit.ts';
import { applyEdits, type Edit } from '../../sql/text/edits.ts';
import { lex } from '../../sql/text/lexer.ts';
import type { Draft, Stage } from '../draft.ts';
import { subqueryFragment } from '../rewrite/parsed-fragments.ts';
import { placeholders } from '../rewrite/placeholders.ts';
import { newerFormRefusal } from './older-server.ts';

export const verifyStage: Stage = {
  name: 'verify',
  run(draft: Draft): void {
    if (draft.edits.length === 0) return;
    const sent = placeholders(applyEdits(draft.text, draft.edits));
    if (isShortMeant(draft, sent.length)) return;
    const again = parse(sent, { workLimit: draft.workLimit, mostTokens: MOST_TOKENS_SENT });
    if (!isParsed(again) && again.kind === 'too-complex') throw new WorkLimitExceeded();
    // INVARIANT 15: a text that differs from the judged one is not sent to the server.
    if (isMeant(draft, again)) {
      draft.refusal = newerFormRefusal(draft, again);
      return;
    }
    draft.refusal = refusal(
      'not-verified',
      '0A000',
      'this form is not supported for restricted roles: the rewritten statement could not be verified',
      { hint: 'Write it in another way, and report it with its decision.' },
    );
  },
};

/** `standIns`: what is read in a subquery's place. */
function isMeant(
  draft: Draft,
  again: ParsedText | ParseProblem,
  standIns?: ReadonlyMap<object, Node>,
): again is ParsedText {
  const { workLimit, statements } = draft;
  const counted = (parsed: object, meant: object): boolean | undefined => {
    workLimit.spend();
    const standIn = standIns?.get(meant);
    return standIn && sameTree(parsed, standIn);
  };
  return (
    isParsed(again) &&
    again.statements.length === statements.length &&
    again.statements.every((s, i) => sameTree(s.node, statements[i]!.node, counted))
  );
}

/**
 * Whether the text to be sent has the intended meaning, proven from a shorter text with another subquery for each that was put into FROM. False: this
 * cannot prove it. INVARIANT 16: both are subqueries in brackets, each parsed by itself from its first bracket to its last (`parsed-fragments.ts`).
 * The grammar reads the text around them independently of their content, and their content independently of the text around them; so the whole text
 * parses to the tree of the short one with each subquery's own tree in its stand-in's place.
 */
function isShortMeant(draft: Draft, characters: number): boolean {
  const { pieces, text, edits } = draft;
  // To an older server each word of the whole text counts.
  if (pieces.size === 0 || majorVersion(draft.catalog.data.serverVersion) < GRAMMAR_VERSION) return false;
  const short = placeholders(applyEdits(text, edits.map(shortened)));
  // What would be refused for its size goes the other way: a token is a character, and a level of nesting a token, at least.
  const nesting = Math.max(...[...pieces.keys()].map((piece) => piece.nesting));
  if (characters > MOST_TOKENS_SENT || lex(short).count + nesting >= MOST_NESTING) return false;
  const standIns = new Map<object, Node>();
  for (const [{ subquery }, standIn] of pieces) standIns.set(subquery, subqueryFragment([standIn])!.subquery);
  return isMeant(draft, parse(short, { workLimit: draft.workLimit, mostTokens: MOST_TOKENS_SENT }), standIns);
}

function shortened({ start, end, text, short }: Edit): Pick<Edit, 'start' | 'end' | 'text'> {
  return { start, end, text: short ?? text };
}
