/** Statements with which more tools read a schema: the forms of their statements in our own words, with the constants that they would put in. */

type Statements = Readonly<Record<string, string>>;

const PUBLIC = `'public'::regnamespace::oid`;

const DATAGRIP: Statements = {
  'the current transaction': `select case when pg_catalog.pg_is_in_recovery() then null else (pg_catalog.txid_current() % 4294967296)::varchar::bigint end as current_txid`,
  'oldest transaction': `select L.transactionid::varchar::bigint as transaction_id from pg_catalog.pg_locks L
    where L.transactionid is not null order by pg_catalog.age(L.transactionid) desc limit 1`,
  databases: `select N.datname as name, D.description, datistemplate as is_template, datallowconn as allow_connections, pg_catalog.pg_get_userbyid(N.datdba) as "owner"
    from pg_catalog.pg_database N left join pg_catalog.pg_shdescription D on N.oid = D.objoid
    order by case when datname = pg_catalog.current_database() then -1::bigint else N.oid::bigint end`,
  schemas: `select N.nspname as name, coalesce(pg_catalog.age(N.xmin), 0) >= 0 as state_number, D.description, pg_catalog.pg_get_userbyid(N.nspowner) as "owner"
    from pg_catalog.pg_namespace N left join pg_catalog.pg_description D on N.oid = D.objoid and D.classoid = 'pg_namespace'::regclass
    where N.nspname not like 'pg\\_%temp%' order by case when nspname = pg_catalog.current_schema() then -1::bigint else N.oid::bigint end`,
  roles: `select R.oid::bigint as role_id, rolname, rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolcanlogin, rolreplication, rolconnlimit, rolvaliduntil,
      rolbypassrls, rolconfig, D.description from pg_catalog.pg_roles R left join pg_catalog.pg_shdescription D on D.objoid = R.oid`,
  tables: `select T.relkind as table_kind, T.relname as table_name, coalesce(pg_catalog.age(T.xmin), 0) >= 0 as table_state_number, T.reltablespace as tablespace_id, T.reloptions as options,
      T.relpersistence as persistence,
      (select pg_catalog.array_agg(inhparent::bigint order by inhseqno)::varchar is null from pg_catalog.pg_inherits where T.oid = inhrelid) as ancestors,
      (select pg_catalog.array_agg(inhrelid::bigint order by inhrelid)::varchar is null from pg_catalog.pg_inherits where T.oid = inhparent) as successors,
      T.relispartition, pg_catalog.pg_get_partkeydef(T.oid) as partition_key, pg_catalog.pg_get_expr(T.relpartbound, T.oid) as partition_expression,
      pg_catalog.pg_get_userbyid(T.relowner) as "owner"
    from pg_catalog.pg_class T where relnamespace = ${PUBLIC} and relkind in ('r', 'm', 'v', 'f', 'p') order by table_kind, table_name`,
  columns: `with T as (select T.oid as table_id, T.relname as table_name from pg_catalog.pg_class T where T.relnamespace = ${PUBLIC} and T.relkind in ('r', 'm', 'v', 'f', 'p'))
    select T.table_name, C.attname as column_name, coalesce(pg_catalog.age(C.xmin), 0) >= 0 as column_state_number, C.atttypmod, C.attndims, pg_catalog.format_type(C.atttypid, C.atttypmod) as type_spec,
      C.attnotnull as mandatory, pg_catalog.pg_get_expr(D.adbin, D.adrelid) as column_default_expression, not C.attislocal as column_is_inherited,
      C.attfdwoptions as options, C.attisdropped, C.attidentity, C.attgenerated
    from T join pg_catalog.pg_attribute C on T.table_id = C.attrelid
      left join pg_catalog.pg_attrdef D on (C.attrelid, C.attnum) = (D.adrelid, D.adnum)
    where attnum > 0 and not C.attisdropped order by table_name, column_name`,
  indices: `select tab.relname, tab.relkind, ind_stor.relname as index_name, coalesce(pg_catalog.age(ind_stor.xmin), 0) >= 0, ind_head.indisunique, ind_head.indisprimary,
      pg_catalog.pg_get_expr(ind_head.indpred, ind_head.indrelid) as condition, amcanorder as can_order
    from pg_catalog.pg_class tab join pg_catalog.pg_index ind_head on ind_head.indrelid = tab.oid
      join pg_catalog.pg_class ind_stor on tab.relnamespace = ind_stor.relnamespace and ind_stor.oid = ind_head.indexrelid
      cross join lateral (select pg_catalog.pg_indexam_has_property(ind_stor.relam, 'can_order') as amcanorder) as am
    where tab.relnamespace = ${PUBLIC} and tab.relkind in ('r', 'm', 'v', 'p') and ind_stor.relkind in ('i', 'I') order by 1, 3`,
  'columns of indices': `select ind_stor.relname, k as col_idx, k <= indnkeyatts as in_key, ind_head.indoption[k - 1] as column_options, collname, opcname,
      case when indexprs is null then null when ind_head.indkey[k - 1] = 0 then chr(27) || pg_catalog.pg_get_indexdef(ind_head.indexrelid, k::int, true)
        else pg_catalog.pg_get_indexdef(ind_head.indexrelid, k::int, true) end as expression
    from pg_catalog.pg_index ind_head join pg_catalog.pg_class ind_stor on ind_stor.oid = ind_head.indexrelid
      cross join lateral pg_catalog.unnest(ind_head.indkey) with ordinality u(u, k)
      left join pg_catalog.pg_collation on pg_collation.oid = ind_head.indcollation[k - 1]
      left join pg_catalog.pg_opclass on pg_opclass.oid = ind_head.indclass[k - 1]
    where ind_stor.relnamespace = ${PUBLIC} and ind_stor.relkind in ('i', 'I') order by 1, 2`,
  constraints: `select T.relname, relkind, conname, contype, condeferrable, condeferred, confupdtype, confdeltype, connoinherit,
      pg_catalog.pg_get_expr(conbin, conrelid) as con_expression, array(select unnest::regoper::varchar from pg_catalog.unnest(conexclop)) as operators
    from pg_catalog.pg_constraint C join pg_catalog.pg_class T on C.conrelid = T.oid
    where relkind in ('r', 'v', 'f', 'p') and relnamespace = ${PUBLIC} and contype in ('p', 'u', 'f', 'c', 'x') and connamespace = ${PUBLIC} order by 1, 3`,
  routines: `with languages as (select oid as lang_oid, lanname as lang from pg_catalog.pg_language),
      routines as (select proname as r_name, prolang as lang_oid, coalesce(pg_catalog.age(xmin), 0) >= 0 as r_state_number, proargnames, proargmodes, proargtypes::int[] as in_arg_types,
        proallargtypes::int[] as all_arg_types, pg_catalog.pg_get_expr(proargdefaults, 0) as arg_defaults, proretset, prokind, provolatile, proisstrict,
        prosecdef, proconfig, procost, pg_catalog.pg_get_userbyid(proowner) as "owner", prorows, proleakproof, proparallel
        from pg_catalog.pg_proc where pronamespace = ${PUBLIC} and prokind <> 'a')
    select * from routines natural join languages order by r_name`,
  'kinds of types': `select typname, typtype from pg_catalog.pg_type where oid = any ('{bool,int4,text}'::regtype[]) order by 1`,
  rules: `select T.relname, R.rulename, coalesce(pg_catalog.age(R.xmin), 0) >= 0, pg_catalog.translate(ev_type, '1234', 'SUID') as event, R.ev_enabled, R.is_instead
    from pg_catalog.pg_rewrite R join pg_catalog.pg_class T on T.oid = R.ev_class
    where T.relnamespace = ${PUBLIC} and R.rulename <> '_RETURN' order by 1, 2`,
  sources: `select T.relkind as view_kind, T.relname, pg_catalog.pg_get_viewdef(T.oid, true) as source_text from pg_catalog.pg_class T
    where T.relnamespace = ${PUBLIC} and T.relkind in ('m', 'v') order by 2`,
};

