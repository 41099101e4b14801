/** Of statements that write: those in WITH, and tables with rules. */
import type { Catalog, Relation } from '../../sql/catalog/catalog.ts';
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
  const relation = body.relation ? relationOf(draft, body.relation) : undefined;
  const uncounted = writesInside(body) ? 'a write in WITH' : uncountedIn(relation, draft.catalog);
  return {
    kind: 'write',
    returning,
    ...(uncounted && { uncounted }),
    ...(returning && relation && relation.rules.length > 0 && { ruled: true }),
  };
}

/**
 * INVARIANT 176: where the tag does not tell how many rows are stored. What a rule puts in the place of a write it does not count, nor what a trigger stores
 * elsewhere and lets go by, as one of a view may, and one that spreads rows over child tables. undefined: it counts them.
 */
export function uncountedIn(relation: Relation | undefined, catalog: Catalog): string | undefined {
  for (let at = relation; at; ) {
    if (at.rules.length > 0) return 'a write that a rule may replace';
    const { oid } = at;
    const spreads = (): boolean => catalog.data.relations.some(({ parents }) => parents.includes(oid));
    const isTriggered = at.rowTriggers.length > 0 && (at.kind === 'v' || (at.kind === 'r' && spreads()));
    if (isTriggered) return 'a write that a trigger may carry out';
    at = at.kind === 'v' && at.view?.writes ? catalog.relationsByOid.get(at.view.writes.base) : undefined;
  }
  return undefined;
}
