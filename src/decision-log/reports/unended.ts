/** Statements of which nobody has written what became of them: what they can have shown at most. */

import type { Unended } from './breach.ts';
import type { BreachFacts } from './breach-facts.ts';
import { count, countText } from './report.ts';

interface Most {
  /** Undefined where one of the roles has no limit. */
  readonly rows: number | undefined;
  /** Whether all is by the policies that were in force, and nothing by those of now. */
  readonly ofThen: boolean;
}

/** By the limit of one statement. Where several policies of one hash were kept, the largest. */
function mostRows(unended: readonly Unended[], { policies, policiesKept }: Policies): Most {
  let most: number | undefined = 0;
  let ofThen = true;
  for (const { role, kept, statements } of unended) {
    const inForce = kept.flatMap((hash) => policiesKept(hash) ?? []);
    if (inForce.length === 0) ofThen = false;
    const limits = (inForce.length > 0 ? inForce : [policies]).map((facts) => facts.rowsPerStatement.get(role ?? ''));
    for (const limit of limits) if (limit === undefined) most = undefined;
    if (most !== undefined) most += statements * Math.max(...limits.map((limit) => limit ?? 0));
  }
  return { rows: most, ofThen };
}

type Policies = Pick<BreachFacts, 'policies' | 'policiesKept'>;

export function upToLimits(unended: readonly Unended[], known: Policies): string {
  const statements = unended.reduce((sum, each) => sum + each.statements, 0);
  const { rows, ofThen } = mostRows(unended, known);
  const policy = ofThen
    ? 'the policy that was in force'
    : 'the policy as it is now, for the one that was in force is not kept beside the log';
  const bound =
    rows === undefined
      ? 'no limit is known for it'
      : `up to ${count(rows)} rows, by the limit of one statement in ${policy}, and as many people`;
  return `${countText(statements, 'statement')} had no outcome in these files: it was running, or the guard or its host ended under it. What it showed is in none of these figures: ${bound}.`;
}
