/** Settles the amounts set aside for a statement once it has ended (`docs/limits.md`). */
import type { Disclosure } from '../../guard/subjects/disclosure.ts';
import type { OutcomeEntry } from '../log-entries.ts';
import type { Execution } from '../state/execution.ts';
import type { Settlement } from './budget-port.ts';
import { isHeldCursor, jumpsInCursor } from './prepayment.ts';

const NONE: readonly string[] = [];

/**
 * @param tag of a statement that succeeded; undefined if the server sent none, or if it failed. @returns the subjects for which it was a question,
 * and either disclosed nothing else, or failed.
 */
export function settleCharges(
  run: Execution,
  status: OutcomeEntry['status'],
  tag: string | undefined,
): readonly string[] {
  const { charges, answer } = run;
  const repeats = status === 'ok' && tag !== undefined && answer?.isTheSame(tag) === true;
  if (charges) {
    const kept = charges.settle((subject) => settlementOf(run, subject, status, repeats));
    // A permit has paid for all of them.
    return kept.includes('') ? (run.disclosures ?? []).map(({ subject }) => subject) : kept;
  }
  if (status !== 'ok') return NONE;
  // Where no limit counts them: for the log.
  const asked = (run.disclosures ?? []).filter((disclosure) => !isFree(run, disclosure, repeats));
  return asked.filter(({ subject }) => answer?.hasTold(subject) !== true).map(({ subject }) => subject);
}

function settlementOf(run: Execution, subject: string, status: OutcomeEntry['status'], repeats: boolean): Settlement {
  switch (status) {
    case 'ok': {
      // Of a permit, which pays for all.
      const paid = (run.disclosures ?? []).filter((one) => subject === '' || one.subject === subject);
      return paid.every((disclosure) => isFree(run, disclosure, repeats)) ? 'free' : 'answered';
    }
    // The server has not come to it.
    case 'skipped':
      return 'free';
    case 'error':
    case 'refused':
      return 'failed';
    case 'cut':
    case 'cancelled':
    case 'lost':
      return 'answered';
  }
}

/** INVARIANT 70: only an answer that was fixed before the statement ran is free. */
function isFree(run: Execution, { subject, access, canFail, free }: Disclosure, repeats: boolean): boolean {
  const { statement, answer } = run;
  if (canFail === 'at-commit' || isHeldCursor(statement.kind) || jumpsInCursor(statement.kind)) return false;
  // Its people were counted before it ran: the amount set aside was for an error.
  if (run.isPinned(subject)) return true;
  // It costs the people that the row names, and one if no row came.
  if (access.kind === 'held') return answer?.hasNamed(subject) === true;
  return free === 'known' || repeats;
}
