/** Statements of which nobody has written what became of them: what they can have shown at most. */
import type { PolicyFacts } from '../policies.ts';
import { count, counted } from '../report.ts';
import type { Unended } from './breach.ts';

/** By the policy's own limit of one statement; undefined where one of the roles has none. */
function mostRows(unended: readonly Unended[], { rowsPerStatement }: PolicyFacts): number | undefined {
  let most = 0;
  for (const { role, statements } of unended) {
    const limit = rowsPerStatement.get(role ?? '');
    if (limit === undefined) return undefined;
    most += statements * limit;
  }
  return most;
}

export function upToLimits(unended: readonly Unended[], policies: PolicyFacts): string {
  const statements = unended.reduce((sum, each) => sum + each.statements, 0);
  const most = mostRows(unended, policies);
  const bound =
    most === undefined
      ? 'no limit is known for it'
      : `up to ${count(most)} rows, by the limit of one statement in the policy, and as many people`;
  return `${counted(statements, 'statement')} had no outcome in these files: it was running, or the guard or its host ended under it. What it showed is in none of these figures: ${bound}.`;
}
