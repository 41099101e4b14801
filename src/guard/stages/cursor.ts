/** What the session must know of a DECLARE CURSOR. */
import type { Body } from '../../sql/tree.ts';
import type { StatementJudgement, StatementKind } from '../decision.ts';

/** CURSOR_OPT_HOLD of the server's parsenodes.h. */
const HOLD = 0x20;

/** @param inner the cursor's query. */
export function cursorKind(body: Body<'DeclareCursorStmt'>, inner: StatementJudgement): StatementKind {
  return { kind: 'declare', name: body.portalname ?? '', hold: ((body.options ?? 0) & HOLD) !== 0, inner };
}