const DBEAVER: Statements = {
  schemas: `SELECT n.nspname, n.nspacl IS NULL AS plain, d.description FROM pg_catalog.pg_namespace n
      LEFT OUTER JOIN pg_catalog.pg_description d ON d.objoid = n.oid AND d.objsubid = 0 AND d.classoid = 'pg_namespace'::regclass
    WHERE n.nspname NOT LIKE 'pg\\_%temp%' ORDER BY nspname`,
  'every column of a catalog': `SELECT count(x) > 0 AS some FROM (SELECT db.oid, db.* FROM pg_catalog.pg_database db WHERE datname = current_database()) x`,
  keywords: `select string_agg(word, ',') from pg_catalog.pg_get_keywords() where word <> ALL ('{a,abs,absolute,action}'::text[])`,
  'columns of a table': `SELECT c.relname, a.attname, a.attnum > 0 AS named, pg_catalog.pg_get_expr(ad.adbin, ad.adrelid, true) AS def_value, dsc.description, dep.objid IS NOT NULL AS owned
    FROM pg_catalog.pg_attribute a INNER JOIN pg_catalog.pg_class c ON (a.attrelid = c.oid)
      LEFT OUTER JOIN pg_catalog.pg_attrdef ad ON (a.attrelid = ad.adrelid AND a.attnum = ad.adnum)
      LEFT OUTER JOIN pg_catalog.pg_description dsc ON (c.oid = dsc.objoid AND a.attnum = dsc.objsubid)
      LEFT OUTER JOIN pg_catalog.pg_depend dep ON dep.refobjid = a.attrelid AND dep.deptype = 'i' AND dep.refobjsubid = a.attnum AND dep.classid = dep.refclassid
    WHERE NOT a.attisdropped AND c.relkind NOT IN ('i', 'I', 'c') AND c.oid = 'students'::regclass ORDER BY a.attname`,
  types: `SELECT t.typname, t.typtype, c.relkind, format_type(nullif(t.typbasetype, 0), t.typtypmod) AS base_type_name, d.description FROM pg_catalog.pg_type t
      LEFT OUTER JOIN pg_catalog.pg_class c ON c.oid = t.typrelid LEFT OUTER JOIN pg_catalog.pg_description d ON t.oid = d.objoid
    WHERE t.typname IS NOT NULL AND t.oid >= 16384 AND (c.relkind IS NULL OR c.relkind = 'c') AND t.typcategory <> 'A' ORDER BY 1`,
  'indexes and their sizes': `SELECT c.relname, tc.relname AS tabrelname, dsc.description, pg_catalog.pg_get_expr(i.indpred, i.indrelid) AS pred_expr,
      pg_catalog.pg_get_expr(i.indexprs, i.indrelid, true) AS expr, pg_catalog.pg_relation_size(i.indexrelid) AS index_rel_size,
      pg_catalog.pg_stat_get_numscans(i.indexrelid) AS index_num_scans
    FROM pg_catalog.pg_index i INNER JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid INNER JOIN pg_catalog.pg_class tc ON tc.oid = i.indrelid
      LEFT OUTER JOIN pg_catalog.pg_description dsc ON i.indexrelid = dsc.objoid
    WHERE i.indrelid = 'students'::regclass ORDER BY tabrelname, c.relname`,
  constraints: `SELECT c.conname, c.contype, t.relname AS tabrelname, rt.relname, d.description,
      CASE WHEN c.contype = 'c' THEN "substring"(pg_get_constraintdef(c.oid), 7) ELSE NULL END AS consrc_copy
    FROM pg_catalog.pg_constraint c INNER JOIN pg_catalog.pg_class t ON t.oid = c.conrelid LEFT OUTER JOIN pg_catalog.pg_class rt ON rt.oid = c.confrelid
      LEFT OUTER JOIN pg_catalog.pg_description d ON d.objoid = c.oid AND d.objsubid = 0 AND d.classoid = 'pg_constraint'::regclass
    WHERE c.conrelid = 'students'::regclass AND c.contype <> 'n' ORDER BY 1`,
  triggers: `SELECT x.tgname, p.pronamespace::regnamespace::text AS func_schema, d.description FROM pg_catalog.pg_trigger x
      LEFT OUTER JOIN pg_catalog.pg_proc p ON p.oid = x.tgfoid
      LEFT OUTER JOIN pg_catalog.pg_description d ON d.objoid = x.oid AND d.objsubid = 0 AND d.classoid = 'pg_trigger'::regclass
    WHERE x.tgrelid = 'students'::regclass AND NOT x.tgisinternal ORDER BY 1`,
  dependants: `SELECT DISTINCT dep.deptype, cl.relkind, attr.attname, pg_get_expr(ad.adbin, ad.adrelid) AS adefval,
      CASE WHEN cl.relkind IS NOT NULL THEN cl.relkind::text || COALESCE(dep.refobjsubid::text, '') WHEN tg.oid IS NOT NULL THEN 'T' WHEN con.oid IS NOT NULL THEN 'C' || con.contype::text
        WHEN pr.oid IS NOT NULL THEN 'p' WHEN ad.oid IS NOT NULL THEN 'A' ELSE '' END AS type, COALESCE(coc.relname, clrw.relname) AS ownertable
    FROM pg_catalog.pg_depend dep LEFT JOIN pg_catalog.pg_class cl ON dep.objid = cl.oid
      LEFT JOIN pg_catalog.pg_attribute attr ON dep.objid = attr.attrelid AND dep.objsubid = attr.attnum
      LEFT JOIN pg_catalog.pg_proc pr ON dep.objid = pr.oid LEFT JOIN pg_catalog.pg_trigger tg ON dep.objid = tg.oid
      LEFT JOIN pg_catalog.pg_constraint con ON dep.objid = con.oid LEFT JOIN pg_catalog.pg_class coc ON con.conrelid = coc.oid
      LEFT JOIN pg_catalog.pg_rewrite rw ON dep.objid = rw.oid LEFT JOIN pg_catalog.pg_class clrw ON clrw.oid = rw.ev_class
      LEFT JOIN pg_catalog.pg_attrdef ad ON ad.oid = dep.objid
    WHERE dep.refobjid = 'students'::regclass AND dep.deptype IN ('n', 'a') AND tg.oid IS NULL ORDER BY type, attname`,
  sizes: `select c.relname, pg_catalog.pg_total_relation_size(c.oid) as total_rel_size, pg_catalog.pg_relation_size(c.oid) as rel_size
    FROM pg_catalog.pg_class c WHERE c.relnamespace = ${PUBLIC} AND c.relkind = 'r' ORDER BY 1`,
  sessions: `SELECT count(sa.pid) > 0 AS some FROM pg_catalog.pg_stat_activity sa LEFT JOIN pg_catalog.pg_locks l ON l.pid = sa.pid`,
  'what there is to install': `SELECT e.name FROM pg_catalog.pg_available_extensions e LEFT JOIN pg_catalog.pg_extension x ON x.extname = e.name WHERE e.name = 'qzx'`,
};

