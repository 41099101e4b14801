/** Turns a judgement made without long lists (`sql/parse/bulk-constants.ts`) into one of the whole text. */
import type { Refusal } from '../core/refusal.ts';
import type { Bulk } from '../sql/parse/bulk-constants.ts';
import { applyEdits } from '../sql/text/edits.ts';
import type { Judgement, StatementJudgement, StatementKind } from './decision.ts';
import { moved } from './subjects/moved.ts';

/** The same judgement of `text`; undefined if an edit would have to be made in what was left out as well: then the whole must be judged. */
export function ofWhole(judged: Judgement, text: string, bulk: Bulk): Judgement | undefined {
  // If literals are names, the judgement of one tells nothing about another, whether it was edited or left unchanged.
  if (judged.looksUpNames || judged.edits.some((edit) => bulk.touches(edit))) return undefined;
  const edits = judged.edits.map((edit) => ({ ...edit, start: bulk.toWhole(edit.start), end: bulk.toWhole(edit.end) }));
  return {
    ...judged,
    statements: judged.statements.map((statement) => statementOf(statement, bulk)),
    template: edits.length > 0 ? applyEdits(text, edits) : [text],
    edits,
    ...(judged.refusal && { refusal: refusalOf(judged.refusal, bulk) }),
    ...(judged.would?.refusal && { would: { ...judged.would, refusal: refusalOf(judged.would.refusal, bulk) } }),
  };
}

function statementOf(statement: StatementJudgement, bulk: Bulk): StatementJudgement {
  // Of a list that was shortened not every literal is known.
  const { literals: _literals, ...whole } = statement;
  const { kind, extent, refusal, disclosures } = whole;
  return {
    ...whole,
    kind: withoutGiven(kind),
    ...(disclosures && { disclosures: moved({ subjects: disclosures }, bulk.toWhole).subjects }),
    ...(extent && { extent: { start: bulk.toWhole(extent.start), end: bulk.toWhole(extent.end) } }),
    ...(refusal && { refusal: refusalOf(refusal, bulk) }),
  };
}

/** INVARIANT 115: the short text lacks some parameters: keys that EXECUTE gives to such a list count as a question. */
function withoutGiven(kind: StatementKind): StatementKind {
  if (kind.kind !== 'prepare' || !kind.inner.disclosures) return kind;
  const disclosures = kind.inner.disclosures.map((one) => ({ ...one, access: { kind: 'question' } as const }));
  return { ...kind, inner: { ...kind.inner, disclosures } };
}

function refusalOf(refusal: Refusal, bulk: Bulk): Refusal {
  return refusal.position === undefined ? refusal : { ...refusal, position: bulk.positionInWhole(refusal.position) };
}
