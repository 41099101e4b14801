/** Names the transaction commands. */
import type { Body } from '../../sql/parse/tree.ts';
import type { StatementKind } from '../decision.ts';

type Action = Extract<StatementKind, { kind: 'transaction' }>['action'];

interface Found {
  readonly command: string;
  readonly action: Action;
}

const COMMANDS: Readonly<Record<string, Found>> = {
  TRANS_STMT_BEGIN: { command: 'BEGIN', action: 'begin' },
  TRANS_STMT_START: { command: 'START TRANSACTION', action: 'begin' },
  TRANS_STMT_COMMIT: { command: 'COMMIT', action: 'commit' },
  TRANS_STMT_ROLLBACK: { command: 'ROLLBACK', action: 'rollback' },
  TRANS_STMT_SAVEPOINT: { command: 'SAVEPOINT', action: 'savepoint' },
  TRANS_STMT_RELEASE: { command: 'RELEASE', action: 'release' },
  TRANS_STMT_ROLLBACK_TO: { command: 'ROLLBACK', action: 'rollback-to' },
};

/** What the session follows of one; two-phase commit ends the transaction as well. */
export function transactionControl(body: Body<'TransactionStmt'>): StatementKind {
  const action = transactionKind(body)?.action ?? 'prepared';
  const { savepoint_name: savepoint } = body;
  return { kind: 'transaction', action, ...(savepoint !== undefined && { savepoint }) };
}

/** undefined for two-phase commit, which a restricted role may not use. */
export function transactionKind(body: Body<'TransactionStmt'>): Found | undefined {
  return COMMANDS[body.kind ?? ''];
}
