/** A client's Query as several messages, each sent when the one before it has ended well. */
import type { Judgement } from '../../guard/decision.ts';
import { query } from '../../protocol/query.ts';
import { applyEdits } from '../../sql/text/edits.ts';
import type { SessionPolicy } from '../ports.ts';
import type { Conversation } from '../state/conversation.ts';
import type { Execution } from '../state/execution.ts';
import type { QueryStep } from '../state/pending-replies.ts';
import { charactersOf } from './positions.ts';
import { queryPending, unnamedDropped } from './refuse.ts';
import { type Rendered, renderLiterals, type SlotValues } from './render.ts';
import { madeFor } from './revalidate.ts';

/** Sends a client's Query, or a statement of one. Nothing else goes before it is answered. */
export function sendStep(c: Conversation, { rendered, runs, wrapped, next }: QueryStep, bytes?: Uint8Array): void {
  const versions = runs.length > 0 ? unnamedDropped(c) : [c.statements.define('', undefined, c.batch)];
  const pending = queryPending(c, 'client', { rendered, runs, wrapped, next, versions });
  c.send(bytes ?? query(rendered.sent), pending);
  if (runs.some((run) => run.runsUserCode)) c.pins.ran(pending.batch);
  c.block(pending);
}

/** The guard's own BEGIN, and the Query after it once that is done. */
export function sendWrapped(c: Conversation, next: QueryStep): void {
  const pending = queryPending(c, 'begin', { next });
  c.send(query('BEGIN'), pending);
  c.block(pending);
}

/** The first of the statements, each with its run; undefined if there are none. */
export function stepsOf(
  rendered: readonly Rendered[],
  runs: readonly Execution[],
  wrapped: boolean,
): QueryStep | undefined {
  return rendered.reduceRight<QueryStep | undefined>(
    (next, one, at) => ({ rendered: one, runs: [runs[at]!], wrapped, next }),
    undefined,
  );
}

/** Each statement of a judged text by itself; undefined if the text cannot be split. */
export function takeApart(
  { judgement, text }: Pick<Rendered, 'judgement' | 'text'>,
  values: SlotValues,
  policy: SessionPolicy,
): Rendered[] | undefined {
  const parts: Rendered[] = [];
  const { edits } = judgement;
  // Both are in the text's order: the work for each statement must not depend on how many there are.
  let [next, from, leads] = [0, 0, 0];
  for (const statement of judgement.statements) {
    if (!statement.extent) return undefined;
    const { start, end } = statement.extent;
    const own: Judgement['edits'][number][] = [];
    for (let edit = edits[next]; edit && edit.start <= end; next += 1, edit = edits[next]) {
      // Every change that was judged is made, and made once.
      if (edit.start < start || edit.end > end) return undefined;
      own.push({ ...edit, start: edit.start - start, end: edit.end - start });
    }
    leads += charactersOf(text.slice(from, start), start - from);
    from = start;
    const partText = text.slice(start, end);
    const part: Judgement = {
      ...judgement,
      statements: [{ ...statement, extent: { start: 0, end: end - start } }],
      edits: own,
      template: applyEdits(partText, own),
    };
    parts.push({ ...madeFor(renderLiterals(partText, part, values), policy, values), leads });
  }
  return next === edits.length ? parts : undefined;
}