const METABASE: Statements = {
  'tables and how many rows': `SELECT n.nspname AS schema, c.relname AS name, c.relkind AS kind, d.description, NULLIF(stat.n_live_tup, 0) AS estimated_row_count
    FROM pg_catalog.pg_class AS c INNER JOIN pg_catalog.pg_namespace AS n ON c.relnamespace = n.oid
      LEFT JOIN pg_catalog.pg_description AS d ON c.oid = d.objoid AND d.objsubid = 0 AND d.classoid = CAST('pg_class' AS regclass)
      LEFT JOIN pg_stat_user_tables AS stat ON n.nspname = stat.schemaname AND c.relname = stat.relname
    WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND c.relkind IN ('r', 'p', 'v', 'f', 'm') ORDER BY kind, schema, name`,
  privileges: `with table_privileges as (select NULL as role, t.schemaname as schema, t.objectname as table,
        pg_catalog.has_any_column_privilege(current_user, '"' || t.schemaname || '"' || '.' || '"' || t.objectname || '"', 'update') as update,
        pg_catalog.has_any_column_privilege(current_user, '"' || t.schemaname || '"' || '.' || '"' || t.objectname || '"', 'select') as select,
        pg_catalog.has_table_privilege(current_user, '"' || t.schemaname || '"' || '.' || '"' || t.objectname || '"', 'delete') as delete
      from (select schemaname, tablename as objectname from pg_catalog.pg_tables union select schemaname, viewname as objectname from pg_catalog.pg_views
        union select schemaname, matviewname as objectname from pg_catalog.pg_matviews) t
      where t.schemaname !~ '^pg_' and t.schemaname <> 'information_schema' and pg_catalog.has_schema_privilege(current_user, t.schemaname, 'usage'))
    select t.* from table_privileges t order by 2, 3`,
  fields: `SELECT c.column_name AS name, c.udt_name, c.table_schema, c.table_name, pk.column_name IS NOT NULL AS pk,
      col_description(CAST(CAST(format('%I.%I', CAST(c.table_schema AS text), CAST(c.table_name AS text)) AS regclass) AS oid), c.ordinal_position) AS field_comment,
      (column_default IS NULL OR lower(column_default) = 'null') AND is_nullable = 'NO' AND NOT (is_identity <> 'NO') AS database_required
    FROM information_schema.columns AS c LEFT JOIN (SELECT tc.table_schema, tc.table_name, kc.column_name FROM information_schema.table_constraints AS tc
        INNER JOIN information_schema.key_column_usage AS kc ON tc.constraint_name = kc.constraint_name AND tc.table_schema = kc.table_schema AND tc.table_name = kc.table_name
        WHERE tc.constraint_type = 'PRIMARY KEY') AS pk ON c.table_schema = pk.table_schema AND c.table_name = pk.table_name AND c.column_name = pk.column_name
    WHERE c.table_schema !~ '^information_schema|catalog_history|pg_' ORDER BY table_schema, table_name, name`,
  'indexed fields': `SELECT tmp.table_name, trim(both '"' FROM pg_catalog.pg_get_indexdef(tmp.ci_oid, tmp.pos, false)) AS field_name
    FROM (SELECT n.nspname AS table_schema, ct.relname AS table_name, ci.oid AS ci_oid, (information_schema._pg_expandarray(i.indkey)).n AS pos
      FROM pg_catalog.pg_class AS ct JOIN pg_catalog.pg_namespace AS n ON ct.relnamespace = n.oid JOIN pg_catalog.pg_index AS i ON ct.oid = i.indrelid
        JOIN pg_catalog.pg_class AS ci ON ci.oid = i.indexrelid
      WHERE pg_catalog.pg_get_expr(i.indpred, i.indrelid) IS NULL AND n.nspname !~ '^information_schema|catalog_history|pg_') AS tmp
    WHERE tmp.pos = 1 ORDER BY 1, 2`,
  enums: `SELECT nspname, typname FROM pg_catalog.pg_type AS t JOIN pg_catalog.pg_namespace AS n ON n.oid = t.typnamespace
    WHERE t.oid IN (SELECT DISTINCT enumtypid FROM pg_catalog.pg_enum AS e) ORDER BY 1, 2`,
  'time zone': `SELECT current_setting('TIMEZONE') AS timezone`,
};

const POSTGREST: Statements = {
  version: `SELECT current_setting('server_version_num')::integer >= 140000 AS new, current_setting('server_version') IS NOT NULL, version() IS NOT NULL`,
  'settings of roles': `with role_setting as (select r.rolname, unnest(r.rolconfig) as setting from pg_auth_members m join pg_roles r on r.oid = m.roleid
        where member = current_user::regrole::oid),
      kv_settings as (select rolname, substr(setting, 1, strpos(setting, '=') - 1) as key, lower(substr(setting, strpos(setting, '=') + 1)) as value from role_setting)
    select rolname, key, value from kv_settings`,
  tables: `WITH columns AS (SELECT c.oid AS relid, a.attname::name AS column_name, d.description, pg_get_expr(ad.adbin, ad.adrelid) AS column_default,
        not (a.attnotnull OR t.typtype = 'd' AND t.typnotnull) AS is_nullable,
        CASE WHEN t.typtype = 'd' THEN format_type(t.typbasetype, NULL) ELSE format_type(a.atttypid, NULL) END AS data_type, a.attnum AS position
      FROM pg_attribute a LEFT JOIN pg_description AS d ON d.objoid = a.attrelid AND d.objsubid = a.attnum AND d.classoid = 'pg_class'::regclass
        LEFT JOIN pg_attrdef ad ON a.attrelid = ad.adrelid AND a.attnum = ad.adnum
        JOIN (pg_class c JOIN pg_namespace nc ON c.relnamespace = nc.oid) ON a.attrelid = c.oid JOIN pg_type t ON a.atttypid = t.oid
      WHERE NOT pg_is_other_temp_schema(nc.oid) AND a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'v', 'f', 'm', 'p') AND nc.nspname = ANY ('{public}'::text[])),
      columns_agg AS (SELECT relid, array_agg(row(column_name, description, is_nullable::boolean, data_type, column_default) ORDER BY column_name) AS columns FROM columns GROUP BY relid)
    SELECT n.nspname AS table_schema, c.relname AS table_name, d.description, c.relkind IN ('v', 'm') AS is_view,
      (c.relkind IN ('r', 'p') OR (c.relkind IN ('v', 'f') AND (pg_relation_is_updatable(c.oid::regclass, TRUE) & 8) = 8)) AS insertable, a.columns
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace LEFT JOIN pg_description d ON d.objoid = c.oid AND d.objsubid = 0 AND d.classoid = 'pg_class'::regclass
      LEFT JOIN columns_agg a ON a.relid = c.oid WHERE c.relkind IN ('v', 'r', 'm', 'f', 'p') AND n.nspname NOT IN ('pg_catalog', 'information_schema') ORDER BY table_schema, table_name`,
  relationships: `WITH pks_uniques_cols AS (SELECT conrelid, array_agg(key ORDER BY key) AS cols FROM pg_constraint, LATERAL unnest(conkey) AS _(key) WHERE contype IN ('p', 'u') AND connamespace <> 'pg_catalog'::regnamespace
        GROUP BY oid, conrelid)
    SELECT ns1.nspname AS table_schema, tab.relname AS table_name, ns2.nspname AS foreign_schema, other.relname AS foreign_name, traint.conname, column_info.cols_and_fcols,
      (column_info.cols IN (SELECT cols FROM pks_uniques_cols WHERE conrelid = traint.conrelid)) AS one_to_one
    FROM pg_constraint traint JOIN LATERAL (SELECT array_agg(row(cols.attname, refs.attname) ORDER BY ord) AS cols_and_fcols, array_agg(cols.attnum ORDER BY cols.attnum) AS cols
        FROM unnest(traint.conkey, traint.confkey) WITH ORDINALITY AS _(col, ref, ord) JOIN pg_attribute cols ON cols.attrelid = traint.conrelid AND cols.attnum = col
          JOIN pg_attribute refs ON refs.attrelid = traint.confrelid AND refs.attnum = ref) AS column_info ON TRUE
      JOIN pg_namespace ns1 ON ns1.oid = traint.connamespace JOIN pg_class tab ON tab.oid = traint.conrelid JOIN pg_class other ON other.oid = traint.confrelid
      JOIN pg_namespace ns2 ON ns2.oid = other.relnamespace
    WHERE traint.contype = 'f' AND traint.conparentid = 0 ORDER BY traint.conname, 2`,
  'views and their bases': `with views as (select c.relname as view_name, r.ev_action as view_definition from pg_class c
        join pg_namespace n on n.oid = c.relnamespace join pg_rewrite r on r.ev_class = c.oid where c.relkind in ('v', 'm') and n.nspname = any ('{public}'::text[]))
    select view_name, replace(regexp_replace(view_definition::text, '<>', '()', 'g'), ' :targetList', ',"targetList":') = 'x' as same from views where view_definition is null`,
  functions: `SELECT pn.nspname AS proc_schema, p.proname AS proc_name, d.description AS proc_description, COALESCE(p.proargnames, '{}') AS arg_names,
      tn.nspname AS schema, COALESCE(comp.relname, t.typname) AS name, p.proretset AS rettype_is_setof, p.provolatile, p.provariadic > 0 AS hasvariadic,
      lower((regexp_split_to_array((regexp_split_to_array(iso_config, '='))[2], ','))[1]) AS transaction_isolation_level
    FROM pg_proc p JOIN pg_namespace pn ON pn.oid = p.pronamespace JOIN pg_type t ON t.oid = p.prorettype JOIN pg_namespace tn ON tn.oid = t.typnamespace
      LEFT JOIN pg_class comp ON comp.oid = t.typrelid LEFT JOIN pg_description AS d ON d.objoid = p.oid AND d.classoid = 'pg_proc'::regclass
      LEFT JOIN LATERAL unnest(proconfig) iso_config ON iso_config LIKE 'default_transaction_isolation%'
    WHERE t.oid <> 'trigger'::regtype AND prokind = 'f' AND pn.nspname = ANY ('{public}'::text[]) ORDER BY 2`,
  'time zones': `SELECT count(*) > 100 AS many FROM pg_timezone_names`,
};

