/** How a running statement is cut off: why, what the server is told, and what the client. */
import { REASONS } from '../../core/reasons.ts';
import { type Refusal, refusal } from '../../core/refusal.ts';
import { cancelledByUser } from '../admission/admission.ts';
import { refusalResponse } from '../client/refusal-response.ts';
import { notRecorded } from '../recorder.ts';
import type { Conversation } from '../state/conversation.ts';
import type { Execution } from '../state/execution.ts';

/** Reads on where the server stops by itself; else asks it to stop. Over anything but the rows it may have much more to send, bounded or not. */
export function cutOff(c: Conversation, run: Execution): void {
  tellBudget(c, run);
  if (c.closed) return;
  const goesOn = run.cut?.reason === 'limit-bytes' || (run.cutByBudget && !run.endsAt(1));
  if (run.bounded && !goesOn) return;
  if (c.ports.pooling === undefined) {
    c.cancel();
    return;
  }
  leave(c, run, run.cut!);
}

/** A cancel through a pooler may hit another client's next statement on that connection: none is sent. */
export function leave(c: Conversation, run: Execution, cut: Refusal): void {
  c.records.end(run, 'cut', { sqlstate: cut.sqlstate });
  c.end(cut);
}

/** A result that was cut off counts towards a lock, at once, whether or not the client stays to read the error. */
export function tellBudget(c: Conversation, { cut, policy, cutByBudget, reached, person }: Execution): void {
  if (cut && REASONS[cut.reason].countsTowardsLock) c.ports.budget.event(policy, 'refusal', person?.user);
  else if (reached || (!cutByBudget && isOfLimit(cut))) c.ports.budget.event(policy, 'overrun', person?.user, reached);
}

function isOfLimit(cut: Refusal | undefined): boolean {
  return cut?.reason === 'limit-rows' || cut?.reason === 'limit-bytes' || cut?.reason === 'limit-changed';
}

/** The client cancels a run that waits for the budget: nothing more of it is shown. @returns whether there was one. */
export function cancelStalled(c: Conversation): boolean {
  const run = c.stalled;
  if (!run) return false;
  c.goOn();
  run.cut = cancelledByUser();
  // A cancel through a pooler may hit another client's next statement on that connection; the client's own is passed on unchanged.
  if (c.ports.pooling === undefined) c.cancel();
  return true;
}

/** Tells the client why it sees no more of a statement; the only error that it sees of it. */
export function tellCut(c: Conversation, run: Execution): void {
  c.toClient.add(refusalResponse(run.cut!, run.id));
  c.records.end(run, 'cut', { sqlstate: run.cut!.sqlstate });
}

export function cutUnrecorded(run: Execution): false {
  return cutBy(run, notRecorded());
}

export function cutOutdated(run: Execution): false {
  return cutBy(
    run,
    refusal('unsupported', '0A000', 'the policy has changed what it may show', { hint: 'Run it again.' }),
  );
}

function cutBy(run: Execution, why: Refusal): false {
  run.cut = why;
  run.cutByBudget = true;
  return false;
}
