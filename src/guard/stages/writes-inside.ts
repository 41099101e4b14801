/** Tells a SELECT that writes from one that only reads. */
import { as, type Body } from '../../sql/tree.ts';

/** A data-modifying WITH stands at the top of its statement, or nowhere: PostgreSQL takes it only there. */
export function writesInside(select: Body<'SelectStmt'>): boolean {
  return (select.withClause?.ctes ?? []).some((node) => {
    const query = as(node, 'CommonTableExpr')?.ctequery;
    return query !== undefined && !('SelectStmt' in query);
  });
}