const PRISMA: Statements = {
  version: `SELECT EXISTS (SELECT 1 FROM pg_namespace WHERE nspname = 'public'), version() IS NOT NULL, current_setting('server_version_num')::integer > 0 AS numeric_version`,
  tables: `SELECT tbl.relname AS table_name, namespace.nspname AS namespace, (tbl.relhassubclass AND tbl.relkind = 'p') AS is_partition,
      (tbl.relhassubclass AND tbl.relkind = 'r') AS has_subclass, tbl.relrowsecurity AS has_row_level_security, reloptions, obj_description(tbl.oid, 'pg_class') AS description
    FROM pg_class AS tbl INNER JOIN pg_namespace AS namespace ON namespace.oid = tbl.relnamespace
    WHERE (tbl.relkind = 'r' AND tbl.relispartition = 'f') OR (tbl.relkind = 'p') AND namespace.nspname = ANY ('{public}') ORDER BY namespace, table_name`,
  columns: `SELECT oid.namespace, info.table_name, info.column_name, format_type(att.atttypid, att.atttypmod) AS formatted_type, info.numeric_precision, info.numeric_scale,
      info.datetime_precision, info.data_type, info.udt_schema AS type_schema_name, info.udt_name AS full_data_type, pg_get_expr(attdef.adbin, attdef.adrelid) AS column_default,
      info.is_nullable, info.is_identity, info.character_maximum_length, col_description(att.attrelid, ordinal_position) AS description
    FROM information_schema.columns info JOIN pg_attribute att ON att.attname = info.column_name
      JOIN (SELECT pg_class.oid, relname, pg_namespace.nspname AS namespace FROM pg_class JOIN pg_namespace ON pg_namespace.oid = pg_class.relnamespace
        AND pg_namespace.nspname = ANY ('{public}') WHERE reltype > '0') AS oid ON oid.oid = att.attrelid AND relname = info.table_name AND namespace = info.table_schema
      LEFT OUTER JOIN pg_attrdef attdef ON attdef.adrelid = att.attrelid AND attdef.adnum = att.attnum AND table_schema = namespace
    WHERE table_schema = ANY ('{public}') ORDER BY namespace, table_name, column_name`,
  indexes: `WITH rawindex AS (SELECT indrelid, indexrelid, indisunique, indisprimary, unnest(indkey) AS indkeyid, generate_subscripts(indkey, 1) AS indkeyidx, unnest(indclass) AS indclass,
        unnest(indoption) AS indoption FROM pg_index WHERE indpred IS NULL AND NOT indisexclusion)
    SELECT schemainfo.nspname AS namespace, indexinfo.relname AS index_name, tableinfo.relname AS table_name, columninfo.attname AS column_name, rawindex.indisunique,
      rawindex.indisprimary, rawindex.indkeyidx, opclass.opcname, opclass.opcdefault, indexam.amname, CASE rawindex.indoption & 1 WHEN 1 THEN 'DESC' ELSE 'ASC' END AS column_order,
      pc.condeferrable
    FROM rawindex INNER JOIN pg_class AS tableinfo ON tableinfo.oid = rawindex.indrelid INNER JOIN pg_class AS indexinfo ON indexinfo.oid = rawindex.indexrelid
      INNER JOIN pg_namespace AS schemainfo ON schemainfo.oid = tableinfo.relnamespace
      LEFT JOIN pg_attribute AS columninfo ON columninfo.attrelid = tableinfo.oid AND columninfo.attnum = rawindex.indkeyid
      INNER JOIN pg_am AS indexam ON indexam.oid = indexinfo.relam LEFT JOIN pg_opclass AS opclass ON opclass.oid = rawindex.indclass
      LEFT JOIN pg_constraint AS pc ON rawindex.indexrelid = pc.conindid AND pc.contype <> 'f'
    WHERE schemainfo.nspname = ANY ('{public}') ORDER BY namespace, table_name, index_name, indkeyidx`,
  'functions and their bodies': `SELECT p.proname AS name, n.nspname AS namespace, CASE WHEN l.lanname = 'internal' THEN p.prosrc ELSE pg_get_functiondef(p.oid) END AS definition
    FROM pg_proc p LEFT JOIN pg_namespace n ON p.pronamespace = n.oid LEFT JOIN pg_language l ON p.prolang = l.oid
    WHERE n.nspname = ANY ('{public}') AND p.prokind NOT IN ('a', 'w') ORDER BY 1`,
  views: `SELECT viewname AS view_name, definition AS view_sql, schemaname AS namespace, obj_description(class.oid, 'pg_class') AS description FROM pg_catalog.pg_views views
      INNER JOIN pg_catalog.pg_namespace ns ON views.schemaname = ns.nspname INNER JOIN pg_catalog.pg_class class ON class.relnamespace = ns.oid AND class.relname = views.viewname
    WHERE schemaname = ANY ('{public}') ORDER BY 1`,
  sequences: `SELECT sequencename AS sequence_name, schemaname AS namespace, start_value, min_value, max_value, increment_by, cycle, cache_size FROM pg_sequences
    WHERE schemaname = ANY ('{public}') ORDER BY 1`,
  enums: `SELECT t.typname AS name, e.enumlabel AS value, n.nspname AS namespace, obj_description(t.oid, 'pg_type') AS description FROM pg_type t
      JOIN pg_enum e ON t.oid = e.enumtypid JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace WHERE n.nspname = ANY ('{public}') ORDER BY e.enumsortorder`,
  'a page of rows': `SELECT "public"."classes"."id", "public"."classes"."name" FROM "public"."classes" WHERE 1=1 ORDER BY "public"."classes"."id" ASC LIMIT 3 OFFSET 0`,
};

