/** Stage 2 for LOCK TABLE: which tables, and whether the role's grants reach for the mode (manual, page LOCK). */
import { type Refusal, refusal } from '../../core/refusal.ts';
import type { RelationGrant, RolePolicy } from '../../policy/model/policy.ts';
import type { Relation } from '../../sql/catalog/catalog.ts';
import type { Body } from '../../sql/parse/tree.ts';
import { as } from '../../sql/parse/tree.ts';
import type { Draft, DraftStatement } from '../draft.ts';

/** PostgreSQL's lockdefs.h: 1 is ACCESS SHARE, 3 is ROW EXCLUSIVE, 8 is ACCESS EXCLUSIVE. */
const ACCESS_SHARE = 1;
const ROW_EXCLUSIVE = 3;

export function classifyLock(draft: Draft, statement: DraftStatement, body: Body<'LockStmt'>): Refusal | undefined {
  statement.command = 'LOCK TABLE';
  statement.kind = { kind: 'other' };
  const { role } = draft;
  if (!role.statements.has('lock')) {
    return refusal('statement-not-allowed', '42501', 'permission denied for LOCK TABLE', {
      hint: 'It is granted by statements: [lock].',
      rule: role.rule,
    });
  }
  for (const node of body.relations ?? []) {
    const name = as(node, 'RangeVar')!;
    const relation = relationOf(draft, name);
    if (!relation) {
      const shown = name.schemaname ? `${name.schemaname}.${name.relname}` : name.relname;
      return refusal('relation-unknown', '42P01', `relation "${shown}" does not exist`);
    }
    statement.tables.add(`${relation.schema}.${relation.name}`);
    const refused = judge(role, relation, body.mode ?? 8);
    if (refused) return refused;
    statement.named.push({ body: name, relation });
  }
  return undefined;
}

function relationOf({ catalog, searchPath }: Draft, name: Body<'RangeVar'>): Relation | undefined {
  if (name.catalogname && name.catalogname !== catalog.data.database) return undefined;
  for (const schema of name.schemaname ? [name.schemaname] : ['pg_catalog', ...searchPath]) {
    const found = catalog.relation(schema, name.relname ?? '');
    if (found) return found;
  }
  return undefined;
}

function judge(role: RolePolicy, relation: Relation, mode: number): Refusal | undefined {
  const grant = role.relations.get(relation.oid);
  // LOCK of a view locks whatever it reads, granted or not.
  if (grant && !grant.system && !['r', 'p'].includes(relation.kind)) {
    return refusal('unsupported', '0A000', `LOCK of "${relation.name}" is not supported: it is no table`, {
      hint: 'Lock the tables behind it.',
    });
  }
  if (grant && !grant.system && mayLock(grant, mode)) return undefined;
  return refusal('relation-not-granted', '42501', `permission denied for table ${relation.name}`, {
    hint: 'ACCESS SHARE needs SELECT, up to ROW EXCLUSIVE INSERT, and any other mode UPDATE or DELETE.',
    rule: grant?.rule ?? role.rule,
  });
}

function mayLock({ select, insert, update, delete: remove }: RelationGrant, mode: number): boolean {
  if (update || remove) return true;
  return (insert !== undefined && mode <= ROW_EXCLUSIVE) || (select !== undefined && mode === ACCESS_SHARE);
}
