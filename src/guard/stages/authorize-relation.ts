/** Whether a role may read, lock or write a relation; where it may not, the refusal that says what is missing. */
import { type Refusal, refusal } from '../../core/refusal.ts';
import { type Condition, NOT_UPDATABLE, type RelationGrant, type RolePolicy } from '../../policy/model/policy.ts';
import type { Use } from '../../sql/analyze/analyze.ts';
import type { Relation, WriteEvent } from '../../sql/catalog/catalog.ts';
import { judgeCopyInto } from './authorize-copy.ts';

/** What an action on a relation needs. */
const NEEDED: Readonly<Record<string, string>> = {
  select: 'SELECT',
  insert: 'INSERT',
  update: 'UPDATE',
  delete: 'DELETE',
  copy: 'INSERT',
  lock: 'UPDATE or DELETE, which FOR UPDATE and FOR SHARE need,',
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
      return grant && write ? unwritable(grant, action) : none();
    }
    default:
      return none();
  }
}

/**
 * A column that a statement writes must be among those of its command. INVARIANT 151: another may be named with DEFAULT in each row, which is as if it were
 * not named, where the role reads it: of what is withheld even the name tells.
 */
export function judgeWritten(role: RolePolicy, use: Extract<Use, { kind: 'written' }>): Refusal | undefined {
  const { relation, column, action, defaulted } = use;
  const grant = role.relations.get(relation.oid);
  if (grant?.[action]?.columns.has(column)) return undefined;
  if (defaulted && grant?.insert && grant.select?.columns.has(column)) return undefined;
  return refusal(
    'column-withheld',
    '42501',
    `permission denied for column "${column}" of relation "${relation.name}"`,
    {
      hint: `Column "${column}" is not among the columns granted to role "${role.name}" for ${action.toUpperCase()}.`,
      rule: grant?.[action]?.rule ?? grant?.rule ?? role.rule,
    },
  );
}

/** Why the role cannot write it although its restrictions would have to be enforced; undefined if it can. */
function unwritable({ relation, select, ...grants }: RelationGrant, action: WriteEvent): Refusal | undefined {
  const write = grants[action];
  const restricts = (conditions: readonly Condition[] = []): boolean => conditions.length > 0;
  const withheld = select?.whole !== true || write?.whole !== true;
  const filtered = restricts(select?.conditions) || restricts(write?.conditions);
  const refuse = (what: string, hint: string, why?: string): Refusal => {
    const message = `${action.toUpperCase()} on ${what} "${relation.name}" is not supported`;
    // As PostgreSQL says of a view that it cannot write through either.
    const code = why === NOT_UPDATABLE ? '55000' : '0A000';
    return refusal('write-restricted', code, why === undefined ? message : `${message}: ${why}`, {
      hint,
      rule: write?.rule,
    });
  };
  if (relation.kind === 'v') {
    const { through } = write ?? {};
    if (through?.kind === 'open' || through?.kind === 'held') return undefined;
    return refuse('view', through?.hint ?? 'Grant the table behind it, and write that.', through?.why);
  }
  if (withheld && relation.columns.length === 0) return refuse('table without columns', 'It has nothing to write.');
  // A foreign server says itself which rows it has written.
  if (filtered && relation.kind === 'f') return refuse('foreign table', 'Its rows are restricted for this role.');
  // INVARIANT 41: a rule turns this statement into others without the filter.
  if ((withheld || filtered) && relation.rules.includes(action))
    return refuse('table with rules', 'It is restricted for this role, and a rule rewrites the statement.');
  return undefined;
}
