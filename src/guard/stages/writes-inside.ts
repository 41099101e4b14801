/** Of statements that write: those in WITH, and tables with rules. */
import { as, type Body } from '../../sql/parse/tree.ts';
import type { StatementKind } from '../decision.ts';
import type { Draft } from '../draft.ts';
import { relationOf } from './open-copy.ts';

/** A data-modifying WITH is only at the top of its statement: PostgreSQL accepts it nowhere else. */
export function writesInside({ withClause }: Pick<Body<'SelectStmt'>, 'withClause'>): boolean {
  return (withClause?.ctes ?? []).some((node) => {
    const query = as(node, 'CommonTableExpr')?.ctequery;
    return query !== undefined && !('SelectStmt' in query);
  });
}

/** What an INSERT, UPDATE, DELETE or MERGE is for the session, or a SELECT that writes. */
export function writeKind(
  draft: Draft,
  body: Pick<Body<'InsertStmt'>, 'withClause' | 'relation'>,
  returning: boolean,
): StatementKind {
  const relation = returning && body.relation ? relationOf(draft, body.relation) : undefined;
  return {
    kind: 'write',
    returning,
    ...(writesInside(body) && { uncounted: true }),
    ...(relation && relation.rules?.length !== 0 && { ruled: true }),
  };
}
