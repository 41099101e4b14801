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
  const whole = tag !== undefined && isAtEnd(run, tag);
  const kept = charges?.settle((subject) => settlementOf(run, subject, status, { repeats, whole }));
  // A permit has paid for all of them.
  if (kept) return kept.includes('') ? (run.disclosures ?? []).map(({ subject }) => subject) : kept;
  if (status !== 'ok') return NONE;
  // Where no limit counts them: for the log.
  const asked = (run.disclosures ?? []).filter((disclosure) => !isFree(run, disclosure, { repeats, whole }));
  return asked.filter(({ subject }) => answer?.hasTold(subject) !== true).map(({ subject }) => subject);
}

interface Ending {
  /** It is the last answer to this text again. */
  readonly repeats: boolean;
  /** No more rows follow. */
  readonly whole: boolean;
}

/** A FETCH is at the end if it brings fewer rows than were asked for. */
function isAtEnd({ statement: { kind } }: Execution, tag: string): boolean {
  return kind.kind !== 'fetch' || Number(tag.split(' ').at(-1)) < (kind.forward ?? 0);
}

function settlementOf(run: Execution, subject: string, status: OutcomeEntry['status'], ending: Ending): Settlement {
  // Of a permit, which pays for all.
  const paid = (run.disclosures ?? []).filter((one) => subject === '' || one.subject === subject);
  switch (status) {
    case 'ok': {
      // INVARIANT 209: what COMMIT may tell, or what it leaves behind, comes on top of what its answer shows.
      if (paid.some(({ canFail }) => canFail === 'at-commit')) return 'failed';
      return paid.every((disclosure) => isFree(run, disclosure, ending)) ? 'free' : 'answered';
    }
    // The server has not come to it, or nothing of it was heard.
    case 'skipped':
      return run.undone ? 'failed' : 'free';
    case 'error':
    case 'refused':
      return 'failed';
    // INVARIANT 233: whether a write has failed, and at which row, is told by what it leaves behind, too, where its error is not heard.
    case 'cut':
    case 'cancelled':
    case 'lost':
      return paid.some((one) => one.write || one.leavesNumbers || one.canFail === 'at-commit') ? 'failed' : 'answered';
  }
}

/** INVARIANT 70: only an answer that was fixed before the statement ran is free. */
function isFree(run: Execution, { subject, access, free, locks }: Disclosure, ending: Ending): boolean {
  const { statement, answer } = run;
  if (isHeldCursor(statement.kind) || jumpsInCursor(statement.kind)) return false;
  // What it was set aside for has not happened.
  if (statement.kind.kind === 'declare' && !statement.runsUserCode) return true;
  // Its people were counted before it ran: the amount set aside was for an error.
  if (run.isPinned(subject)) return true;
  // It costs the people that the row names, and one if no row came.
  if (access.kind === 'held') return answer?.hasNamed(subject) === true;
  // A client that stops early chooses rows as LIMIT does.
  if (free === 'known') return ending.whole;
  // INVARIANT 155: a lock that was not paid for would show other sessions, by SKIP LOCKED, which row hidden people chose.
  return ending.repeats && !(locks && run.rows > 0);
}
