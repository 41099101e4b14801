/** Reads what a live server has of a native account, by whatever way it has it: for `compile --verify`. */

import { z } from 'zod';
import { parseSearchPath } from '../guard/search-path.ts';
import type { ExistingAccount } from '../native/existing-rights.ts';
import { sqlLiteral } from '../native/sql-text.ts';
import { ownSchema, type Wall } from '../native/wall.ts';
import { jsonList, OF_USERS } from './queries.ts';
import type { Query } from './read.ts';

const USERS = 16384;
/** How role `r` has a right, by the lists `acl`s that could give it, and by the owner. */
const by = (owner: string, ...acls: string[]): string =>
  `CASE WHEN ${owner} = r.oid THEN 'ownership' WHEN ${acls.map((acl) => `EXISTS (SELECT FROM aclexplode(${acl}) AS x WHERE x.grantee = r.oid AND x.privilege_type = p)`).join(' OR ')} THEN 'account'
   WHEN ${acls.map((acl) => `EXISTS (SELECT FROM aclexplode(${acl}) AS x WHERE x.grantee = 0 AND x.privilege_type = p)`).join(' OR ')} THEN 'PUBLIC' ELSE 'membership' END`;
const TABLE_PRIVILEGES = `ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER'] || CASE WHEN current_setting('server_version_num')::int >= 170000 THEN ARRAY['MAINTAIN'] ELSE '{}' END`;

const RIGHTS = `
  SELECT c.oid::int8 AS relation, p AS privilege, ${by('c.relowner', 'c.relacl')} AS by
  FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace, unnest(${TABLE_PRIVILEGES}) AS p
  WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND c.relpersistence <> 't' AND ${OF_USERS} AND has_table_privilege(r.oid, c.oid, p)
  UNION ALL
  SELECT c.oid::int8, p, ${by('c.relowner', 'c.relacl')}
  FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace, unnest(ARRAY['SELECT', 'USAGE', 'UPDATE']) AS p
  WHERE c.relkind = 'S' AND c.relpersistence <> 't' AND ${OF_USERS}
    AND CASE WHEN c.relkind = 'S' THEN has_sequence_privilege(r.oid, c.oid, p) END`;
const COLUMN_RIGHTS = `
  SELECT c.oid::int8 AS relation, a.attname AS "column", p AS privilege, ${by('c.relowner', 'a.attacl')} AS by
  FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid JOIN pg_namespace AS n ON n.oid = c.relnamespace,
    unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'REFERENCES']) AS p
  WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND c.relpersistence <> 't' AND NOT a.attisdropped AND ${OF_USERS}
    AND NOT has_table_privilege(r.oid, c.oid, p) AND has_column_privilege(r.oid, c.oid, a.attnum, p)`;
const FUNCTIONS = `
  SELECT f.oid::int8 AS fn, ${by('f.proowner', `coalesce(f.proacl, acldefault('f', f.proowner))`)} AS by, f.prosecdef AS definer
  FROM pg_proc AS f JOIN pg_namespace AS n ON n.oid = f.pronamespace, unnest(ARRAY['EXECUTE']) AS p
  WHERE f.oid >= ${USERS} AND has_function_privilege(r.oid, f.oid, p)
    AND f.prorettype NOT IN ('trigger'::regtype, 'event_trigger'::regtype)
    AND NOT EXISTS (SELECT FROM pg_depend AS d WHERE d.classid = 'pg_proc'::regclass AND d.objid = f.oid AND d.deptype = 'e')`;
const SCHEMAS = `
  SELECT n.nspname AS schema, p AS privilege FROM pg_namespace AS n, unnest(ARRAY['USAGE', 'CREATE']) AS p
  WHERE ${OF_USERS} AND has_schema_privilege(r.oid, n.oid, p)
  UNION ALL SELECT '', 'CREATE' FROM pg_database AS d WHERE d.datname = current_database() AND has_database_privilege(r.oid, d.oid, 'CREATE')`;
