/** What the session must know of DECLARE CURSOR, FETCH and MOVE. */
import type { Body } from '../../sql/parse/tree.ts';
import type { StatementJudgement, StatementKind } from '../decision.ts';

/** CURSOR_OPT_HOLD of the server's parsenodes.h. */
const HOLD = 0x20;

export function fetchKind(body: Body<'FetchStmt'>): StatementKind {
  const forward = continuesAnswer(body) ? Number(body.howMany) : undefined;
  return { kind: 'fetch', name: body.portalname ?? '', ...(forward !== undefined && { forward }) };
}

/** @param inner the cursor's query. */
export function cursorKind(body: Body<'DeclareCursorStmt'>, inner: StatementJudgement): StatementKind {
  return { kind: 'declare', name: body.portalname ?? '', hold: ((body.options ?? 0) & HOLD) !== 0, inner };
}

/** Every other one, and each MOVE, chooses among rows, and says of them that they are there. */
export function continuesAnswer({ direction, howMany, ismove }: Body<'FetchStmt'>): boolean {
  const forward = direction === undefined || direction === 'FETCH_FORWARD';
  return forward && ismove !== true && Number(howMany ?? 0) > 0;
}
