/** Stage 1: the text as PostgreSQL's grammar reads it. */

import type { Reason } from '../../core/reasons.ts';
import { redactTokens } from '../../core/redact-tokens.ts';
import { refusal } from '../../core/refusal.ts';
import { grammarError } from '../../sql/parse/grammar-errors.ts';
import { isParsed, type ParseProblem, parse } from '../../sql/parse/parse.ts';
import { WorkLimitExceeded } from '../../sql/parse/work-limit.ts';
import type { Draft, Stage } from '../draft.ts';

const REASONS = {
  syntax: ['syntax', '42601'],
  'too-large': ['too-large', '54001'],
  'too-long': ['too-large', '54000'],
} as const satisfies Record<Exclude<ParseProblem['kind'], 'too-complex'>, readonly [Reason, string]>;

export const parseStage: Stage = {
  name: 'parse',
  run(draft: Draft): void {
    const outcome = parse(draft.text, { workLimit: draft.workLimit });
    if (!isParsed(outcome)) {
      if (outcome.kind === 'too-complex') throw new WorkLimitExceeded();
      const [reason, sqlstate] = REASONS[outcome.kind];
      const { message, position } = outcome;
      const said = reason === 'syntax' ? grammarError(draft.text, message, position) : { sqlstate };
      draft.refusal = refusal(reason, said.sqlstate, messageOf(message, draft.text), { position, ...said });
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
      copy: undefined,
      copied: undefined,
      analysis: undefined,
      readAs: new Map(),
      named: [],
      instead: undefined,
      token: undefined,
      tables: new Set(),
      columns: new Set(),
      rule: undefined,
      groups: [],
      check: undefined,
      disclosures: undefined,
      keyPlan: undefined,
      about: undefined,
      runsUserCode: false,
      leavesNothing: false,
      reusable: false,
      literals: [],
      plans: undefined,
      parameters: 0,
      rewritten: false,
      refusal: undefined,
    }));
  },
};

/** Of a text with a token in it nothing is quoted: a piece of one is not known again. */
function messageOf(message: string, text: string): string {
  return redactTokens(text) === text ? message : message.replace(/ at or near ".*$/s, '');
}
