/** Reads what views, defaults, domains, triggers and functions of users reach: for `check`, `access` and `compile`, not for the guard. */
import type { CatalogData, FunctionBody, Reach } from '../sql/catalog/catalog.ts';
import { type Query, readCatalog } from './read.ts';
import { reachesSchema } from './schema.ts';

/** FirstNormalObjectId: below are the server's own. */
const USERS = 16384;

/** The rows `d` of pg_depend of one object; `objid` is an expression. */
const of = (catalog: string, objid: string): string => `d.classid = '${catalog}'::regclass AND d.objid = ${objid}`;
/** Before version 15 what a generated column reads and calls is noted of the column. */
const OF_DEFAULT = `(${of('pg_attrdef', 'a.oid')} OR ${of('pg_class', 'a.adrelid')} AND d.objsubid = a.adnum AND d.deptype = 'a')`;

/** What an object depends on; `not` excludes what it is a part of. */
const reads = (object: string, not: string): string => `coalesce((
  SELECT json_agg(DISTINCT jsonb_build_object('relation', d.refobjid::int8, 'attnum', d.refobjsubid))
  FROM pg_depend AS d WHERE ${object} AND d.refclassid = 'pg_class'::regclass AND NOT (${not})), '[]')`;
const calls = (object: string): string => `coalesce((
  SELECT json_agg(DISTINCT f.oid::int8) FROM pg_depend AS d
  LEFT JOIN pg_operator AS o ON d.refclassid = 'pg_operator'::regclass AND o.oid = d.refobjid
  JOIN pg_proc AS f ON f.oid = CASE WHEN d.refclassid = 'pg_proc'::regclass THEN d.refobjid ELSE o.oprcode::oid END
  WHERE ${object} AND f.oid >= ${USERS}), '[]')`;

const REACHES = `
  SELECT 'rule' AS kind, r.ev_class::int8 AS of, NULL::int AS "column",
    json_build_array(CASE r.ev_type WHEN '1' THEN 'select' WHEN '2' THEN 'update' WHEN '3' THEN 'insert' ELSE 'delete' END) AS events,
    ${reads(of('pg_rewrite', 'r.oid'), 'd.refobjid = r.ev_class')} AS reads, ${calls(of('pg_rewrite', 'r.oid'))} AS calls
  FROM pg_rewrite AS r WHERE r.oid >= ${USERS}
  UNION ALL
  SELECT 'default', a.adrelid::int8, a.adnum, NULL,
    ${reads(OF_DEFAULT, 'd.refobjid = a.adrelid AND d.refobjsubid = a.adnum')}, ${calls(OF_DEFAULT)}
  FROM pg_attrdef AS a WHERE a.oid >= ${USERS}
  UNION ALL
  SELECT 'domain', k.contypid::int8, NULL, NULL, '[]', ${calls(of('pg_constraint', 'k.oid'))}
  FROM pg_constraint AS k WHERE k.oid >= ${USERS} AND k.contypid <> 0
  UNION ALL
  SELECT 'trigger', t.tgrelid::int8, NULL, to_json(ARRAY(SELECT e FROM unnest(ARRAY[4, 8, 16], ARRAY['insert', 'delete', 'update']) AS x (bit, e)
    WHERE t.tgtype & bit <> 0)), '[]', json_build_array(t.tgfoid::int8)
  FROM pg_trigger AS t WHERE t.oid >= ${USERS} AND NOT t.tgisinternal AND t.tgenabled <> 'D'
  UNION ALL
  SELECT 'function', p.oid::int8, NULL, NULL, ${reads(of('pg_proc', 'p.oid'), 'false')}, ${calls(of('pg_proc', 'p.oid'))}
  FROM pg_proc AS p WHERE p.oid >= ${USERS} AND p.prosqlbody IS NOT NULL`;

const BODIES = `
  SELECT p.oid::int8 AS fn, l.lanname AS language,
    CASE l.lanname WHEN 'sql' THEN p.prosrc WHEN 'plpgsql' THEN pg_get_functiondef(p.oid) ELSE '' END AS source,
    (SELECT substr(c, 13) FROM unnest(p.proconfig) AS c WHERE starts_with(c, 'search_path=')) AS "searchPath"
  FROM pg_proc AS p JOIN pg_language AS l ON l.oid = p.prolang
  WHERE p.oid >= ${USERS} AND p.prokind IN ('f', 'p') AND p.prosqlbody IS NULL
    AND NOT EXISTS (SELECT FROM pg_depend AS d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e')`;

/**
 * The whole catalog, with what functions and views read; `query` as for `readCatalog`. Function bodies may be confidential: keep the file where the
 * schema is kept.
 */
export async function readCatalogWithReaches(query: Query): Promise<CatalogData> {
  const data = await readCatalog(query);
  return { ...data, ...(await readReaches(query)) };
}

async function readReaches(query: Query): Promise<{ reaches: readonly Reach[]; bodies: readonly FunctionBody[] }> {
  await query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
  try {
    await query('SET LOCAL search_path = pg_catalog');
    return reachesSchema.parse({ reaches: await list(query, REACHES), bodies: await list(query, BODIES) });
  } finally {
    await query('ROLLBACK');
  }
}

/** Rows as objects without their NULLs, whatever the client's type parsers do. */
async function list(query: Query, sql: string): Promise<unknown[]> {
  const rows = await query(
    `SELECT coalesce(json_agg(json_strip_nulls(to_json(r))), '[]')::text AS json FROM (${sql}) AS r`,
  );
  const json = rows[0]?.json;
  return typeof json === 'string' ? (JSON.parse(json) as unknown[]) : [];
}
