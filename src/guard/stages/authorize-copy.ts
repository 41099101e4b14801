/** Stage 4 for COPY with a table: whether it can be copied in that direction, and which of its columns are (PostgreSQL's CopyGetAttnums). */
import { type Refusal, refusal } from '../../core/refusal.ts';
import type { RelationGrant, RolePolicy } from '../../policy/model/policy.ts';
import type { Column, Relation } from '../../sql/catalog/catalog.ts';
import { strings } from '../../sql/parse/tree.ts';
import type { Draft, DraftStatement } from '../draft.ts';

/** What COPY FROM needs beyond an insert grant: no RETURNING could show the rows as they are stored. undefined: granted. */
export function judgeCopyInto({ insert, relation }: RelationGrant): Refusal | undefined {
  if (!insert || insert.conditions.length === 0) return undefined;
  return refusal(
    'write-restricted',
    '0A000',
    `COPY FROM into "${relation.name}" is not supported: rows are restricted`,
    {
      hint: 'The insert grant has "rows" or a scope, and COPY cannot be held to them. Use INSERT statements instead.',
      rule: insert.rule,
    },
  );
}

/** Settles what is copied; returns the refusal if that was not granted, or if there is no such column. */
export function authorizeCopy(draft: Draft, statement: DraftStatement): Refusal | undefined {
  const { copy, analysis } = statement;
  const source = analysis?.marks.relations[0]?.entry.source;
  if (!copy?.relation || source?.kind !== 'relation') return undefined;
  const { relation } = source.view;
  const from = copy.is_from === true;
  const wrong = kindRefusal(relation, from, draft.catalog.data.serverVersion);
  if (wrong) return wrong;
  const names = copy.attlist && strings(copy.attlist);
  const columns = columnsOf(draft.role, relation, names, from);
  const note = (name: string): void => {
    statement.columns.add(`${relation.schema}.${relation.name}.${name}`);
  };
  if ('severity' in columns) {
    if (columns.reason === 'column-withheld') for (const name of names ?? []) note(name);
    return columns;
  }
  for (const { name } of columns) note(name);
  statement.copied = { relation, columns };
  return undefined;
}

const KINDS: Readonly<Record<string, string>> = {
  v: 'view',
  m: 'materialized view',
  f: 'foreign table',
  S: 'sequence',
  p: 'partitioned table',
};

/** In PostgreSQL's words. COPY TO takes tables, and since version 18 materialized views; COPY FROM takes partitioned tables as well. */
function kindRefusal({ kind, name }: Relation, from: boolean, serverVersion: number): Refusal | undefined {
  if (kind === 'r' || (from ? kind === 'p' : kind === 'm' && serverVersion >= 180_000)) return undefined;
  return refusal('unsupported', '42809', `cannot copy ${from ? 'to' : 'from'} ${KINDS[kind] ?? 'relation'} "${name}"`, {
    hint: from || kind === 'S' ? undefined : 'Try the COPY (SELECT ...) TO variant.',
  });
}

/** Without a list: COPY TO returns what the role may see of the table, as `SELECT *`; COPY FROM takes every column, each of which must be granted. */
function columnsOf(
  role: RolePolicy,
  relation: Relation,
  names: readonly string[] | undefined,
  from: boolean,
): readonly Column[] | Refusal {
  const grant = role.relations.get(relation.oid);
  // A column is copied only where the grant of that direction names it.
  const granted = (name: string): boolean =>
    (from ? grant?.insert?.columns.has(name) : grant?.select?.columns.has(name)) === true;
  const stored = relation.columns.filter((column) => column.generated === '');
  if (!names) {
    const missing = from ? stored.find((column) => !granted(column.name)) : undefined;
    if (missing) return withheld(role, relation, missing.name, from);
    return stored.filter((column) => granted(column.name));
  }
  const columns: Column[] = [];
  for (const name of names) {
    const column = relation.columns.find((c) => c.name === name);
    const of = `column "${name}" of relation "${relation.name}"`;
    if (!column) return refusal('column-unknown', '42703', `${of} does not exist`);
    if (!granted(name)) return withheld(role, relation, name, from);
    if (column.generated !== '') {
      return refusal('unsupported', '42P10', `column "${name}" is a generated column`, {
        detail: 'Generated columns cannot be used in COPY.',
      });
    }
    if (columns.includes(column)) {
      return refusal('column-unknown', '42701', `column "${name}" specified more than once`);
    }
    columns.push(column);
  }
  return columns;
}

function withheld(role: RolePolicy, relation: Relation, name: string, from: boolean): Refusal {
  const grant = role.relations.get(relation.oid);
  const rule = (from ? grant?.insert?.rule : grant?.select?.rule) ?? grant?.rule;
  return refusal('column-withheld', '42501', `permission denied for column "${name}" of relation "${relation.name}"`, {
    hint: `Column "${name}" is not among the columns granted to role "${role.name}"${from ? ' for INSERT' : ''}.`,
    rule,
  });
}
