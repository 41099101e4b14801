/** Stage 4 of aggregates that are written in one query and computed by another: where nothing of the statement is rewritten or counted. */
import { type Refusal, refusal } from '../../core/refusal.ts';
import { position } from '../../sql/analyze/resolver.ts';
import type { Draft, DraftStatement } from '../draft.ts';

/**
 * Filters, keys and guards depend on the query of an expression. So this is allowed only if the role holds all relations whole, and none has data
 * subjects that are counted: then the client's own text runs, and nothing is withheld that it could reveal.
 */
export function authorizeOuterAggregates(draft: Draft, { analysis }: DraftStatement): Refusal | undefined {
  const at = analysis?.marks.outerAggregates[0];
  if (!analysis || at === undefined) return undefined;
  const { levels, writes } = analysis.marks;
  const isPlain = levels.every(({ entries }) =>
    entries.every(({ source, guard }) => {
      if (source.kind !== 'relation') return guard === undefined;
      const { view } = source;
      return !view.guarded && !draft.subjects.some((subject) => subject.holds(view.relation));
    }),
  );
  if (isPlain && writes.length === 0 && draft.role.minGroup === undefined) return undefined;
  return refusal('unsupported', '0A000', 'an aggregate of an outer query is not supported here', {
    hint: 'Tables of which rows or columns are withheld, or that hold people, are in the statement. Aggregate in a query in FROM.',
    position: position(draft.text, at),
  });
}
