/** Behind stage 4: which statements may run code of users, for what watches the settings of the session. */
import type { Draft, DraftStatement, Stage } from '../draft.ts';

export const userCodeStage: Stage = {
  name: 'user-code',
  each(draft: Draft, statement: DraftStatement): void {
    statement.runsUserCode = runs(draft, statement);
  },
};

function runs({ userCode, role }: Draft, { kind, analysis, token }: DraftStatement): boolean {
  if (analysis) return userCode.runsIn(analysis, role);
  // SET CONSTRAINTS runs triggers that were put off; what is made and dropped sets off event triggers.
  return !token && (kind.kind === 'other' || kind.kind === 'temporary');
}
