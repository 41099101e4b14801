/**
 * The SQL that reads what belongs to relations and types: indexes, constraints, defaults, triggers, statistics, views' rules, policies of row
 * security, sequences and partitioning, each with everything that it names, as the server's own pg_depend has it, and the functions in its expressions.
 */

/** Objects that this one was made of; `n` is a name of pg_depend. */
const NAMED = (catalog: number, oid: string, more = ''): string =>
  `SELECT n.refclassid, n.refobjid, n.refobjsubid FROM pg_depend AS n WHERE n.classid = ${catalog} AND n.objid = ${oid} AND n.deptype IN ('n', 'a') AND n.refobjid >= 16384${more}`;

const COLUMNS = (relation: string, numbers: string): string =>
  `SELECT 1259, ${relation}, u.number::int4 FROM unnest(${numbers}) AS u(number)`;

/**
 * Functions in these expressions, also the server's own, which pg_depend does not record. A name in them cannot look like one: the server puts a
 * backslash before its brackets and blanks.
 */
const CALLED = (expressions: string): string =>
  `(SELECT coalesce(json_agg(DISTINCT m[1]::int8), '[]') FROM regexp_matches(concat_ws(' ', ${expressions}), ':funcid (\\d+)', 'g') AS m)`;

function dependents(
  kind: string,
  oid: string,
  relation: string,
  from: string,
  names: readonly string[],
  expressions: string,
  more = `'' AS name, 0 AS type`,
): string {
  return `SELECT '${kind}' AS kind, ${oid}::int8 AS oid, ${relation}::int8 AS relation, ${more}, ${CALLED(expressions)} AS calls,
    coalesce((SELECT json_agg(json_build_array(x.a::int8, x.b::int8, x.c)) FROM (${names.join(' UNION ')}) AS x(a, b, c)), '[]') AS names
  FROM ${from}`;
}

const LASTING = (relation: string): string =>
  `EXISTS (SELECT FROM pg_class AS c WHERE c.oid = ${relation} AND c.relpersistence <> 't' AND c.relkind <> 't' AND c.oid >= 16384)`;

/** `NULL` arrays name nothing; a 0 among columns is an expression, whose other parts are in pg_depend. */
const WHICH: readonly string[] = [
  dependents(
    'index',
    'i.indexrelid',
    'i.indrelid',
    `pg_index AS i WHERE ${LASTING('i.indrelid')}`,
    [`${COLUMNS('i.indrelid', 'i.indkey::int2[]')} WHERE u.number <> 0`, NAMED(1259, 'i.indexrelid')],
    'i.indexprs::text, i.indpred::text',
  ),
  dependents(
    'constraint',
    'k.oid',
    'k.conrelid',
    `pg_constraint AS k WHERE k.oid >= 16384 AND (k.conrelid = 0 OR ${LASTING('k.conrelid')})`,
    [
      COLUMNS('k.conrelid', 'k.conkey'),
      COLUMNS('k.confrelid', 'k.confkey'),
      `SELECT 1247, k.contypid, 0 WHERE k.contypid <> 0`,
      `SELECT 1259, k.conrelid, 0 WHERE k.conrelid <> 0`,
      // UNIQUE … INCLUDE (…) and EXCLUDE … WHERE (…) say what their index says.
      `SELECT 1259, k.conindid, 0 WHERE k.contype IN ('p', 'u', 'x')`,
      NAMED(2606, 'k.oid', ` AND k.contype NOT IN ('p', 'u', 'f', 'n')`),
    ],
    'k.conbin::text',
    `k.conname AS name, k.contypid::int8 AS type`,
  ),
  dependents(
    'default',
    'd.oid',
    'd.adrelid',
    `pg_attrdef AS d WHERE ${LASTING('d.adrelid')}`,
    [
      `SELECT 1259, d.adrelid, d.adnum::int4`,
      NAMED(2604, 'd.oid'),
      // Before version 15 what a generated column reads and calls is noted of the column, as automatic; its type is normal.
      NAMED(1259, 'd.adrelid', ` AND n.objsubid = d.adnum AND n.deptype = 'a'`),
    ],
    'd.adbin::text',
    `(SELECT a.attname FROM pg_attribute AS a WHERE a.attrelid = d.adrelid AND a.attnum = d.adnum) AS name, 0 AS type`,
  ),
  dependents(
    'trigger',
    't.oid',
    't.tgrelid',
    `pg_trigger AS t WHERE ${LASTING('t.tgrelid')}`,
    [`SELECT 1259, t.tgrelid, 0`, `SELECT 2606, t.tgconstraint, 0 WHERE t.tgconstraint <> 0`, NAMED(2620, 't.oid')],
    't.tgqual::text',
  ),
  dependents(
    'statistics',
    's.oid',
    's.stxrelid',
    `pg_statistic_ext AS s WHERE ${LASTING('s.stxrelid')}`,
    [`SELECT 1259, s.stxrelid, 0`, NAMED(3381, 's.oid')],
    's.stxexprs::text',
  ),
  dependents(
    'view',
    'w.oid',
    'w.ev_class',
    `pg_rewrite AS w WHERE w.rulename = '_RETURN' AND ${LASTING('w.ev_class')}`,
    [`SELECT 1259, w.ev_class, 0`, NAMED(2618, 'w.oid')],
    // Its query is taken apart elsewhere.
    `''`,
  ),
  dependents(
    'policy',
    'p.oid',
    'p.polrelid',
    `pg_policy AS p WHERE ${LASTING('p.polrelid')}`,
    [NAMED(3256, 'p.oid')],
    'p.polqual::text, p.polwithcheck::text',
  ),
  dependents(
    'sequence',
    'q.objid',
    'q.refobjid',
    `pg_depend AS q JOIN pg_class AS s ON s.oid = q.objid WHERE q.classid = 1259 AND q.refclassid = 1259 AND q.deptype IN ('a', 'i') AND q.refobjsubid > 0 AND s.relkind = 'S' AND s.relpersistence <> 't'`,
    [`SELECT 1259, q.refobjid, q.refobjsubid`],
    `''`,
  ),
  // An index with expressions in its key names column 0, which no role can be granted.
  dependents(
    'partitioning',
    'p.partrelid',
    'p.partrelid',
    'pg_partitioned_table AS p',
    [COLUMNS('p.partrelid', 'p.partattrs::int2[]')],
    'p.partexprs::text',
  ),
];

export const DEPENDENTS = `SELECT coalesce(json_agg(r), '[]')::text AS json FROM (${WHICH.join('\nUNION ALL\n')}) AS r`;

/** What came with these extensions. */
export function membersQuery(extensions: Iterable<string>): string {
  const names = [...extensions].map((name) => `'${name.replaceAll("'", "''")}'`).join(', ');
  return `SELECT coalesce(json_agg(json_build_array(d.classid::int8, d.objid::int8)), '[]')::text AS json
    FROM pg_depend AS d JOIN pg_extension AS e ON e.oid = d.refobjid
    WHERE d.refclassid = 3079 AND d.deptype = 'e' AND e.extname IN (${names})`;
}
