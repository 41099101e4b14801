/** Finds the statements in WITH that write. */
import { as, type Body } from '../../sql/parse/tree.ts';
import type { StatementKind } from '../decision.ts';

/** A data-modifying WITH is only at the top of its statement: PostgreSQL accepts it nowhere else. */
export function writesInside({ withClause }: Pick<Body<'SelectStmt'>, 'withClause'>): boolean {
  return (withClause?.ctes ?? []).some((node) => {
    const query = as(node, 'CommonTableExpr')?.ctequery;
    return query !== undefined && !('SelectStmt' in query);
  });
}

/** What an INSERT, UPDATE, DELETE or MERGE is for the session, or a SELECT that writes. */
export function writeKind(body: Pick<Body<'SelectStmt'>, 'withClause'>, returning: boolean): StatementKind {
  return { kind: 'write', returning, ...(writesInside(body) && { uncounted: true }) };
}
