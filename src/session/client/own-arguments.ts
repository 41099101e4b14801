/**
 * EXECUTE of what Parse has prepared with parameters of the guard's own (attributes, the row limit), also behind EXPLAIN: their values follow the client's
 * arguments in its text. Their number is fixed, and so is the client's: with more or fewer of its own the server refuses them all.
 */
import type { Judgement, StatementJudgement, StatementKind } from '../../guard/decision.ts';
import { applyEdits } from '../../sql/text/edits.ts';
import type { Template } from '../../sql/text/template.ts';
import { type AddedParameter, type Rendered, sameParameters } from './render.ts';

/** What a statement runs or explains by name. */
interface Naming {
  readonly runs?: { readonly rendered: Rendered };
}

/** What is to be filled into each statement of a message, by its names. */
export function fillsOf(names: readonly Naming[]): (readonly AddedParameter[])[] {
  return names.map(({ runs }) => runs?.rendered.added ?? []);
}

/** What EXECUTE names, for itself or behind EXPLAIN. */
export function executedOf(kind: StatementKind | undefined) {
  return kind?.kind === 'explain' ? kind.execute : kind?.kind === 'execute' ? kind : undefined;
}

/** The judgement with a slot for each of the parameters of each statement, and the same one where there are none. */
export function withOwnArguments(
  judgement: Judgement,
  text: string,
  fills: readonly (readonly AddedParameter[])[],
): Judgement {
  const added = judgement.statements.flatMap((statement, at) => argumentsOf(statement, fills[at] ?? []));
  if (added.length === 0) return judgement;
  const edits = [...judgement.edits, ...added].sort((a, b) => a.start - b.start);
  return { ...judgement, edits, template: applyEdits(text, edits) };
}

function argumentsOf({ kind, extent }: StatementJudgement, fills: readonly AddedParameter[]): Judgement['edits'] {
  const room = executedOf(kind)?.room;
  if (!room || !extent || fills.length === 0) return [];
  const list = fills.flatMap(({ slot }, i): Template => {
    const value = slot.kind === 'limit' ? ({ kind: 'limit', argument: true } as const) : slot;
    return [...(i > 0 || room.behind ? [', '] : []), value.kind === 'padding' ? "''" : value];
  });
  const at = extent.end - room.before;
  return [{ start: at, end: at, text: room.behind ? list : ['(', ...list, ')'] }];
}

/** INVARIANT 175: the name may mean another statement by now: the values in the text must be those of its very parameters. */
export function isFilledFor({ fills = [] }: Rendered, { runs }: Naming): boolean {
  return sameParameters(fills, runs?.rendered.added ?? []);
}
