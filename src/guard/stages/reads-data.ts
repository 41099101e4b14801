/** Whether a statement reads data: rows of users' relations, not of the server's catalogs. */

import { FIRST_USER_OID } from '../../policy/compile/visible-types.ts';
import type { RolePolicy } from '../../policy/model/policy.ts';
import type { Use } from '../../sql/analyze/analyze.ts';
import type { QueryLevel, RelationView } from '../../sql/analyze/range-table.ts';
import type { Draft } from '../draft.ts';

/** True for a statement that reads catalogs and nothing else. */
export function readsCatalogsAlone(role: RolePolicy, uses: readonly Use[]): boolean {
  return uses.some((use) => use.kind === 'relation') && uses.every((use) => isOfServer(role, use));
}

/** No relation that holds data is read, and nothing is called but the server's own: what users made could read one. */
function isOfServer(role: RolePolicy, use: Use): boolean {
  const isSystem = ({ oid }: { readonly oid: number }): boolean => oid < FIRST_USER_OID;
  switch (use.kind) {
    case 'relation':
    case 'column':
    case 'written':
    case 'sample':
      return role.relations.get(use.relation.oid)?.system === true;
    case 'function':
    case 'operator':
      return use.candidates.every(isSystem);
    case 'type':
      return isSystem(use.type);
    case 'collects':
      return true;
  }
}

/**
 * Whether rows of a granted user relation flow into this level without a bound on how much of them is shown. For a subject's people, each 8 bytes are
 * charged, whatever collects them.
 */
export function reachesUnboundedData(draft: Pick<Draft, 'role' | 'subjects'>, level: QueryLevel): boolean {
  const bounded = draft.subjects.filter(({ subject }) => draft.role.boundedSubjects?.has(subject.name));
  const isUnbounded = ({ relation, system }: RelationView): boolean =>
    !system && !bounded.some((subject) => subject.holds(relation));
  return reaches(level, isUnbounded, new Set());
}

function reaches(level: QueryLevel, isSought: (view: RelationView) => boolean, seen: Set<QueryLevel>): boolean {
  if (seen.has(level)) return false;
  seen.add(level);
  for (const { source } of level.entries) {
    if (source.kind === 'relation' && isSought(source.view)) return true;
    if (source.kind === 'query' && reaches(source.level, isSought, seen)) return true;
    if (source.kind === 'cte' && (!source.cte.level || reaches(source.cte.level, isSought, seen))) return true;
  }
  // A subquery in an expression brings values as well: string_agg((SELECT name FROM students WHERE id = i)) over a series.
  return [...level.arms, ...level.subqueries].some((inner) => reaches(inner, isSought, seen));
}
