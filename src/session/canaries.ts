/** Canaries in a result: the budget is told of each, and a row that shows one is withheld from a role that is held to its policy. */
import { type Refusal, refusal } from '../errors.ts';
import { isGuarded } from '../policy/is-guarded.ts';
import type { Frame } from '../wire/frame-reader.ts';
import type { Conversation } from './conversation.ts';
import type { Run } from './run.ts';

/** @returns whether the row may be shown, as far as canaries are concerned; where not, the run is cut. */
export function passesCanaries(c: Conversation, run: Run, frame: Frame): boolean {
  const { policy } = run;
  const inRow = policy.canaries && run.shows?.canariesIn(run, frame);
  if (!inRow) return true;
  const guarded = isGuarded(policy.role);
  for (const { subject, canary } of inRow.found) {
    const refused = c.ports.budget.canary(policy, { subject, canary, decision: run.id });
    if (refused) return cut(run, refused.refusal);
  }
  // INVARIANT: what is not certainly nobody's whom they protect is not shown to a role that is held to its policy.
  if (inRow.unread !== undefined && guarded) return cut(run, unreadKey(inRow.unread));
  return true;
}

function cut(run: Run, reason: Refusal): false {
  run.cut = reason;
  run.cutByBudget = true;
  return false;
}

function unreadKey(subject: string): Refusal {
  return refusal('unsupported', '0A000', `a long row shows the key of subject "${subject}" behind its long columns`, {
    hint: 'Name the key columns first, or leave them out.',
  });
}
