/** What a role sees of the tables on which it has a grant: column by column, and in a word. */
import type { RelationGrant, RolePolicy } from '../policy/model/policy.ts';
import { sqlOf } from '../policy/review/access.ts';
import type { Catalog, Relation } from '../sql/catalog/catalog.ts';
import type { PrincipalAccess } from './api/principals.ts';

type TableSeen = PrincipalAccess['tables'][number];

/** `used`: statements by column, as `public.students.ine`; absent: not known. */
export function tablesSeen(role: RolePolicy, catalog: Catalog, used?: ReadonlyMap<string, number>): TableSeen[] {
  const tables = [...catalog.data.relations]
    .filter((relation) => isOfPeople(relation))
    .sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));
  return tables.map((relation) => tableSeen(relation, role.relations.get(relation.oid), used));
}

export function nameOf({ schema, name }: Relation): string {
  return `${schema}.${name}`;
}

/** Tables and views of users. */
export function isOfPeople({ schema, kind }: Relation): boolean {
  return !/^(pg_|information_schema$)/.test(schema) && ['r', 'p', 'v', 'm', 'f'].includes(kind);
}

function tableSeen(
  relation: Relation,
  grant: RelationGrant | undefined,
  used: ReadonlyMap<string, number> | undefined,
): TableSeen {
  const table = nameOf(relation);
  const select = grant?.select;
  return {
    table,
    columns: relation.columns.map(({ name }) => {
      const column = select?.columns.get(name);
      return {
        name,
        form: column ? (column.mask ? 'masked' : 'plain') : 'withheld',
        ...(column?.mask && { mask: sqlOf(column.mask, relation) }),
        ...(column && { rule: column.rule }),
        ...(used && { used: used.get(`${table}.${name}`) ?? 0 }),
      };
    }),
    rows: (select?.conditions ?? []).map(({ filter }) => sqlOf(filter, relation)),
    writes: (['insert', 'update', 'delete'] as const).filter((command) => grant?.[command]),
    ...(grant && { rule: grant.rule }),
  };
}
