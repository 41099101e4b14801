/** A Query whose plain literals became parameters: texts that differ only in these run by one plan. */
import type { StatementJudgement, TextEdit } from '../../guard/decision.ts';
import { applyEdits } from '../../sql/text/edits.ts';
import { type Rendered, renderLiterals, type SlotValues } from '../client/render.ts';

export interface WithParameters {
  readonly rendered: Rendered;
  readonly types: readonly number[];
  /** In text format. */
  readonly values: readonly string[];
}

const INT4 = 23;
const MOST_INT4 = 2 ** 31 - 1;

/** Longer lists come in as many lengths, and few of them again. */
const MOST = 50;

/** A whole number without a sign, or a text in plain quotes. */
const LITERAL = /\d+|'(?:[^']|'')*'/y;

/** A parameter can be put after these, so that it stays a token of its own. */
const BEFORE = /[\s(=<>,]/;
const BEHIND = /[\s);,]/;

/** @returns undefined if there is none. */
export function withParameters(
  { text, judgement }: Rendered,
  { literals = [] }: StatementJudgement,
  slots: SlotValues,
): WithParameters | undefined {
  const types: number[] = [];
  const values: string[] = [];
  const edits: TextEdit[] = [];
  let next = 0;
  for (const { at, type } of literals) {
    for (let edit = judgement.edits[next]; edit && edit.end <= at; edit = judgement.edits[next]) {
      edits.push(edit);
      next += 1;
    }
    LITERAL.lastIndex = at;
    const written = LITERAL.exec(text)?.[0];
    const end = at + (written?.length ?? 0);
    const value = written && asParameter(written, type);
    // What the rewriting has replaced stays as it has written it.
    const isApart = (judgement.edits[next]?.start ?? end) >= end;
    if (value === undefined || !isApart || !BEFORE.test(text[at - 1] ?? '') || !BEHIND.test(text[end] ?? ' ')) continue;
    types.push(type);
    values.push(value);
    edits.push({ start: at, end, text: [`$${values.length}`] });
  }
  if (values.length === 0 || values.length > MOST) return undefined;
  edits.push(...judgement.edits.slice(next));
  const { effect, statements, parameters } = judgement;
  // Each member by its name: with a spread V8 would make a new hidden class for each such object, and keep it.
  const asked = { effect, statements, parameters, edits, template: applyEdits(text, edits) };
  return { rendered: renderLiterals(text, asked, slots), types, values };
}

/** A bare number is typed by its size; undefined if it is of another type. */
function asParameter(written: string, type: number): string | undefined {
  if (written.startsWith("'")) return type === INT4 ? undefined : written.slice(1, -1).replaceAll("''", "'");
  return type === INT4 && Number(written) <= MOST_INT4 ? written : undefined;
}
