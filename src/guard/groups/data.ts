/** Which relations hold what `min_group` protects, and by what their groups are counted. */
import type { RolePolicy } from '../../policy/model/policy.ts';
import type { RangeTableEntry } from '../../sql/analyze/range-table.ts';
import type { Unit } from './groups.ts';

/**
 * All relations except catalogs, and tables whose rows the role holds completely and that are about no data subject: lists of schools, of subjects
 * taught.
 */
export function isData({ source }: RangeTableEntry, role: RolePolicy): boolean {
  if (source.kind !== 'relation' || source.view.system) return false;
  const { relation } = source.view;
  const grant = role.relations.get(relation.oid);
  const isTable = relation.kind === 'r' || relation.kind === 'p';
  return !(isTable && grant?.select?.whole === true && grant.subjectKeys?.length === 0);
}

/** Whether the data subjects of its rows can be determined. */
export function isReadable({ source }: RangeTableEntry, role: RolePolicy): boolean {
  if (source.kind !== 'relation') return false;
  const { relation } = source.view;
  if (relation.kind === 'r' || relation.kind === 'p') return true;
  return (role.relations.get(relation.oid)?.subjectKeys?.length ?? 0) > 0;
}

/** `isRoot`: its rows are aggregated; in another relation that is about no data subject, nothing is counted. */
export function unitsOf({ source }: RangeTableEntry, role: RolePolicy, isRoot: boolean): Unit['of'][] {
  if (source.kind !== 'relation') return [];
  const keys = role.relations.get(source.view.relation.oid)?.subjectKeys ?? [];
  if (keys.length > 0) return keys.map((name) => ({ kind: 'column', name }));
  return isRoot ? [{ kind: 'row' }] : [];
}
