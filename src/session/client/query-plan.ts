/** How a Query is sent, so that if its result is cut off, nothing is committed that the client was told had failed. */
import { type Refusal, refusal } from '../../core/refusal.ts';
import type { StatementKind } from '../../guard/decision.ts';
import type { TransactionStatus } from '../../protocol/ready-for-query.ts';

export interface PlannedStatement {
  readonly kind: StatementKind;
  /** It may be cut off. */
  readonly cuttable: boolean;
  readonly pure: boolean;
  /** Users' code may run in it, and change what the server does with the statements after it. */
  readonly runsUserCode: boolean;
}

/**
 * `plain`: as a Query. `converted`: as Parse, Bind, Describe, Execute, with Sync held back until the result has passed.
 * `wrapped`: as a Query between a BEGIN and a COMMIT of the guard's own.
 * `in-turn`: each statement as a Query of its own, when the one before it has passed.
 * `wrapped-in-turn`: both.
 */
export type QueryPlan = 'plain' | 'converted' | 'wrapped' | 'in-turn' | 'wrapped-in-turn';

/** Does the plan depend on the state of the transaction? Then it must be known first. */
export function needsStatus(statements: readonly PlannedStatement[]): boolean {
  return (
    (statements.length > 1 || statements.some(hasRules)) && (!plainAlways(statements) || hasUserCodeBefore(statements))
  );
}

/** By the extended protocol the server would keep the rows of a rule in its place to itself. */
function hasRules({ kind }: PlannedStatement): boolean {
  return kind.kind === 'write' && kind.ruled === true;
}

/** @param status of the transaction before the message. */
export function planQuery(statements: readonly PlannedStatement[], status: TransactionStatus): QueryPlan | Refusal {
  if (hasUserCodeBefore(statements)) return apart(statements, status);
  if (plainAlways(statements)) return 'plain';
  const [only, ...others] = statements;
  if (only && others.length === 0) return !hasRules(only) ? 'converted' : status === 'I' ? 'wrapped' : 'plain';
  const first = statements.findIndex((statement) => statement.cuttable);
  const before = statements.slice(0, first).map(({ kind }) => kind);
  const behind = statements.slice(first).map(({ kind }) => kind);
  // INVARIANT 57: everything after a statement that may be cut off must be undone with it.
  if (!behind.some(cannotBeUndone)) {
    if (inTransaction(status, before)) return 'plain';
    if (!before.some((kind) => kind.kind === 'transaction')) return 'wrapped';
  }
  if (canTakeTurns(statements, status)) return 'in-turn';
  // What PREPARE and DEALLOCATE do stands whatever becomes of the transaction, as at the server: each waits for what is before it.
  return statements.some(({ kind }) => kind.kind === 'transaction' || kind.kind === 'discard')
    ? notTogether()
    : 'wrapped-in-turn';
}

/**
 * In a transaction block, a message of several statements equals its statements one by one; outside, they share a transaction of the message, which
 * messages of one statement each would not.
 */
function canTakeTurns(statements: readonly PlannedStatement[], status: TransactionStatus): boolean {
  let inside = status !== 'I';
  for (const { kind } of statements) {
    const action = kind.kind === 'transaction' ? kind.action : undefined;
    if (!inside && action !== 'begin') return false;
    if (action === 'begin') inside = true;
    if (action === 'commit' || action === 'rollback' || action === 'prepared') inside = false;
  }
  return true;
}

/** Does users' code precede anything other than the end of a transaction? */
function hasUserCodeBefore(statements: readonly PlannedStatement[]): boolean {
  const first = statements.findIndex(({ runsUserCode }) => runsUserCode);
  return first >= 0 && statements.slice(first + 1).some(({ kind }) => kind.kind !== 'transaction');
}

/** Each statement after such code is sent only when the settings are known to hold. */
function apart(statements: readonly PlannedStatement[], status: TransactionStatus): QueryPlan | Refusal {
  if (canTakeTurns(statements, status)) return 'in-turn';
  return statements.some(({ kind }) => kind.kind === 'transaction') ? notTogether() : 'wrapped-in-turn';
}

/** Nothing can be cut off; or all that would be undone with it, in the server's implicit transaction, changes nothing. */
function plainAlways(statements: readonly PlannedStatement[]): boolean {
  const first = statements.findIndex((statement) => statement.cuttable);
  if (first < 0) return true;
  const control = statements.slice(0, first).findLastIndex(({ kind }) => kind.kind === 'transaction');
  return statements.slice(control + 1).every(({ pure, kind }) => pure && kind.kind !== 'transaction');
}

function cannotBeUndone(kind: StatementKind): boolean {
  switch (kind.kind) {
    case 'transaction':
    case 'prepare':
    case 'deallocate':
    case 'discard':
      return true;
    default:
      return false;
  }
}

/** Is there a transaction block after these statements? In a failed one nothing runs, and nothing has to be undone. */
function inTransaction(status: TransactionStatus, statements: readonly StatementKind[]): boolean {
  let inside = status !== 'I';
  for (const kind of statements) {
    if (kind.kind !== 'transaction') continue;
    if (kind.action === 'begin') inside = true;
    if (kind.action === 'commit' || kind.action === 'rollback' || kind.action === 'prepared') inside = false;
  }
  return inside;
}

/** The refusal of statements that cannot be undone and cannot be sent one by one. */
export function notTogether(): Refusal {
  return refusal(
    'unsupported',
    '0A000',
    'transaction control cannot stand in one message with a query that is limited',
    {
      hint: 'Send the statements one by one.',
    },
  );
}
