/** Tells what stands in a statement's WITH and writes. */
import { as, type Body } from '../../sql/parse/tree.ts';
import type { StatementKind } from '../decision.ts';

/** A data-modifying WITH stands at the top of its statement, or nowhere: PostgreSQL takes it only there. */
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
