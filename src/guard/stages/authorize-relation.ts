/** Whether a role may read, lock or write a relation; where it may not, the refusal that says what is missing. */
import { type Refusal, refusal } from '../../errors.ts';
import type { RelationGrant, RolePolicy } from '../../policy/policy.ts';
import type { Relation } from '../../sql/catalog.ts';
import { judgeCopyInto } from './authorize-copy.ts';

/** What an action on a relation needs. */
const NEEDED: Readonly<Record<string, string>> = {
  select: 'SELECT',
  insert: 'INSERT',
  update: 'UPDATE',
  delete: 'DELETE',
  copy: 'INSERT',
  lock: 'UPDATE or DELETE, which FOR UPDATE and its kin need,',
};

/** undefined: granted. */
export function judgeRelation(role: RolePolicy, relation: Relation, action: string): Refusal | undefined {
  const grant = role.relations.get(relation.oid);
  const kind =
    relation.kind === 'v'
      ? 'view'
      : relation.kind === 'm'
        ? 'materialized view'
        : relation.kind === 'S'
          ? 'sequence'
          : 'table';
  const none = (): Refusal =>
    refusal('relation-not-granted', '42501', `permission denied for ${kind} ${relation.name}`, {
      hint: `Role "${role.name}" was not granted ${NEEDED[action] ?? action} on ${relation.schema}.${relation.name}.`,
      rule: grant?.rule ?? role.rule,
    });
  switch (action) {
    case 'select':
      return grant?.select ? undefined : none();
    case 'lock':
      return grant?.update || grant?.delete ? undefined : none();
    case 'copy':
      return grant?.insert ? judgeCopyInto(grant) : none();
    case 'insert':
    case 'update':
    case 'delete': {
      const write = grant?.[action];
      if (!grant || !write) return none();
      return restricted(grant, action, write.whole) ? writeRestricted(role, relation, action, write.rule) : undefined;
    }
    default:
      return none();
  }
}

/** Until restricted writes are judged as they are stored, a table with any restriction is not written at all. */
function restricted(grant: RelationGrant, action: string, whole: boolean): boolean {
  if (!whole || !grant.relation.columns.length || grant.relation.kind === 'v') return true;
  if (action === 'insert') return grant.select !== undefined && grant.select.conditions.length > 0;
  return grant.select?.whole !== true;
}

function writeRestricted(role: RolePolicy, relation: Relation, action: string, rule: string): Refusal {
  return refusal(
    'write-restricted',
    '0A000',
    `${action.toUpperCase()} on "${relation.name}" is not supported yet: role "${role.name}" is restricted on it`,
    {
      hint: 'Writes are supported on tables of which the role holds every column and every row.',
      rule,
    },
  );
}
