/**
 * The SQL that reads a server's catalog: one set-based query for each kind of object, for PostgreSQL 14 to 18. Temporary and
 * TOAST schemas are left out. Each gives one row with one text column, a JSON array, so that no client's type parsers matter.
 */

/** Schemas of users; `n` is pg_namespace. */
export const OF_USERS = `n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'`;

/** All rows of a query as a JSON array. */
export const jsonList = (query: string): string => `coalesce((SELECT json_agg(x) FROM (${query}) AS x), '[]')`;

/** Functions and types of temporary and TOAST schemas are left out; `n` is pg_namespace. */
const LASTING = `n.nspname !~ '^pg_(toast|temp_)'`;

function asJson(query: string): string {
  return `SELECT coalesce(json_agg(r), '[]')::text AS json FROM (${query}) AS r`;
}

const EXTENSION = (catalog: string, oid: string): string => `coalesce((
  SELECT e.extname FROM pg_depend AS d JOIN pg_extension AS e ON e.oid = d.refobjid
  WHERE d.classid = '${catalog}'::regclass AND d.objid = ${oid} AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
), '')`;

export const SERVER = asJson(
  `SELECT current_setting('server_version_num')::int AS "serverVersion", current_database() AS database, current_setting('server_encoding') AS encoding`,
);

export const SCHEMAS = asJson(`SELECT n.nspname AS name FROM pg_namespace AS n WHERE ${LASTING} ORDER BY n.nspname`);

/** Those of the server are no secret. */
export const COLLATIONS = asJson(`
  SELECT c.oid::int8 AS oid, n.nspname AS schema, c.collname AS name FROM pg_collation AS c JOIN pg_namespace AS n ON n.oid = c.collnamespace
  WHERE c.oid >= 16384 AND ${LASTING} ORDER BY c.oid`);

/** Bits of tgtype: 1 FOR EACH ROW, 2 BEFORE, 64 INSTEAD OF, and one for each event. */
const ROW_TRIGGERS = `coalesce((SELECT array_agg(DISTINCT e.event) FROM pg_trigger AS g
      CROSS JOIN (VALUES (4, 'insert'), (8, 'delete'), (16, 'update')) AS e(bit, event)
      WHERE g.tgrelid = c.oid AND g.tgtype & 1 <> 0 AND g.tgtype & 66 <> 0 AND g.tgtype & e.bit <> 0), '{}')`;

/** ev_type 1 is SELECT: how a view is a view. */
const RULES = `coalesce((SELECT array_agg(DISTINCT CASE w.ev_type WHEN '2' THEN 'update' WHEN '3' THEN 'insert' ELSE 'delete' END)
      FROM pg_rewrite AS w WHERE w.ev_class = c.oid AND w.ev_type <> '1'), '{}')`;

const CONSTRAINTS = `coalesce((SELECT json_agg(json_build_object('name', k.conname, 'columns', k.conkey) ORDER BY k.oid)
      FROM pg_constraint AS k WHERE k.conrelid = c.oid AND k.contype IN ('p', 'u', 'x')), '[]')`;

/**
 * Of rows that differ in the column, or are about no person: whether the index can take them for alike. INVARIANT 251: with NULLS NOT DISTINCT (since version
 * 15) a row without a key meets another.
 */
const BY_ANOTHER_COMPARISON = `to_jsonb(i) ->> 'indnullsnotdistinct' = 'true' AND NOT EXISTS
          (SELECT FROM pg_attribute AS a WHERE a.attrelid = i.indrelid AND a.attnum = k.attnum AND a.attnotnull)
        OR EXISTS (SELECT FROM pg_collation AS l WHERE l.oid = (i.indcollation::oid[])[k.n - 1] AND NOT l.collisdeterministic)
        OR EXISTS (SELECT FROM pg_opclass AS o WHERE o.oid = (i.indclass::oid[])[k.n - 1] AND NOT i.indisexclusion AND o.oid >= 16384 AND NOT o.opcdefault)
        OR EXISTS (SELECT FROM pg_constraint AS x JOIN pg_operator AS o ON o.oid = x.conexclop[k.n]
          WHERE x.conindid = i.indexrelid AND (o.oprname <> '=' OR o.oid >= 16384))`;

/** INVARIANT 250: a column may hold NULLs that came before its NOT NULL constraint, until that is validated; since version 18 it is called not null before. */
const MAY_BE_NULL = `EXISTS (SELECT FROM pg_constraint AS n WHERE n.conrelid = i.indrelid AND n.contype = 'n' AND NOT n.convalidated
        AND n.conkey[1] = ANY (i.indkey::int2[]))`;

