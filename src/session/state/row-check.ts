/** What of a statement is judged as its rows are stored (`RowCheck` in the guard's decision), and where that cannot be. */
import { type Refusal, refusal } from '../../core/refusal.ts';
import type { RowCheck, StatementJudgement } from '../../guard/decision.ts';

/** What the session takes out of a result, see `RowCheck.added`. */
export type Added = RowCheck['added'];

/** The check of what a statement runs. @param inner what it runs by name. */
export function checkOf({ kind, check }: StatementJudgement, inner?: StatementJudgement): RowCheck | undefined {
  switch (kind.kind) {
    case 'execute':
    case 'fetch':
      return inner?.check;
    case 'explain':
      // Its result is a plan; but ANALYZE runs it.
      return check && { violations: check.violations };
    default:
      return check;
  }
}

/** A column that cannot be taken out is not asked for: of COPY the data would hold it, a cursor would be read without it. */
export function cannotTakeOut(statements: readonly StatementJudgement[]): Refusal | undefined {
  const misplaced = statements.find(({ kind, check }) => {
    switch (kind.kind) {
      case 'read':
      case 'write':
      case 'explain':
        return false;
      case 'prepare':
        return cannotTakeOut([kind.inner]) !== undefined;
      case 'declare':
        return kind.inner.check?.added !== undefined;
      default:
        return check?.added !== undefined;
    }
  });
  return (
    misplaced &&
    refusal('unsupported', '0A000', `${misplaced.command} of rows that are checked is not supported`, {
      hint: 'Send the write as a statement of its own.',
    })
  );
}
