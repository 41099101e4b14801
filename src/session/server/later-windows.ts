/** What is told in a later window than it was paid in, and what may still change then, is paid there again. */
import type { Disclosed } from '../admission/budget-port.ts';
import { passesAskedCanaries } from '../results/canaries.ts';
import type { Conversation } from '../state/conversation.ts';
import type { Execution } from '../state/execution.ts';
import { cutOutdated, leave, tellBudget } from './cut-off.ts';
import { isCountedAlike } from './policy-changes.ts';
import { ask, take } from './take.ts';

/**
 * INVARIANT 234: people who were counted before the statement ran are counted again where more of it is told a second later: a client may have let it wait
 * until the windows had forgotten them. Those who are counted cost nothing. Nor does a place pay for rows of known people, or for an end, once its window has
 * ended: the rows of a portal that is left, or of a connection that is lost, have no other end. @returns as `take`.
 */
export function paysAgain(c: Conversation, run: Execution, tells: 'row' | 'end'): boolean {
  const { charges } = run;
  if (!charges || (tells === 'row' && !charges.isOld)) return true;
  const disclosed = owedAgain(run, tells);
  if (disclosed.length > 0 && !take(c, run, { disclosed })) return false;
  if (charges.isOld || disclosed.length > 0) charges.renew(tells);
  return true;
}

/**
 * Of how it ends, by an error too: it is to be paid by what was set aside, and no canary was asked for. @returns whether the client may be told;
 * where not, it may be asked again: `c.stalled`.
 */
export function mayTellEnd(c: Conversation, run: Execution): boolean {
  if (!passesAskedCanaries(c, run)) return false;
  if (!run.charges || c.unheard) return true;
  if (isCountedAlike(c, run)) return paysAgain(c, run, 'end') || endUnpaid(c, run);
  cutOutdated(run);
  // As `cutOff` does for a row.
  return c.ports.pooling !== undefined && endUnpaid(c, run);
}

/**
 * INVARIANT 265: what COMMIT reads is told by its answer, or by that of a Sync, and it was paid when it was asked: it is paid again where that window has ended.
 * Where nothing is left neither is told: the session ends. @returns as `mayTellEnd`.
 */
export function mayTellCommit(c: Conversation): boolean {
  if (c.unheard) return true;
  for (const run of c.atCommit) {
    if (isCountedAlike(c, run) ? paysAgain(c, run, 'end') : cutOutdated(run)) continue;
    if (run.cut) c.end(run.cut);
    return false;
  }
  return true;
}

/**
 * INVARIANT 267: whether a change stays is told to other sessions by what it leaves behind, heard here or not. While what decides that runs, and until COMMIT,
 * it is paid again in each later window. Where nothing is left the session ends, and nothing of it stays. Called every half a second.
 */
export function keepPaid(c: Conversation): void {
  for (const run of [...c.records.running(), ...c.atCommit]) {
    const disclosed = owedAgain(run, 'end');
    if (run.cut || !disclosed.some(({ values }) => values > 0)) continue;
    const answer = ask(c, run, { disclosed });
    // The next look asks again.
    if (answer === 'wait') continue;
    if (answer !== 'taken') {
      tellBudget(c, run);
      if (c.pending.length > 0 && c.ports.pooling === undefined) c.cancel();
      leave(c, run, answer);
      return;
    }
    run.charges?.renew('end');
  }
}

function owedAgain({ charges, prepaid = [], watch, person }: Execution, tells: 'row' | 'end'): readonly Disclosed[] {
  // A permit has no windows, but an end user has, beside it.
  if (!charges || (watch.account !== undefined && !person)) return NOTHING;
  return prepaid.flatMap(({ subject, keys, pinned }) => {
    const values = !(pinned && tells === 'row') && charges.isPast(subject, tells) ? 1 : 0;
    const named = charges.isOld ? keys : NO_KEYS;
    return named.length + values > 0 ? { subject, keys: named, values } : [];
  });
}

const NO_KEYS: readonly string[] = [];

const NOTHING: readonly Disclosed[] = [];

/** INVARIANT 78: a row that is not paid ends the session, and so does an end: that it goes on, or ends by a timeout, would tell that a row came, or none. */
export function endUnpaid(c: Conversation, run: Execution): false {
  if (run.cut) leave(c, run, run.cut);
  return false;
}
