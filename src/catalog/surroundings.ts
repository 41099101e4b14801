/** Reads what of a server a second wall depends on beyond the catalog: rights of PUBLIC, and policies of walls made before. */

import { z } from 'zod';
import type { Surroundings } from '../native/surroundings.ts';
import { OPEN_POLICY } from '../native/wall.ts';
import { OF_USERS } from './queries.ts';
import type { Query } from './read.ts';

const USERS = 16384;

const SURROUNDINGS = `SELECT json_build_object(
  'opened', coalesce((SELECT json_agg(p.polrelid::int8 ORDER BY p.polrelid) FROM pg_policy AS p WHERE p.polname = '${OPEN_POLICY}'
    AND p.polpermissive AND p.polcmd = '*' AND p.polroles = '{0}'), '[]'),
  'toPublic', coalesce((SELECT json_agg(r) FROM (
    SELECT c.oid::int8 AS relation, NULL AS "column", a.privilege_type AS privilege
    FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace, aclexplode(c.relacl) AS a WHERE a.grantee = 0 AND ${OF_USERS}
    UNION ALL
    SELECT c.oid::int8, t.attname, a.privilege_type
    FROM pg_attribute AS t JOIN pg_class AS c ON c.oid = t.attrelid JOIN pg_namespace AS n ON n.oid = c.relnamespace,
      aclexplode(t.attacl) AS a WHERE a.grantee = 0 AND NOT t.attisdropped AND ${OF_USERS}
    ORDER BY 1, 2, 3) AS r), '[]'),
  'definers', coalesce((SELECT json_agg(p.oid::int8 ORDER BY p.oid) FROM pg_proc AS p
    WHERE p.oid >= ${USERS} AND p.prosecdef AND p.prorettype NOT IN ('trigger'::regtype, 'event_trigger'::regtype)
    AND EXISTS (SELECT FROM aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) AS a WHERE a.grantee = 0)
    AND NOT EXISTS (SELECT FROM pg_depend AS d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e')), '[]'),
  'creatable', coalesce((SELECT json_agg(n.nspname ORDER BY n.nspname) FROM pg_namespace AS n
    WHERE ${OF_USERS} AND EXISTS (SELECT FROM aclexplode(n.nspacl) AS a WHERE a.grantee = 0 AND a.privilege_type = 'CREATE')), '[]')
)::text AS json`;

const schema = z.strictObject({
  opened: z.array(z.number()),
  toPublic: z.array(
    z
      .object({ relation: z.number(), column: z.string().nullable(), privilege: z.string() })
      .transform(({ relation, column, privilege }) => ({ relation, privilege, ...(column !== null && { column }) })),
  ),
  definers: z.array(z.number()),
  creatable: z.array(z.string()),
});

/** `query` must keep to one connection with no transaction open. */
export async function readSurroundings(query: Query): Promise<Surroundings> {
  await query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
  try {
    await query('SET LOCAL search_path = pg_catalog');
    const [row] = await query(SURROUNDINGS);
    return schema.parse(JSON.parse(String(row?.json)));
  } finally {
    await query('ROLLBACK');
  }
}
