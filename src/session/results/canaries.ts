/** Canaries in a result: each is reported to the budget, and a restricted role does not get a row that shows one. */
import { type Refusal, refusal } from '../../core/refusal.ts';
import type { Canaries } from '../../policy/model/canaries.ts';
import { isGuarded } from '../../policy/model/is-guarded.ts';
import type { Frame } from '../../protocol/frame-reader.ts';
import type { Sighting } from '../admission/budget-port.ts';
import type { Conversation } from '../state/conversation.ts';
import type { Execution } from '../state/execution.ts';
import { KeysOfRow } from './added-keys.ts';
import type { CanaryInRow } from './canaries-in-row.ts';

/** @returns whether the row may be shown, as far as canaries are concerned; where not, the run is cut. */
export function passesCanaries(c: Conversation, run: Execution, frame: Frame): boolean {
  const { policy } = run;
  const { canaries } = policy;
  if (!canaries) return true;
  if (!passesAskedCanaries(c, run)) return false;
  const inRow = run.answer?.canariesIn(run, frame);
  const guarded = isGuarded(policy.role);
  for (const { subject, canary } of [...hiddenCanaries(run, canaries), ...(inRow?.found ?? [])]) {
    const refused = c.ports.budget.canary(policy, sighting(run, subject, canary));
    if (refused) return cut(run, refused.refusal);
  }
  // A restricted role does not get a row that may show a protected person.
  if (inRow?.unread !== undefined && guarded) return cut(run, unreadKey(inRow.unread));
  return true;
}

/** A canary whose key is asked for counts as seen, even if no row of it comes. @returns whether the statement may be answered. */
export function passesAskedCanaries(c: Conversation, run: Execution): boolean {
  const { canaries } = run.policy;
  if (!canaries || run.answer?.isAsked !== false) return true;
  run.answer.isAsked = true;
  for (const { subject, keys } of run.prepaid ?? []) {
    for (const key of keys) {
      const canary = canaries.find(subject, key);
      const refused = canary && c.ports.budget.canary(run.policy, sighting(run, subject, canary));
      if (refused) return cut(run, refused.refusal);
    }
  }
  return true;
}

/**
 * Of a row that passes in pieces the keys come last: its end is withheld. Of a write that shows nothing they alone come, while it can be undone:
 * with the session it is.
 */
export function endAtCanary(c: Conversation, run: Execution): void {
  const { policy } = run;
  if (run.cut) return;
  for (const { subject, canary } of policy.canaries ? hiddenCanaries(run, policy.canaries) : []) {
    const refused = c.ports.budget.canary(policy, sighting(run, subject, canary));
    if (!refused) continue;
    c.records.end(run, 'cut', { sqlstate: refused.refusal.sqlstate });
    c.end(refused.refusal);
    return;
  }
}

function sighting({ id, person }: Execution, subject: string, canary: string): Sighting {
  return { subject, canary, decision: id, ...(person && { user: person.user }) };
}

/** Among the people whose keys the rewriting added. */
function hiddenCanaries(run: Execution, canaries: Canaries): CanaryInRow[] {
  const { hidden, watch, disclosures } = run;
  const found: CanaryInRow[] = [];
  if (hidden === undefined) return found;
  let at = 0;
  for (const { subject, width } of watch.check?.keys ?? []) {
    const key = hidden.slice(at, at + width).trim();
    at += width;
    const canary = key === '' ? undefined : canaries.find(subject, key);
    if (canary !== undefined) found.push({ subject, canary });
  }
  if (!watch.check?.names) return found;
  const keys = new KeysOfRow(run);
  for (const { subject, named } of disclosures ?? []) {
    if (!canaries.areOf(subject)) continue;
    const shown = (named ?? []).flatMap(({ added, type }) => added.flatMap((one) => keys.shown(one, type)));
    for (const key of shown) {
      const canary = canaries.find(subject, key);
      if (canary !== undefined) found.push({ subject, canary });
    }
  }
  return found;
}

function cut(run: Execution, reason: Refusal): false {
  run.cut = reason;
  run.cutByBudget = true;
  return false;
}

function unreadKey(subject: string): Refusal {
  return refusal('unsupported', '0A000', `a long row shows the key of subject "${subject}" behind its long columns`, {
    hint: 'Name the key columns first, or leave them out.',
  });
}
