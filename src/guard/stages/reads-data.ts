/** Whether a statement reads data: rows of users' relations, not of the server's catalogs. */
import type { RolePolicy } from '../../policy/policy.ts';
import type { Use } from '../../sql/analyze/analyze.ts';
import type { Level } from '../../sql/analyze/model.ts';
import { FIRST_USER_OID } from '../may-use.ts';

/** True for a statement that reads catalogs and nothing else. */
export function readsCatalogsAlone(role: RolePolicy, uses: readonly Use[]): boolean {
  return uses.some((use) => use.kind === 'relation') && uses.every((use) => isOfServer(role, use));
}

/** INVARIANT: no relation that holds data is read, and nothing is called but the server's own: what users made could read one. */
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

/** Whether rows of a granted user relation flow into this level. */
export function reachesData(role: RolePolicy, level: Level, seen: Set<Level> = new Set()): boolean {
  if (seen.has(level)) return false;
  seen.add(level);
  for (const { source } of level.entries) {
    if (source.kind === 'relation' && !source.view.system) return true;
    if (source.kind === 'query' && reachesData(role, source.level, seen)) return true;
    if (source.kind === 'cte' && (!source.cte.level || reachesData(role, source.cte.level, seen))) return true;
  }
  // INVARIANT: a subquery in an expression brings values as well: string_agg((SELECT name FROM students WHERE id = i)) over a series.
  return [...level.arms, ...level.subqueries].some((inner) => reachesData(role, inner, seen));
}