const DEPENDENT = (kind: string, but: string): string => `
  SELECT CASE WHEN d.dbid IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))
    THEN pg_describe_object(d.classid, d.objid, d.objsubid) ELSE 'something in another database' END AS object
  FROM pg_shdepend AS d WHERE d.refclassid = 'pg_authid'::regclass AND d.refobjid = r.oid AND d.deptype = '${kind}' AND ${but} GROUP BY 1 ORDER BY 1`;
/** Rights on these are compared one by one; those in other databases are other walls'. */
const COMPARED = `d.dbid IN (0, (SELECT oid FROM pg_database WHERE datname = current_database())) AND NOT (d.classid = 'pg_namespace'::regclass
    OR (d.classid = 'pg_proc'::regclass AND d.objid >= ${USERS}) OR (d.classid = 'pg_class'::regclass AND d.objid >= ${USERS})
    OR d.classid = 'pg_default_acl'::regclass)`;
/** Of a wall with TEMPORARY on the database: a grant there of anything else. */
const BEYOND_TEMPORARY = `NOT (d.classid = 'pg_database'::regclass AND d.objid = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND NOT EXISTS (SELECT FROM pg_database AS b, aclexplode(b.datacl) AS x WHERE b.oid = d.objid AND x.grantee = r.oid AND x.privilege_type <> 'TEMPORARY'))`;
const DEFAULTS = `
  SELECT format('%s on %s that %s will make', x.privilege_type, CASE d.defaclobjtype WHEN 'r' THEN 'tables' WHEN 'S' THEN 'sequences' ELSE 'schemas' END,
    quote_ident(pg_get_userbyid(d.defaclrole))) || CASE x.grantee WHEN 0 THEN ', granted to PUBLIC' ELSE '' END AS object
  FROM pg_default_acl AS d, aclexplode(d.defaclacl) AS x WHERE d.defaclobjtype IN ('r', 'S', 'n') AND x.grantee IN (0, r.oid) ORDER BY 1`;
const POLICIES = `
  SELECT p.polrelid::int8 AS relation, p.polname AS name, p.polpermissive AS permissive,
    CASE p.polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE' WHEN 'd' THEN 'DELETE' ELSE 'ALL' END AS command,
    ARRAY(SELECT CASE o WHEN 0 THEN 'PUBLIC' ELSE pg_get_userbyid(o)::text END FROM unnest(p.polroles) AS o) AS accounts,
    pg_get_expr(p.polqual, p.polrelid) AS "using", pg_get_expr(p.polwithcheck, p.polrelid) AS "check"
  FROM pg_policy AS p WHERE p.polroles && ARRAY[0, r.oid]`;

const ACCOUNT = (wall: Wall): string => `SELECT json_build_object(
  'attributes', array_remove(ARRAY[CASE WHEN rolsuper THEN 'superuser' END, CASE WHEN rolbypassrls THEN 'bypassrls' END, CASE WHEN rolcreaterole THEN 'createrole' END,
    CASE WHEN rolcreatedb THEN 'createdb' END, CASE WHEN rolreplication THEN 'replication' END], NULL),
  'login', rolcanlogin,
  'memberOf', ARRAY(SELECT g.rolname FROM pg_auth_members AS m JOIN pg_roles AS g ON g.oid = m.roleid WHERE m.member = r.oid ORDER BY 1),
  'owns', ${jsonList(DEPENDENT('o', 'true'))}, 'further', ${jsonList(DEPENDENT('a', wall.temporary ? `${COMPARED} AND ${BEYOND_TEMPORARY}` : COMPARED))},
  'temporary', has_database_privilege(r.oid, current_database(), 'TEMPORARY'),
  'rights', ${jsonList(RIGHTS)}, 'columnRights', ${jsonList(COLUMN_RIGHTS)}, 'functions', ${jsonList(FUNCTIONS)}, 'schemas', ${jsonList(SCHEMAS)},
  'defaults', ${jsonList(DEFAULTS)},
  'rowSecurity', coalesce((SELECT json_agg(c.oid::int8) FROM pg_class AS c WHERE c.relrowsecurity), '[]'),
  'policies', ${jsonList(POLICIES)},
  'settings', coalesce((SELECT to_json(s.setconfig) FROM pg_db_role_setting AS s WHERE s.setrole = r.oid
    AND s.setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database())), '[]'),
  'views', ${jsonList(`SELECT c.relname AS name, pg_get_viewdef(c.oid) AS query, coalesce('security_barrier=true' = ANY (c.reloptions), false) AS barrier
    FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE n.nspname = ${sqlLiteral(ownSchema(wall))}`)},
  'checks', ${jsonList(`SELECT f.proname AS name, oidvectortypes(f.proargtypes) AS arguments, f.prosrc AS body, f.prosecdef AS definer
    FROM pg_proc AS f JOIN pg_namespace AS n ON n.oid = f.pronamespace WHERE n.nspname = ${sqlLiteral(ownSchema(wall))}`)}
)::text AS json FROM pg_roles AS r WHERE r.rolname = ${sqlLiteral(wall.account)}`;