/** Without the columns that an index holds besides (INCLUDE). */
const UNIQUE_INDEXES = `coalesce((SELECT json_agg(json_build_object('columns',
        ARRAY(SELECT CASE WHEN ${BY_ANOTHER_COMPARISON} THEN -k.attnum ELSE k.attnum END
          FROM unnest((i.indkey::int2[])[0:i.indnkeyatts - 1]) WITH ORDINALITY AS k(attnum, n) ORDER BY k.n),
        'whole', i.indisunique AND i.indpred IS NULL AND i.indisvalid AND NOT ${MAY_BE_NULL}, 'deferrable', NOT i.indimmediate) ORDER BY i.indexrelid)
      FROM pg_index AS i WHERE i.indrelid = c.oid AND (i.indisunique OR i.indisexclusion)), '[]')`;

const FOREIGN_KEYS = `coalesce((SELECT json_agg(json_build_object('columns', k.conkey, 'relation', k.confrelid::int8, 'referenced', k.confkey,
        'deferrable', k.condeferrable, 'onUpdate', k.confupdtype, 'onDelete', k.confdeltype) ORDER BY k.oid)
      FROM pg_constraint AS k WHERE k.conrelid = c.oid AND k.contype = 'f'), '[]')`;

/** For a sequence: the column whose values it makes. */
const OWNED_BY = `(SELECT json_build_object('relation', d.refobjid::int8, 'column', d.refobjsubid) FROM pg_depend AS d
      WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i') LIMIT 1)`;

export const RELATIONS = asJson(`
  SELECT c.oid::int8 AS oid, n.nspname AS schema, c.relname AS name, c.relkind AS kind, c.relpersistence AS persistence,
    c.reltype::int8 AS "rowType", c.reloftype::int8 AS "ofType", c.relrowsecurity AS "rowSecurity",
    coalesce((SELECT array_agg(k::int8) FROM pg_index AS i, unnest(i.indkey::int2[]) AS k
      WHERE i.indrelid = c.oid AND i.indisprimary), '{}') AS "primaryKey",
    coalesce((SELECT array_agg(h.inhparent::int8 ORDER BY h.inhseqno) FROM pg_inherits AS h WHERE h.inhrelid = c.oid), '{}') AS parents,
    CASE WHEN c.relhastriggers THEN ${ROW_TRIGGERS} ELSE '{}' END AS "rowTriggers",
    CASE WHEN c.relhasrules THEN ${RULES} ELSE '{}' END AS rules,
    ${CONSTRAINTS} AS constraints,
    CASE WHEN c.relhasindex THEN ${UNIQUE_INDEXES} ELSE '[]' END AS "uniqueIndexes", ${FOREIGN_KEYS} AS "foreignKeys",
    CASE WHEN c.relkind = 'S' THEN ${OWNED_BY} END AS "ownedBy"
  FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
  WHERE ${LASTING} AND c.relpersistence <> 't' AND c.relkind <> 't'
  ORDER BY c.oid`);

/** Kept apart from relations, and joined to them here: far fewer subqueries for the server. */
export const COLUMNS = asJson(`
  SELECT a.attrelid::int8 AS relation, a.attnum, a.attname AS name, a.atttypid::int8 AS type, a.atttypmod AS typmod,
    format_type(a.atttypid, a.atttypmod) AS "typeName", a.attcollation::int8 AS collation, a.attnotnull AS "notNull",
    a.attgenerated AS generated, a.attidentity AS identity
  FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid JOIN pg_namespace AS n ON n.oid = c.relnamespace
  WHERE ${LASTING} AND c.relpersistence <> 't' AND c.relkind <> 't' AND a.attnum > 0 AND NOT a.attisdropped
  ORDER BY a.attrelid, a.attnum`);

/** What matches of a rule's text. A name in it cannot hide anything: the server puts a backslash before its brackets, and these are found as well. */
const inRule = (pattern: string, type: string): string =>
  `coalesce((SELECT array_agg(DISTINCT m[1]::${type}) FROM regexp_matches(w.ev_action::text, '${pattern}', 'g') AS m), '{}')`;

/** Items of the list that are plain columns of a relation. One whose number occurs twice, in a subquery too, is left out: the two cannot be told apart. */
const PLAIN_ITEMS = `(SELECT m[1]::int2 AS attnum, min(m[2]::int8) AS base, min(m[3]::int) AS column
      FROM regexp_matches(w.ev_action::text,
        ':resno (\\d+) :resname (?:\\\\.|[^\\s\\\\])+ :ressortgroupref \\d+ :resorigtbl (\\d+) :resorigcol (-?\\d+) :resjunk false', 'g') AS m
      GROUP BY m[1] HAVING count(*) = 1)`;

const OPTION = (pattern: string): string =>
  `(SELECT substring(o FROM '${pattern}') FROM unnest(c.reloptions) AS o WHERE o ~ '${pattern}')`;

