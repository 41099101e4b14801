/** Holds a statement to what its principal may have read: by the limit on what the planner expects, and by what its windows leave. */
import type { StatementJudgement } from '../guard/decision.ts';
import type { StatementLimit } from '../policy/model/limits-in-force.ts';
import type { BudgetRefusal, Over, Sent } from '../session/admission/budget-port.ts';
import type { SessionPolicy } from '../session/ports.ts';
import type { Estimates } from './estimates.ts';
import { overEstimate, overLeft } from './refusals.ts';

export interface Expected {
  readonly policy: SessionPolicy;
  readonly statement: StatementJudgement;
  sent(): Sent;
  /** Called where the answer was `wait`, once there is one; the same function each time. */
  readonly wake: () => void;
  readonly limit: StatementLimit;
  /** Rows that may still be shown; infinite where nothing limits them. */
  readonly rowsLeft: number;
}

/** Why it may not run; undefined if it may. */
export function gate(estimates: Estimates, expected: Expected): Over | BudgetRefusal | 'wait' | undefined {
  const { policy, statement, limit, rowsLeft } = expected;
  const answer = estimates.of(policy, statement, () => expected.sent(), expected.wake);
  if (answer === 'wait') return 'wait';
  switch (answer.kind) {
    case 'passes':
      return undefined;
    case 'refused':
      return { kind: 'refused', refusal: answer.refusal };
    case 'rows': {
      // Of a cursor no more may be fetched than its client wants.
      const shown = statement.kind.kind === 'declare' ? 0 : answer.rows.result;
      const over = overEstimate(answer.rows, limit) ?? overLeft(shown, rowsLeft, limit);
      return over && { kind: 'over', ...over };
    }
  }
}
