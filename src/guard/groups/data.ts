/** Which relations hold what `min_group` protects, and by what their groups are counted. */
import type { RolePolicy } from '../../policy/model/policy.ts';
import type { RangeTableEntry } from '../../sql/analyze/range-table.ts';
import type { Unit } from './groups.ts';

/** All but catalogs, and tables of which the role holds every row and that are about nobody: lists of schools, of subjects taught. */
export function isData({ source }: RangeTableEntry, role: RolePolicy): boolean {
  if (source.kind !== 'relation' || source.view.system) return false;
  const { relation } = source.view;
  const grant = role.relations.get(relation.oid);
  const isTable = relation.kind === 'r' || relation.kind === 'p';
  return !(isTable && grant?.select?.whole === true && grant.subjectKeys?.length === 0);
}

/** Whether it can be told whose rows they are. */
export function isReadable({ source }: RangeTableEntry, role: RolePolicy): boolean {
  if (source.kind !== 'relation') return false;
  const { relation } = source.view;
  if (relation.kind === 'r' || relation.kind === 'p') return true;
  return (role.relations.get(relation.oid)?.subjectKeys?.length ?? 0) > 0;
}

/** `isRoot`: its rows are what is aggregated; of another that is about nobody nothing is counted. */
export function unitsOf({ source }: RangeTableEntry, role: RolePolicy, isRoot: boolean): Unit['of'][] {
  if (source.kind !== 'relation') return [];
  const keys = role.relations.get(source.view.relation.oid)?.subjectKeys ?? [];
  if (keys.length > 0) return keys.map((name) => ({ kind: 'column', name }));
  return isRoot ? [{ kind: 'row' }] : [];
}