/** Bits of pg_relation_is_updatable: one for each event. */
const VIEW_WRITES = `(SELECT json_build_object('base', min(i.base), 'columns', json_agg(json_build_array(i.attnum, i.column) ORDER BY i.attnum),
        'events', (SELECT coalesce(json_agg(e.event), '[]') FROM (VALUES (8, 'insert'), (4, 'update'), (16, 'delete')) AS e(bit, event)
          WHERE pg_relation_is_updatable(c.oid, false) & e.bit <> 0),
        'filters', (SELECT count(*) <> 1 OR bool_or(m[1] IS DISTINCT FROM '<>')
          FROM regexp_matches(w.ev_action::text, '\\{FROMEXPR(?: :fromlist \\(\\{RANGETBLREF :rtindex \\d+\\}\\) :quals (<>|\\{))?', 'g') AS m),
        'barrier', coalesce(${OPTION('^security_barrier=(.*)')}::bool, false),
        'check', coalesce(${OPTION('^check_option=(.*)')}, 'none'))
      FROM ${PLAIN_ITEMS} AS i WHERE i.base <> 0 AND i.column > 0 AND pg_column_is_updatable(c.oid, i.attnum, false)
      HAVING count(*) > 0 AND min(i.base) = max(i.base))`;

/** The system's own views are guarded in another way. An array of arrays may fail: it is returned as a node. */
export const VIEWS = asJson(`
  SELECT w.ev_class::int8 AS relation, ${inRule('(?:\\{|:(?=multidims true))([A-Z_0-9]+|multidims)', 'text')} AS nodes,
    ${inRule(':opno (\\d+)', 'int8')} AS operators, ${inRule(':relid (\\d+)', 'int8')} AS relations,
    ${inRule(':(?:func|aggfno|winfno)id (\\d+)', 'int8')} AS functions,
    ${VIEW_WRITES} AS writes
  FROM pg_rewrite AS w JOIN pg_class AS c ON c.oid = w.ev_class JOIN pg_namespace AS n ON n.oid = c.relnamespace
  WHERE w.ev_type = '1' AND c.relkind = 'v' AND ${LASTING} AND c.relpersistence <> 't'
    AND n.nspname NOT IN ('pg_catalog', 'information_schema')
  ORDER BY w.ev_class`);

export const TYPES = asJson(`
  SELECT t.oid::int8 AS oid, n.nspname AS schema, t.typname AS name, t.typtype AS kind, t.typcategory AS category,
    t.typispreferred AS preferred,
    (CASE WHEN t.typsubscript = 'array_subscript_handler'::regproc THEN t.typelem ELSE 0 END)::int8 AS element,
    t.typarray::int8 AS array, t.typbasetype::int8 AS base, t.typtypmod AS "baseTypmod", t.typrelid::int8 AS relation,
    t.typtype = 'd' AND (t.typnotnull OR EXISTS (SELECT FROM pg_constraint AS k WHERE k.contypid = t.oid)) AS constrained,
    coalesce(NOT starts_with(t.typdefaultbin::text, '{CONST '), false) AS "computesDefault",
    coalesce(coalesce(r.rngcanonical, m.rngcanonical)::oid = 0 AND coalesce(r.rngsubdiff, m.rngsubdiff)::oid < 16384
      AND coalesce(r.rngsubopc, m.rngsubopc) < 16384, false) AS "ownFunctions",
    coalesce(r.rngsubtype, m.rngsubtype, 0)::int8 AS subtype, coalesce(r.rngmultitypid, m.rngtypid, 0)::int8 AS multirange,
    t.typinput::oid::int8 AS input, t.typoutput::oid::int8 AS output
  FROM pg_type AS t JOIN pg_namespace AS n ON n.oid = t.typnamespace
  LEFT JOIN pg_range AS r ON r.rngtypid = t.oid LEFT JOIN pg_range AS m ON m.rngmultitypid = t.oid
  WHERE ${LASTING}
  ORDER BY t.oid`);

export const FUNCTIONS = asJson(`
  SELECT p.oid::int8 AS oid, n.nspname AS schema, p.proname AS name, p.prokind AS kind,
    p.proargtypes::oid[]::int8[] AS inputs, p.proallargtypes::int8[] AS "all", p.proargmodes AS modes, p.proargnames AS names,
    p.pronargdefaults AS defaults, p.provariadic::int8 AS variadic, p.prorettype::int8 AS result, p.proretset AS "returnsSet",
    p.proleakproof AS leakproof, p.provolatile AS volatility, p.proisstrict AS strict, p.prosecdef AS "securityDefiner",
    coalesce(a.aggkind, '') AS "aggKind", coalesce(a.aggnumdirectargs, 0) AS "directArgs",
    ${EXTENSION('pg_proc', 'p.oid')} AS extension
  FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = p.pronamespace LEFT JOIN pg_aggregate AS a ON a.aggfnoid = p.oid
  WHERE ${LASTING}
  ORDER BY p.oid`);

