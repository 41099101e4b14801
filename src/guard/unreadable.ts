/** The judgement of a text in which no statement can be found. */
import type { Refusal } from '../core/refusal.ts';
import type { StatementJudgement } from './decision.ts';

/** The judgement of a text that is not a known statement: it did not parse, or it is not valid text. */
export function unreadable(reason: Refusal | undefined): StatementJudgement {
  return {
    effect: reason ? 'refuse' : 'allow',
    kind: { kind: 'other' },
    command: '',
    fingerprint: '',
    normalized: '',
    tables: [],
    columns: [],
    ...(reason && { refusal: reason }),
  };
}
