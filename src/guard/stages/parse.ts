/** Stage 1: the text as PostgreSQL's grammar reads it. */
import { refusal } from '../../errors.ts';
import { isParsed, parse } from '../../sql/parse.ts';
import type { Draft, Stage } from '../draft.ts';

export const parseStage: Stage = {
  name: 'parse',
  run(draft: Draft): void {
    const outcome = parse(draft.text);
    if (!isParsed(outcome)) {
      const [reason, sqlstate] =
        outcome.kind === 'syntax' ? (['syntax', '42601'] as const) : (['too-large', '54001'] as const);
      draft.refusal = refusal(reason, sqlstate, outcome.message, { position: outcome.position });
      return;
    }
    draft.parsed = outcome;
    draft.statements = outcome.statements.map((s) => ({
      node: s.node,
      start: s.start,
      end: s.end,
      command: '',
      kind: { kind: 'other' },
      query: undefined,
      declaredTypes: [],
      bounded: false,
      explains: false,
      analysis: undefined,
      tables: new Set(),
      columns: new Set(),
      rule: undefined,
      rewritten: false,
      refusal: undefined,
    }));
  },
};