const OWN_PATH = (fn: string): string =>
  `EXISTS (SELECT FROM unnest(${fn}.proconfig) AS c WHERE starts_with(c, 'search_path='))`;
const IS_OWN = (operators: string): string =>
  `coalesce((SELECT bool_and(o < 16384) FROM unnest(${operators}) AS o), true)`;

/** Whether a trigger may be put off to the end of the transaction that runs code of users with names by the path, or may be thought to. */
const RUNS_LATE = `EXISTS (SELECT FROM pg_trigger AS t LEFT JOIN pg_constraint AS k ON k.oid = t.tgconstraint
    LEFT JOIN pg_index AS i ON i.indexrelid = k.conindid LEFT JOIN pg_proc AS f ON f.oid = t.tgfoid
  WHERE t.tgdeferrable AND NOT coalesce(CASE k.contype
    WHEN 'f' THEN ${IS_OWN('k.conpfeqop || k.conppeqop || k.conffeqop')}
    WHEN 't' THEN ${OWN_PATH('f')}
    ELSE k.contype IN ('p', 'u') AND ${IS_OWN('i.indclass::oid[]')} END, false))`;

/**
 * What may show that a user's function finds the same names under every path: a path of its own, or a short text. INVARIANT 147: what it may set off runs
 * before its path ends, and the default of an argument, which is evaluated outside of it, is a constant. Of the server's own code only the constructors of ranges have users' names.
 */
export const FIXED_NAMES = asJson(`
  SELECT p.oid::int8 AS oid, p.own AS "ownPath", l.lanname AS language,
    CASE WHEN p.own THEN '' WHEN l.lanname = 'plpgsql' THEN pg_get_functiondef(p.oid)
      WHEN p.prosqlbody IS NOT NULL THEN pg_get_function_sqlbody(p.oid) ELSE p.prosrc END AS source
  FROM (SELECT f.*, ${OWN_PATH('f')} AND NOT ${RUNS_LATE} AS own FROM pg_proc AS f) AS p
    JOIN pg_language AS l ON l.oid = p.prolang JOIN pg_namespace AS n ON n.oid = p.pronamespace
  WHERE p.oid >= 16384 AND ${LASTING} AND p.prokind IN ('f', 'p') AND coalesce(p.proargdefaults::text !~ '\\{(?!CONST )', true)
    AND (p.own OR (p.prokind = 'f' AND l.oid < 16384 AND p.proconfig IS NULL AND length(p.prosrc) <= 2000 AND coalesce(pg_column_size(p.prosqlbody) <= 8000, true)
      AND (l.lanname IN ('sql', 'plpgsql') OR (l.lanname = 'internal' AND p.prosrc ~ '^(multi)?range_constructor[0-3]$'))))
  ORDER BY p.oid`);

export const OPERATORS = asJson(`
  SELECT o.oid::int8 AS oid, n.nspname AS schema, o.oprname AS name, o.oprleft::int8 AS left, o.oprright::int8 AS right,
    o.oprresult::int8 AS result, o.oprcode::oid::int8 AS fn, ${EXTENSION('pg_operator', 'o.oid')} AS extension,
    o.oprcanhash OR o.oprcanmerge OR EXISTS (SELECT FROM pg_amop AS a WHERE a.amopopr = o.oid) AS searched
  FROM pg_operator AS o JOIN pg_namespace AS n ON n.oid = o.oprnamespace
  WHERE ${LASTING}
  ORDER BY o.oid`);

export const CASTS = asJson(`
  SELECT castsource::int8 AS source, casttarget::int8 AS target, castfunc::int8 AS fn, castcontext AS context, castmethod AS method
  FROM pg_cast ORDER BY oid`);

export const OPCLASSES = asJson(`
  SELECT m.amname AS method, c.opcintype::int8 AS type,
    coalesce((SELECT json_agg(json_build_object('strategy', o.amopstrategy, 'operator', o.amopopr::int8) ORDER BY o.amopstrategy)
      FROM pg_amop AS o WHERE o.amopfamily = c.opcfamily AND o.amoplefttype = c.opcintype AND o.amoprighttype = c.opcintype
        AND o.amoppurpose = 's'), '[]') AS operators,
    coalesce((SELECT json_agg(json_build_object('number', p.amprocnum, 'fn', p.amproc::oid::int8) ORDER BY p.amprocnum)
      FROM pg_amproc AS p WHERE p.amprocfamily = c.opcfamily AND p.amproclefttype = c.opcintype AND p.amprocrighttype = c.opcintype),
      '[]') AS functions
  FROM pg_opclass AS c JOIN pg_am AS m ON m.oid = c.opcmethod
  WHERE m.amname IN ('btree', 'hash') AND c.opcdefault
  ORDER BY c.oid`);
