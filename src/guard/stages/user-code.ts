/** After stage 4: which statements may run users' code, so that the session's settings are watched; and which leave nothing behind where they read. */
import { type Refusal, refusal } from '../../core/refusal.ts';
import type { Draft, DraftStatement, Stage } from '../draft.ts';
import { holdsSchemas } from '../held-schemas.ts';
import { callsGranted } from '../may-use.ts';
import { isSearchPath, writtenSearchPath } from '../search-path.ts';
import { codeByPathOf } from '../user-code.ts';

export const userCodeStage: Stage = {
  name: 'user-code',
  each(draft: Draft, statement: DraftStatement): void {
    statement.runsUserCode = runs(draft, statement);
    const { analysis } = statement;
    const isGranted = draft.role.functions.size > 0;
    // What views, masks and filters run is the database's own, unless the role was granted functions: these may be among it.
    statement.leavesNothing = analysis
      ? !callsGranted(analysis, draft.catalog) && !(isGranted && statement.runsUserCode)
      : !isGranted;
    if (!analysis || !statement.runsUserCode || isSearchPath(draft.searchPath, draft.policyPath)) return;
    if (holdsSchemas(draft.role, draft.catalog, draft.searchPath)) return;
    if (codeByPathOf(draft.catalog).runsIn(analysis, draft.role)) statement.refusal ??= otherPathRefused(draft);
  },
};

/**
 * INVARIANT 126: users' code finds its names by the session's path: under another path than the policy's it could read what was not granted for it. Code
 * whose names no path moves runs, and so does any where all that the path leads to is the role's.
 */
function otherPathRefused({ policyPath }: Draft): Refusal {
  return refusal('setting-not-allowed', '42501', 'functions and triggers do not run under another search_path', {
    detail: 'It runs code of users, which looks its own names up by search_path.',
    hint: `SET search_path TO ${writtenSearchPath(policyPath)} first, and write the schemas of names.`,
  });
}

function runs({ userCode, role }: Draft, { kind, analysis, token }: DraftStatement): boolean {
  if (analysis) return userCode.runsIn(analysis, role);
  // SET CONSTRAINTS runs triggers that were put off; what is made and dropped sets off event triggers.
  return !token && (kind.kind === 'other' || kind.kind === 'temporary');
}
