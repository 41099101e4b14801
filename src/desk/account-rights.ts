/** What the accounts by which roles log in at the server lack for the statements that their policies allow: GRANTs to run. */
import type { Query } from '../catalog/read.ts';
import { buildWall } from '../native/build-wall.ts';
import { signature } from '../native/signature.ts';
import { identifier, qualified, sqlLiteral } from '../native/sql-text.ts';
import type { RolePolicy } from '../policy/model/policy.ts';
import type { Catalog, Relation } from '../sql/catalog/catalog.ts';

/** Rights of one kind on one object; `columns`: on these alone. */
interface Need {
  readonly on: Relation | undefined;
  /** As GRANT has the object. */
  readonly object: string;
  readonly privilege: string;
  readonly columns?: readonly string[];
  /** SQL: whether the account `r` has it; by column where there are columns, `$` standing for the column. */
  readonly held: string;
}

export interface LackingRights {
  readonly role: string;
  readonly account: string;
  /** Statements, without a semicolon. */
  readonly grants: readonly string[];
}

/**
 * For each restricted role that is not closed, by its account. `query` must keep to one connection. For accounts that do not exist nothing is listed:
 * that they cannot log in is reported elsewhere.
 */
export async function lackingRights(
  roles: Iterable<RolePolicy>,
  accountOf: (role: string) => string,
  catalog: Catalog,
  query: Query,
): Promise<LackingRights[]> {
  const lacking: LackingRights[] = [];
  for (const role of roles) {
    if (role.access !== 'restricted' || role.disabled !== undefined) continue;
    const account = accountOf(role.name);
    const needs = needsOf(role, account, catalog);
    const missing = await missingOf(needs, account, query);
    const grants = missing.map(({ need, columns }) => grantOf(need, columns, account));
    if (grants.length > 0) lacking.push({ role: role.name, account, grants });
  }
  return lacking;
}

function needsOf(role: RolePolicy, account: string, catalog: Catalog): Need[] {
  const wall = buildWall({
    role,
    account,
    kind: 'guard',
    principals: [],
    catalog,
    searchPath: ['public'],
    settings: new Map(),
  });
  const schemas = wall.schemas.filter((schema) => catalog.hasSchema(schema));
  const ofTable = ({ relation, ...rights }: (typeof wall.tables)[number]): Need[] => {
    const object = `TABLE ${qualified(relation)}`;
    const byColumn = (['select', 'insert', 'update'] as const).flatMap((right): Need[] => {
      const privilege = right.toUpperCase();
      const columns = rights[right];
      if (columns.length === 0) return [];
      return [
        {
          on: relation,
          object,
          privilege,
          columns,
          held: `has_column_privilege(r.oid, ${relation.oid}::oid, $, '${privilege}')`,
        },
      ];
    });
    const whole = [...(rights.delete ? ['DELETE'] : [])].map((privilege): Need => {
      return {
        on: relation,
        object,
        privilege,
        held: `has_table_privilege(r.oid, ${relation.oid}::oid, '${privilege}')`,
      };
    });
    return [...byColumn, ...whole];
  };
  return [
    ...schemas.map((schema): Need => {
      const held = `has_schema_privilege(r.oid, ${sqlLiteral(schema)}, 'USAGE')`;
      return { on: undefined, object: `SCHEMA ${identifier(schema)}`, privilege: 'USAGE', held };
    }),
    ...wall.tables.flatMap(ofTable),
    ...wall.sequences.flatMap(({ relation, privileges }) =>
      privileges.map((privilege): Need => {
        const held = `has_sequence_privilege(r.oid, ${relation.oid}::oid, '${privilege}')`;
        return { on: relation, object: `SEQUENCE ${qualified(relation)}`, privilege, held };
      }),
    ),
    ...wall.functions.map((fn): Need => {
      const kind = fn.kind === 'p' ? 'PROCEDURE' : 'FUNCTION';
      const object = `${kind} ${signature(fn, catalog)}`;
      return {
        on: undefined,
        object,
        privilege: 'EXECUTE',
        held: `has_function_privilege(r.oid, ${fn.oid}::oid, 'EXECUTE')`,
      };
    }),
  ];
}

async function missingOf(
  needs: readonly Need[],
  account: string,
  query: Query,
): Promise<{ need: Need; columns?: readonly string[] }[]> {
  const items = needs.flatMap((need, at) => {
    if (!need.columns) return [`SELECT ${at} AS need, NULL AS "column", ${need.held} AS held FROM r`];
    const columns = need.columns.map((column) => sqlLiteral(column)).join(', ');
    // Of a column that is gone it is NULL: there is nothing to grant.
    return [`SELECT ${at}, c, ${need.held.replace('$', 'c')} FROM r, unnest(ARRAY[${columns}]::text[]) AS c`];
  });
  if (items.length === 0) return [];
  const rows = await query(
    `WITH r AS (SELECT oid FROM pg_catalog.pg_roles WHERE rolname = ${sqlLiteral(account)}) SELECT need::int, "column" FROM (${items.join(' UNION ALL ')}) AS n WHERE NOT held`,
  );
  return needs.flatMap((need, at) => {
    const own = rows.filter((row) => Number(row.need) === at);
    if (own.length === 0) return [];
    return [{ need, ...(need.columns && { columns: own.map(({ column }) => String(column)) }) }];
  });
}

function grantOf({ object, privilege, on }: Need, columns: readonly string[] | undefined, account: string): string {
  const all = on?.columns.every(({ name }) => columns?.includes(name));
  const of = columns && !all ? ` (${columns.map(identifier).join(', ')})` : '';
  return `GRANT ${privilege}${of} ON ${object} TO ${identifier(account)}`;
}
