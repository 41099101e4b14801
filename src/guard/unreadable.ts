/** What is said of a text in which no statement can be seen. */
import type { Refusal } from '../core/refusal.ts';
import type { StatementJudgement } from './decision.ts';

/** Stands for a text of which no statement is known: it did not parse, or it is no text. */
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