const source = z.enum(['account', 'PUBLIC', 'ownership', 'membership']);
const right = z.object({ relation: z.number(), privilege: z.string(), by: source });
const objects = z.array(z.object({ object: z.string() }).transform(({ object }) => object));
const schema = z.strictObject({
  attributes: z.array(z.string()),
  login: z.boolean(),
  memberOf: z.array(z.string()),
  owns: objects,
  further: objects,
  rights: z.array(right),
  columnRights: z.array(right.extend({ column: z.string() })),
  functions: z.array(z.object({ fn: z.number(), by: source, definer: z.boolean() })),
  schemas: z.array(z.object({ schema: z.string(), privilege: z.enum(['USAGE', 'CREATE']) })),
  temporary: z.boolean(),
  defaults: objects,
  rowSecurity: z.array(z.number()),
  policies: z.array(
    z.object({
      relation: z.number(),
      name: z.string(),
      permissive: z.boolean(),
      command: z.enum(['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'ALL']),
      accounts: z.array(z.string()),
      using: z.string().nullable(),
      check: z.string().nullable(),
    }),
  ),
  settings: z.array(z.string()),
  views: z.array(z.object({ name: z.string(), query: z.string(), barrier: z.boolean() })),
  checks: z.array(z.object({ name: z.string(), arguments: z.string(), body: z.string(), definer: z.boolean() })),
});

const MISSING: ExistingAccount = {
  exists: false,
  attributes: [],
  login: false,
  memberOf: [],
  owns: [],
  further: [],
  rights: [],
  functions: [],
  schemas: [],
  temporary: false,
  defaults: [],
  rowSecurity: [],
  policies: [],
  settings: new Map(),
  views: [],
  checks: [],
};

/** `query` must keep to one connection with no transaction open. */
export async function readAccount(query: Query, wall: Wall): Promise<ExistingAccount> {
  await query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
  try {
    // Definitions are then written with every schema, whatever path the connection has.
    await query(`SET LOCAL search_path = ''`);
    const [row] = await query(ACCOUNT(wall));
    return row === undefined ? MISSING : found(schema.parse(JSON.parse(String(row.json))));
  } finally {
    await query('ROLLBACK');
  }
}

function found({ columnRights, rights, settings, ...rest }: z.output<typeof schema>): ExistingAccount {
  const set = new Map(
    settings.map((setting) => [setting.slice(0, setting.indexOf('=')), setting.slice(setting.indexOf('=') + 1)]),
  );
  const searchPath = parseSearchPath(set.get('search_path') ?? '');
  return {
    ...rest,
    exists: true,
    rights: [...rights, ...columnRights],
    settings: set,
    ...(searchPath && { searchPath }),
  };
}