const NPGSQL: Statements = {
  types: `SELECT ns.nspname, t.typname, t.typtype, t.typnotnull, t.elemtypoid IS NOT NULL AS of_others
    FROM (SELECT typ.oid, typ.typnamespace, typ.typname, typ.typtype, typ.typrelid, typ.typnotnull, typ.relkind, elemtyp.oid AS elemtypoid, elemcls.relkind AS elemrelkind,
        CASE WHEN elemproc.proname = 'array_recv' THEN 'a' ELSE elemtyp.typtype END AS elemtyptype
      FROM (SELECT typ.oid, typnamespace, typname, typrelid, typnotnull, relkind, typelem AS elemoid,
          CASE WHEN proc.proname = 'array_recv' THEN 'a' ELSE typ.typtype END AS typtype,
          CASE WHEN proc.proname = 'array_recv' THEN typ.typelem WHEN typ.typtype = 'r' THEN rngsubtype
            WHEN typ.typtype = 'm' THEN (SELECT rngtypid FROM pg_range WHERE rngmultitypid = typ.oid) WHEN typ.typtype = 'd' THEN typ.typbasetype END AS elemtypoid
        FROM pg_type AS typ LEFT JOIN pg_class AS cls ON (cls.oid = typ.typrelid) LEFT JOIN pg_proc AS proc ON proc.oid = typ.typreceive
          LEFT JOIN pg_range ON (pg_range.rngtypid = typ.oid)) AS typ
        LEFT JOIN pg_type AS elemtyp ON elemtyp.oid = elemtypoid LEFT JOIN pg_class AS elemcls ON (elemcls.oid = elemtyp.typrelid)
        LEFT JOIN pg_proc AS elemproc ON elemproc.oid = elemtyp.typreceive) AS t
      JOIN pg_namespace AS ns ON (ns.oid = typnamespace)
    WHERE (typtype IN ('b', 'r', 'm', 'e', 'd') OR (typtype = 'c' AND relkind = 'c') OR (typtype = 'p' AND typname IN ('record', 'void', 'unknown'))
      OR (typtype = 'a' AND (elemtyptype IN ('b', 'r', 'm', 'e', 'd') OR (elemtyptype = 'p' AND typname = 'x') OR (elemtyptype = 'c' AND elemrelkind = 'c')))) AND ns.nspname = 'public'
    ORDER BY CASE WHEN typtype IN ('b', 'e', 'p') THEN 0 WHEN typtype = 'c' THEN 1 WHEN typtype = 'r' THEN 2 ELSE 3 END, typname`,
  composites: `SELECT typ.typname, att.attname, att.atttypid FROM pg_type AS typ JOIN pg_namespace AS ns ON (ns.oid = typ.typnamespace) JOIN pg_class AS cls ON (cls.oid = typ.typrelid)
      JOIN pg_attribute AS att ON (att.attrelid = typ.typrelid) WHERE (typ.typtype = 'c' AND cls.relkind = 'c') AND attnum > 0 AND NOT attisdropped ORDER BY typ.typname, att.attnum`,
  enums: `SELECT pg_type.typname, enumlabel FROM pg_enum JOIN pg_type ON pg_type.oid = enumtypid ORDER BY pg_type.typname, enumsortorder`,
  'a pool takes it back': `SELECT pg_advisory_unlock_all() IS NULL AS nothing`,
};

const GRAFANA: Statements = {
  version: `SELECT current_setting('server_version_num')::int / 100 > 0 AS version`,
  timescale: `SELECT extversion FROM pg_extension WHERE extname = 'timescaledb'`,
  tables: `SELECT CASE WHEN quote_ident(table_schema) IN (SELECT CASE WHEN trim(s[i]) = '"$user"' THEN user ELSE trim(s[i]) END
        FROM generate_series(array_lower(string_to_array(current_setting('search_path'), ','), 1), array_upper(string_to_array(current_setting('search_path'), ','), 1)) AS i,
          string_to_array(current_setting('search_path'), ',') s)
      THEN quote_ident(table_name) ELSE quote_ident(table_schema) || '.' || quote_ident(table_name) END AS "table"
    FROM information_schema.tables WHERE quote_ident(table_schema) NOT IN ('information_schema', 'pg_catalog', '_timescaledb_cache') ORDER BY 1`,
  columns: `SELECT quote_ident(column_name) AS "column", data_type AS "type" FROM information_schema.columns
    WHERE CASE WHEN array_length(parse_ident('students'), 1) = 2 THEN quote_ident(table_schema) = (parse_ident('students'))[1] AND quote_ident(table_name) = (parse_ident('students'))[2]
      ELSE quote_ident(table_name) = 'students' AND quote_ident(table_schema) IN (SELECT trim(s[i]) FROM generate_series(1, 9) AS i, string_to_array(current_setting('search_path'), ',') s) END ORDER BY 1`,
};

const POWER_BI: Statements = {
  'character sets': `select character_set_name from INFORMATION_SCHEMA.character_sets`,
  tables: `select TABLE_SCHEMA, TABLE_NAME, TABLE_TYPE from INFORMATION_SCHEMA.tables where TABLE_SCHEMA not in ('information_schema', 'pg_catalog') order by TABLE_SCHEMA, TABLE_NAME`,
  columns: `select COLUMN_NAME, IS_NULLABLE, case when (data_type like '%unsigned%') then DATA_TYPE || ' unsigned' else DATA_TYPE end as DATA_TYPE
    from INFORMATION_SCHEMA.columns where TABLE_SCHEMA = 'public' and TABLE_NAME = 'students' order by 1`,
  relationships: `select pkcol.COLUMN_NAME as PK_COLUMN_NAME, fkcol.TABLE_SCHEMA as FK_TABLE_SCHEMA, fkcol.TABLE_NAME as FK_TABLE_NAME, fkcol.COLUMN_NAME as FK_COLUMN_NAME,
      fkcol.ORDINAL_POSITION as ORDINAL, fkcon.CONSTRAINT_SCHEMA || '_' || fkcol.TABLE_NAME || '_' || 'classes' || '_' || fkcon.CONSTRAINT_NAME as FK_NAME
    from (select distinct constraint_catalog, constraint_schema, unique_constraint_schema, constraint_name, unique_constraint_name from INFORMATION_SCHEMA.REFERENTIAL_CONSTRAINTS) fkcon
      inner join INFORMATION_SCHEMA.KEY_COLUMN_USAGE fkcol on fkcon.CONSTRAINT_SCHEMA = fkcol.CONSTRAINT_SCHEMA and fkcon.CONSTRAINT_NAME = fkcol.CONSTRAINT_NAME
      inner join INFORMATION_SCHEMA.KEY_COLUMN_USAGE pkcol on fkcon.UNIQUE_CONSTRAINT_SCHEMA = pkcol.CONSTRAINT_SCHEMA and fkcon.UNIQUE_CONSTRAINT_NAME = pkcol.CONSTRAINT_NAME
    where pkcol.TABLE_SCHEMA = 'public' and pkcol.TABLE_NAME = 'classes' and pkcol.ORDINAL_POSITION = fkcol.ORDINAL_POSITION order by FK_NAME, fkcol.ORDINAL_POSITION`,
  keys: `select i.CONSTRAINT_SCHEMA || '_' || i.CONSTRAINT_NAME as INDEX_NAME, ii.COLUMN_NAME, ii.ORDINAL_POSITION, case when i.CONSTRAINT_TYPE = 'PRIMARY KEY' then 'Y' else 'N' end as PRIMARY_KEY
    from INFORMATION_SCHEMA.table_constraints i inner join INFORMATION_SCHEMA.key_column_usage ii on i.CONSTRAINT_SCHEMA = ii.CONSTRAINT_SCHEMA and i.CONSTRAINT_NAME = ii.CONSTRAINT_NAME
      and i.TABLE_SCHEMA = ii.TABLE_SCHEMA and i.TABLE_NAME = ii.TABLE_NAME
    where i.TABLE_SCHEMA = 'public' and i.TABLE_NAME = 'classes' and i.CONSTRAINT_TYPE in ('PRIMARY KEY', 'UNIQUE') order by 1, 3`,
};

