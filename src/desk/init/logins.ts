/** What each login of the server may do in a database: rights however it has them, and the row-security policies that hold for it. */

import { z } from 'zod';
import { jsonList, OF_USERS } from '../../catalog/queries.ts';
import type { Query } from '../../catalog/read.ts';
import { sqlLiteral } from '../../native/sql-text.ts';

const columns = (privilege: string): string =>
  `ARRAY(SELECT a.attname FROM pg_attribute AS a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    AND has_column_privilege(r.oid, c.oid, a.attnum, '${privilege}') ORDER BY a.attnum)`;

const LOGINS = `SELECT rolname AS name, rolsuper AS superuser FROM pg_roles WHERE rolcanlogin ORDER BY rolname`;
const RELATIONS = `
  SELECT c.oid::int8 AS relation, ${columns('SELECT')} AS "select", ${columns('INSERT')} AS "insert", ${columns('UPDATE')} AS "update",
    CASE WHEN c.relkind = 'S' THEN false ELSE has_table_privilege(r.oid, c.oid, 'DELETE') END AS "delete",
    CASE WHEN c.relkind IN ('r', 'p') THEN has_table_privilege(r.oid, c.oid, 'TRUNCATE') ELSE false END AS truncate,
    CASE WHEN c.relkind = 'S' THEN has_sequence_privilege(r.oid, c.oid, 'USAGE') ELSE false END AS usage,
    pg_has_role(r.oid, c.relowner, 'USAGE') AS owner,
    c.relrowsecurity AND NOT r.rolbypassrls AND (c.relforcerowsecurity OR NOT pg_has_role(r.oid, c.relowner, 'USAGE')) AS "rowSecurity"
  FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND c.relpersistence <> 't' AND ${OF_USERS} AND has_schema_privilege(r.oid, n.oid, 'USAGE')
  ORDER BY n.nspname, c.relname`;
const FUNCTIONS = `
  SELECT f.oid::int8 AS oid FROM pg_proc AS f JOIN pg_namespace AS n ON n.oid = f.pronamespace
  WHERE f.oid >= 16384 AND ${OF_USERS} AND has_schema_privilege(r.oid, n.oid, 'USAGE') AND has_function_privilege(r.oid, f.oid, 'EXECUTE')
    AND f.prorettype NOT IN ('trigger'::regtype, 'event_trigger'::regtype)
    AND NOT EXISTS (SELECT FROM pg_depend AS d WHERE d.classid = 'pg_proc'::regclass AND d.objid = f.oid AND d.deptype = 'e')
  ORDER BY n.nspname, f.proname, f.oid`;
const POLICIES = `
  SELECT p.polrelid::int8 AS relation, p.polname AS name, p.polpermissive AS permissive,
    CASE p.polcmd WHEN 'r' THEN 'select' WHEN 'a' THEN 'insert' WHEN 'w' THEN 'update' WHEN 'd' THEN 'delete' ELSE 'all' END AS command,
    pg_get_expr(p.polqual, p.polrelid) AS "using", pg_get_expr(p.polwithcheck, p.polrelid) AS "check"
  FROM pg_policy AS p
  WHERE 0 = ANY (p.polroles) OR EXISTS (SELECT FROM unnest(p.polroles) AS o (role) WHERE o.role <> 0 AND pg_has_role(r.oid, o.role, 'USAGE'))
  ORDER BY p.polname`;
const OF_LOGIN = (
  name: string,
): string => `SELECT json_build_object('relations', ${jsonList(RELATIONS)}, 'functions', ${jsonList(FUNCTIONS)},
  'policies', ${jsonList(POLICIES)})::text AS json FROM pg_roles AS r WHERE r.rolname = ${sqlLiteral(name)}`;

const rights = z.object({
  relations: z.array(
    z.object({
      relation: z.number(),
      select: z.array(z.string()),
      insert: z.array(z.string()),
      update: z.array(z.string()),
      delete: z.boolean(),
      truncate: z.boolean(),
      usage: z.boolean(),
      owner: z.boolean(),
      rowSecurity: z.boolean(),
    }),
  ),
  functions: z.array(z.object({ oid: z.number() })),
  policies: z.array(
    z.object({
      relation: z.number(),
      name: z.string(),
      permissive: z.boolean(),
      command: z.enum(['select', 'insert', 'update', 'delete', 'all']),
      using: z.string().nullable(),
      check: z.string().nullable(),
    }),
  ),
});

export interface ServerLogin extends z.output<typeof rights> {
  readonly name: string;
}

export type RelationRights = ServerLogin['relations'][number];
export type RowPolicy = ServerLogin['policies'][number];

export interface ServerLogins {
  /** With rights on tables, in the order of their names. */
  readonly logins: readonly ServerLogin[];
  /** They may do everything, and are drafted no role. */
  readonly superusers: readonly string[];
}

/** `query` must keep to one connection with no transaction open. */
export async function readLogins(query: Query, but: ReadonlySet<string>): Promise<ServerLogins> {
  await query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
  try {
    // Conditions are then written with every schema.
    await query(`SET LOCAL search_path = ''`);
    const all = await query(LOGINS);
    const logins: ServerLogin[] = [];
    for (const { name, superuser } of all) {
      if (superuser === true || but.has(String(name))) continue;
      const [row] = await query(OF_LOGIN(String(name)));
      // It was dropped meanwhile.
      if (!row) continue;
      const found = rights.parse(JSON.parse(String(row.json)));
      const relations = found.relations.filter((of) =>
        [of.select.length, of.insert.length, of.update.length, of.delete, of.usage].some(Boolean),
      );
      if (relations.length > 0) logins.push({ name: String(name), ...found, relations });
    }
    return { logins, superusers: all.flatMap(({ name, superuser }) => (superuser === true ? String(name) : [])) };
  } finally {
    await query('ROLLBACK');
  }
}

/** SCRAM verifiers of these logins, as the server keeps them. Throws where the account may not read them. */
export async function readVerifiers(query: Query, names: readonly string[]): Promise<Map<string, string>> {
  const rows = await query(`SELECT rolname, rolpassword FROM pg_authid WHERE rolpassword LIKE 'SCRAM-SHA-256$%'`);
  return new Map(
    rows.flatMap(({ rolname, rolpassword }) =>
      names.includes(String(rolname)) ? [[String(rolname), String(rolpassword)] as const] : [],
    ),
  );
}

/** Comments on columns, by OID of the table and number of the column. */
export async function readComments(query: Query): Promise<ReadonlyMap<string, string>> {
  const rows = await query(
    `SELECT objoid::int8::text || '.' || objsubid AS at, description FROM pg_description WHERE classoid = 'pg_class'::regclass AND objsubid > 0 AND objoid >= 16384`,
  );
  return new Map(rows.map(({ at, description }) => [String(at), String(description)]));
}