const TABLEAU: Statements = {
  tables: `select relname, nspname, relkind from pg_catalog.pg_class c, pg_catalog.pg_namespace n where relkind in ('r', 'v', 'm', 'f', 'p')
      and nspname not in ('pg_catalog', 'information_schema', 'pg_toast', 'pg_temp_1') and n.oid = relnamespace order by nspname, relname`,
  columns: `select n.nspname, c.relname, a.attname, t.typname, a.attlen, a.atttypmod, a.attnotnull, c.relhasrules, c.relkind, pg_get_expr(d.adbin, d.adrelid),
      case t.typtype when 'd' then t.typbasetype else 0 end, t.typtypmod, 0, attidentity, c.relhassubclass
    from (((pg_catalog.pg_class c inner join pg_catalog.pg_namespace n on n.oid = c.relnamespace and c.relname like 'students' and n.nspname like 'public')
      inner join pg_catalog.pg_attribute a on (not a.attisdropped) and a.attnum > 0 and a.attrelid = c.oid) inner join pg_catalog.pg_type t on t.oid = a.atttypid)
      left outer join pg_attrdef d on a.atthasdef and d.adrelid = a.attrelid and d.adnum = a.attnum order by n.nspname, c.relname, attname`,
  'primary keys': `select ta.attname, ia.attnum, ic.relname, n.nspname, tc.relname from pg_catalog.pg_attribute ta, pg_catalog.pg_attribute ia, pg_catalog.pg_class tc, pg_catalog.pg_index i,
      pg_catalog.pg_namespace n, pg_catalog.pg_class ic
    where tc.relname = 'classes' and n.nspname = 'public' and tc.oid = i.indrelid and n.oid = tc.relnamespace and i.indisprimary = 't' and ia.attrelid = i.indexrelid
      and ta.attrelid = i.indrelid and ta.attnum = i.indkey[ia.attnum - 1] and (not ta.attisdropped) and (not ia.attisdropped) and ic.oid = i.indexrelid order by ia.attnum`,
  'foreign keys': `select n2.nspname, cl2.relname, a2.attname, n1.nspname, cl1.relname, a1.attname, i, ref.conname,
      case ref.confupdtype when 'c' then 0 when 'n' then 2 when 'd' then 4 when 'r' then 1 else 3 end, case when ref.condeferrable then (case when condeferred then 5 else 6 end) else 7 end
    from ((((((select cn.oid, conrelid, conkey, confrelid, confkey, generate_series(array_lower(conkey, 1), array_upper(conkey, 1)) as i, confupdtype, confdeltype, conname, condeferrable, condeferred
        from pg_catalog.pg_constraint cn, pg_catalog.pg_class c, pg_catalog.pg_namespace n
        where contype = 'f' and conrelid = c.oid and relname = 'students' and n.oid = c.relnamespace and n.nspname = 'public') ref
      inner join pg_catalog.pg_class cl1 on cl1.oid = ref.conrelid) inner join pg_catalog.pg_namespace n1 on n1.oid = cl1.relnamespace)
      inner join pg_catalog.pg_attribute a1 on a1.attrelid = cl1.oid and a1.attnum = conkey[i]) inner join pg_catalog.pg_class cl2 on cl2.oid = ref.confrelid)
      inner join pg_catalog.pg_namespace n2 on n2.oid = cl2.relnamespace) inner join pg_catalog.pg_attribute a2 on a2.attrelid = cl2.oid and a2.attnum = confkey[i] order by ref.conname, ref.i`,
};

const JOOQ: Statements = {
  routines: `select r1.routine_schema, r1.routine_name, r1.data_type, count(*) over (partition by r1.routine_schema, r1.routine_name) as overloads
    from information_schema.routines as r1 join pg_catalog.pg_namespace as n on n.nspname = r1.specific_schema
      join pg_catalog.pg_proc as p on p.pronamespace = n.oid and nameconcatoid(p.proname, p.oid) = r1.specific_name
    where r1.routine_schema in ('public') and not p.proretset order by 1, 2`,
  tables: `select t.table_schema, t.table_name, c.relkind, d.description, v.view_definition is null as unsaid from information_schema.tables as t
      join pg_catalog.pg_namespace as n on t.table_schema = n.nspname join pg_catalog.pg_class as c on n.oid = c.relnamespace and c.relname = t.table_name
      left join pg_catalog.pg_description as d on d.objoid = c.oid and d.classoid = 'pg_catalog.pg_class'::regclass and d.objsubid = 0
      left join information_schema.views as v on (v.table_schema, v.table_name) = (t.table_schema, t.table_name) where t.table_schema in ('public') order by 1, 2`,
  domains: `with recursive domains(domain_id, base_id, typbasetype, src) as (select d.oid, d.oid, d.typbasetype, array[pg_get_constraintdef(c.oid)] from pg_catalog.pg_type as d
        left join pg_catalog.pg_constraint as c on d.oid = c.contypid join pg_catalog.pg_namespace as n on n.oid = d.typnamespace where d.typtype = 'd' and n.nspname in ('public')
      union all select domain_id, d.oid, d.typbasetype, src || pg_get_constraintdef(c.oid) from domains join pg_catalog.pg_type as d on d.oid = domains.typbasetype
        left join pg_catalog.pg_constraint as c on d.oid = c.contypid)
    select n.nspname, d.typname, d.typnotnull, d.typdefault, array_remove(src, null) as src from domains join pg_catalog.pg_type as d on d.oid = domain_id
      join pg_catalog.pg_namespace as n on n.oid = d.typnamespace where domains.typbasetype = 0 order by 1, 2`,
  sequences: `select s.sequence_schema, s.sequence_name, s.data_type, s.start_value, s.increment from information_schema.sequences as s where s.sequence_schema in ('public') order by 1, 2`,
  attributes: `select udt_schema, udt_name, attribute_name, data_type from information_schema.attributes where udt_schema in ('public') order by 1, 2, ordinal_position`,
};

const OTHERS: Statements = {
  'drizzle-kit: columns': `SELECT a.attrelid::regclass::text AS table_name, a.attname AS column_name,
      CASE WHEN a.atttypid = ANY ('{int,int8,int2}'::regtype[]) AND EXISTS (SELECT FROM pg_attrdef ad WHERE ad.adrelid = a.attrelid AND ad.adnum = a.attnum
          AND pg_get_expr(ad.adbin, ad.adrelid) = 'nextval(''' || pg_get_serial_sequence(a.attrelid::regclass::text, a.attname)::regclass || '''::regclass)')
        THEN CASE a.atttypid WHEN 'int'::regtype THEN 'serial' WHEN 'int8'::regtype THEN 'bigserial' WHEN 'int2'::regtype THEN 'smallserial' END
        ELSE format_type(a.atttypid, a.atttypmod) END AS data_type,
      pg_get_serial_sequence('"public"."students"', a.attname)::regclass AS seq_name, c.column_default, c.udt_name, c.is_identity, c.identity_maximum, enum_ns.nspname AS type_schema
    FROM pg_attribute a JOIN pg_class cls ON cls.oid = a.attrelid JOIN pg_namespace ns ON ns.oid = cls.relnamespace
      LEFT JOIN information_schema.columns c ON c.column_name = a.attname AND c.table_schema = ns.nspname AND c.table_name = cls.relname
      LEFT JOIN pg_type enum_t ON enum_t.oid = a.atttypid LEFT JOIN pg_namespace enum_ns ON enum_ns.oid = enum_t.typnamespace
    WHERE a.attnum > 0 AND NOT a.attisdropped AND cls.relkind IN ('r', 'v', 'm') AND ns.nspname = 'public' AND cls.relname = 'students' ORDER BY 2`,
  'drizzle-kit: indexes': `SELECT DISTINCT ON (t.relname, ic.relname, k.i) t.relname AS table_name, ic.relname AS indname, CASE i.indkey[k.i] WHEN 0 THEN pg_get_indexdef(i.indexrelid, k.i + 1, TRUE) ELSE a.attname END AS name,
      i.indisunique, NOT pg_index_column_has_property(i.indexrelid, k.i + 1, 'asc') AS descending, pg_index_column_has_property(i.indexrelid, k.i + 1, 'nulls_first') AS nulls_first,
      pg_opclass.opcname, pg_get_expr(i.indpred, i.indrelid) AS "where", am.amname, c.reloptions AS with
    FROM pg_class t LEFT JOIN pg_index i ON t.oid = i.indrelid LEFT JOIN pg_class ic ON ic.oid = i.indexrelid CROSS JOIN LATERAL (SELECT unnest(i.indkey), generate_subscripts(i.indkey, 1) AS i) AS k
      LEFT JOIN pg_attribute AS a ON i.indrelid = a.attrelid AND k.unnest = a.attnum JOIN pg_class c ON i.indexrelid = c.oid JOIN pg_am am ON c.relam = am.oid
      JOIN pg_opclass ON pg_opclass.oid = ANY (i.indclass)
    WHERE t.relnamespace = ${PUBLIC} AND t.relname IN ('students', 'classes') ORDER BY t.relname, ic.relname, k.i`,
  'drizzle-kit: policies': `SELECT schemaname, tablename, policyname AS name, permissive AS "as", roles AS to, cmd AS for, qual AS using, with_check FROM pg_policies`,
  'drizzle-kit push: keys': `SELECT c.column_name, c.data_type, constraint_type, constraint_name, constraint_schema FROM information_schema.table_constraints tc
      JOIN information_schema.constraint_column_usage AS ccu USING (constraint_schema, constraint_name)
      JOIN information_schema.columns AS c ON c.table_schema = tc.constraint_schema AND tc.table_name = c.table_name AND ccu.column_name = c.column_name
    WHERE tc.table_name IN ('students', 'tasks') AND constraint_schema = 'public' ORDER BY 4, 1`,
  'drizzle-kit push: checks': `SELECT tc.constraint_name, tc.constraint_type, pg_get_constraintdef(con.oid) AS constraint_definition FROM information_schema.table_constraints AS tc
      JOIN pg_constraint AS con ON tc.constraint_name = con.conname
        AND con.conrelid = (SELECT oid FROM pg_class WHERE relname = tc.table_name AND relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = tc.constraint_schema))
    WHERE tc.table_name = 'tasks' AND tc.constraint_schema = 'public' AND tc.constraint_type = 'CHECK' AND con.contype = 'c' ORDER BY 1`,
  'drizzle-kit push: foreign keys': `SELECT con.contype, nsp.nspname, con.conname, rel.relname, att.attname, fnsp.nspname AS foreign_table_schema, frel.relname AS foreign_table_name, fatt.attname AS foreign_column_name,
      CASE con.confupdtype WHEN 'a' THEN 'NO ACTION' WHEN 'c' THEN 'CASCADE' END AS update_rule
    FROM pg_catalog.pg_constraint con JOIN pg_catalog.pg_class rel ON rel.oid = con.conrelid JOIN pg_catalog.pg_namespace nsp ON nsp.oid = con.connamespace
      LEFT JOIN pg_catalog.pg_attribute att ON att.attnum = ANY (con.conkey) AND att.attrelid = con.conrelid LEFT JOIN pg_catalog.pg_class frel ON frel.oid = con.confrelid
      LEFT JOIN pg_catalog.pg_namespace fnsp ON fnsp.oid = frel.relnamespace LEFT JOIN pg_catalog.pg_attribute fatt ON fatt.attnum = ANY (con.confkey) AND fatt.attrelid = con.confrelid
    WHERE nsp.nspname = 'public' AND rel.relname = 'tasks' AND con.contype IN ('f') ORDER BY 3`,
  'drizzle-kit push: indexes of constraints': `SELECT idx.indexrelname AS index_name, idx.relname AS table_name, schemaname, CASE WHEN con.conname IS NOT NULL THEN 1 ELSE 0 END AS generated_by_constraint
    FROM pg_stat_user_indexes idx LEFT JOIN pg_constraint con ON con.conindid = idx.indexrelid WHERE idx.relname IN ('students', 'tasks') AND schemaname = 'public'
    GROUP BY index_name, table_name, schemaname, generated_by_constraint ORDER BY 1`,
  'drizzle-kit push: schemas and roles': `SELECT s.nspname AS table_schema, (SELECT count(rolname) > 0 FROM pg_roles) AS roles FROM pg_catalog.pg_namespace s JOIN pg_catalog.pg_user u ON u.usesysid = s.nspowner
    WHERE nspname NOT IN ('information_schema', 'pg_catalog', 'public') AND nspname NOT LIKE 'pg_toast%' AND nspname NOT LIKE 'pg_temp_%' ORDER BY table_schema`,
  'Sequelize: describeTable': `SELECT pk.constraint_type AS "Constraint", c.column_name AS "Field", c.column_default AS "Default", c.is_nullable AS "Null",
      (CASE WHEN c.udt_name = 'hstore' THEN c.udt_name ELSE c.data_type END) || (CASE WHEN c.character_maximum_length IS NOT NULL THEN '(' || c.character_maximum_length || ')' ELSE '' END) AS "Type",
      (SELECT array_agg(e.enumlabel) FROM pg_catalog.pg_type t JOIN pg_catalog.pg_enum e ON t.oid = e.enumtypid WHERE t.typname = c.udt_name) AS "special",
      (SELECT pgd.description FROM pg_catalog.pg_statio_all_tables AS st INNER JOIN pg_catalog.pg_description pgd ON (pgd.objoid = st.relid) WHERE c.ordinal_position = pgd.objsubid AND c.table_name = st.relname) AS "Comment"
    FROM information_schema.columns c LEFT JOIN (SELECT tc.table_schema, tc.table_name, cu.column_name, tc.constraint_type FROM information_schema.TABLE_CONSTRAINTS tc
        JOIN information_schema.KEY_COLUMN_USAGE cu ON tc.table_schema = cu.table_schema AND tc.table_name = cu.table_name AND tc.constraint_name = cu.constraint_name AND tc.constraint_type = 'PRIMARY KEY') pk
      ON pk.table_schema = c.table_schema AND pk.table_name = c.table_name AND pk.column_name = c.column_name
    WHERE c.table_name = 'students' AND c.table_schema = 'public' ORDER BY 2`,
  'Sequelize: sync({ alter })': `SELECT i.relname AS name, ix.indisprimary AS primary, ix.indisunique AS unique, array_agg(a.attname ORDER BY a.attname) AS column_names, pg_get_indexdef(ix.indexrelid) AS definition
    FROM pg_class t, pg_class i, pg_index ix, pg_attribute a, pg_namespace s WHERE t.oid = ix.indrelid AND i.oid = ix.indexrelid AND a.attrelid = t.oid AND t.relkind = 'r' AND t.relname = 'students'
      AND s.oid = t.relnamespace AND s.nspname = 'public' AND a.attnum = ANY (ix.indkey) GROUP BY i.relname, ix.indexrelid, ix.indisprimary, ix.indisunique, ix.indkey ORDER BY i.relname`,
  'GORM: columns': `SELECT c.column_name, c.is_nullable = 'YES', c.udt_name, c.character_maximum_length, c.numeric_precision, 8 * typlen, c.column_default, pd.description, c.identity_increment
    FROM information_schema.columns AS c JOIN pg_type AS pgt ON c.udt_name = pgt.typname
      LEFT JOIN pg_catalog.pg_description AS pd ON pd.objsubid = c.ordinal_position AND pd.objoid = (SELECT oid FROM pg_catalog.pg_class WHERE relname = c.table_name
        AND relnamespace = (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = c.table_schema))
    WHERE table_catalog = current_database() AND table_schema = CURRENT_SCHEMA() AND table_name = 'students' ORDER BY 1`,
  'GORM: keys': `SELECT constraint_name, c.column_name, constraint_type FROM information_schema.table_constraints tc
      JOIN information_schema.constraint_column_usage AS ccu USING (constraint_schema, constraint_catalog, table_name, constraint_name)
      JOIN information_schema.columns AS c ON c.table_schema = tc.constraint_schema AND tc.table_name = c.table_name AND ccu.column_name = c.column_name
    WHERE constraint_type IN ('PRIMARY KEY', 'UNIQUE') AND c.table_schema = CURRENT_SCHEMA() AND tc.table_name = 'classes' ORDER BY 1, 2`,
  'kysely-codegen: domains': `with recursive domains as (select typ.oid, typ.typname, typ.typbasetype, ns.nspname, typ.oid as root from pg_catalog.pg_type typ join pg_catalog.pg_namespace ns on ns.oid = typ.typnamespace
        where typ.typtype = 'd' and ns.nspname = 'public'
      union all select parent.oid, parent.typname, parent.typbasetype, ns.nspname, domains.root from pg_catalog.pg_type parent join domains on domains.typbasetype = parent.oid join pg_catalog.pg_namespace ns on ns.oid = parent.typnamespace)
    select typname, nspname from domains order by 1`,
  'Liquibase: sequences': `SELECT c.relname AS SEQUENCE_NAME, s.seqmin AS MIN_VALUE, s.seqmax AS MAX_VALUE, s.seqincrement AS INCREMENT_BY, s.seqcycle AS WILL_CYCLE, s.seqstart AS START_VALUE,
      s.seqcache AS CACHE_SIZE, pg_catalog.format_type(s.seqtypid, NULL) AS SEQ_TYPE FROM pg_class c JOIN pg_namespace ns ON c.relnamespace = ns.oid JOIN pg_sequence s ON c.oid = s.seqrelid
    WHERE c.relkind = 'S' AND ns.nspname = 'public' AND c.oid NOT IN (SELECT d.objid FROM pg_depend d WHERE d.refobjsubid > 0 AND d.deptype IN ('a', 'i')) ORDER BY 1`,
  'Liquibase: unique constraints': `SELECT ct.conname AS constraint_name, a.attname AS column_name, ix.indisunique FROM pg_constraint ct JOIN pg_class c ON c.oid = ct.conrelid JOIN pg_index ix ON ix.indexrelid = ct.conindid
      JOIN pg_attribute a ON a.attrelid = ct.conrelid AND a.attnum = ANY (ct.conkey) WHERE ct.contype = 'u' AND c.relnamespace = ${PUBLIC} ORDER BY 1, 2`,
  'Liquibase: extensions': `SELECT setting FROM pg_settings WHERE name = 'edb_redwood_date'`,
  'sqlx: columns that may be NULL': `SELECT col.idx, pg_attribute.attnotnull FROM (VALUES (0::int4, 'tasks'::regclass::oid::int4, 1::int2), (1::int4, NULL::int4, NULL::int2)) AS col(idx, table_id, col_idx)
      LEFT JOIN pg_catalog.pg_attribute ON table_id IS NOT NULL AND attrelid = table_id AND attnum = col_idx ORDER BY idx`,
  'sqlx: types': `SELECT typname, typtype, typcategory, typrelid, typelem <> 0 AS array, (SELECT count(*) FROM pg_catalog.pg_enum WHERE enumtypid = t.oid) AS labels
    FROM pg_catalog.pg_type t WHERE typname IN ('stage', 'mark', 'int4', '_text') ORDER BY 1`,
  'Hibernate: sequences': `select * from information_schema.sequences where sequence_schema = 'public' order by sequence_name`,
  'pgAdmin: who one is': `SELECT roles.rolname AS name, roles.rolsuper, CASE WHEN 'pg_signal_backend' = ANY (ARRAY(WITH RECURSIVE cte AS (SELECT pg_roles.oid, pg_roles.rolname FROM pg_catalog.pg_roles WHERE pg_roles.oid = roles.oid
        UNION ALL SELECT m.roleid, pgr.rolname FROM cte cte_1 JOIN pg_catalog.pg_auth_members m ON m.member = cte_1.oid JOIN pg_catalog.pg_roles pgr ON pgr.oid = m.roleid) SELECT rolname FROM cte))
      THEN true ELSE false END AS can_signal_backend FROM pg_catalog.pg_roles AS roles WHERE rolname = current_user`,
  'pgAdmin: dashboard': `/*pga4dash*/ SELECT 'session_stats' AS chart_name, pg_catalog.row_to_json(t) IS NOT NULL AS chart_data FROM (SELECT
        (SELECT count(*) FROM pg_catalog.pg_stat_activity WHERE datname = (SELECT datname FROM pg_catalog.pg_database d WHERE d.datname = current_database())) AS "Total",
        (SELECT count(*) FROM pg_catalog.pg_stat_activity WHERE state = 'idle') AS "Idle") t
    UNION ALL SELECT 'tps_stats' AS chart_name, pg_catalog.row_to_json(t) IS NOT NULL AS chart_data FROM (SELECT
        (SELECT sum(xact_commit) + sum(xact_rollback) FROM pg_catalog.pg_stat_database WHERE datname = current_database()) AS "Transactions",
        (SELECT sum(blks_read) FROM pg_catalog.pg_stat_database) AS "Reads") t`,
  'pgAdmin: waits': `SELECT pid, locktype, relation::regclass, mode, granted FROM pg_catalog.pg_locks l WHERE l.pid <> pg_catalog.pg_backend_pid() AND cardinality(pg_catalog.pg_blocking_pids(l.pid)) > 0`,
};

/** By tool. */
export const TOOLS: Readonly<Record<string, Statements>> = {
  DataGrip: DATAGRIP,
  DBeaver: DBEAVER,
  Metabase: METABASE,
  PostgREST: POSTGREST,
  'Prisma, with adapter-pg': PRISMA,
  Npgsql: NPGSQL,
  Grafana: GRAFANA,
  'Power BI': POWER_BI,
  Tableau: TABLEAU,
  jOOQ: JOOQ,
  'drizzle-kit, Sequelize, GORM, kysely-codegen, Liquibase, Hibernate, pgAdmin, sqlx': OTHERS,
};
