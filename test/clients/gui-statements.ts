/** Statements of administration tools for their trees and tabs: in our own words, over the catalogs, columns and functions that such tools use. */

/** A tree of the kind that shows databases, schemas and their objects, with a tab for each object's definition. */
export const TREE: Readonly<Record<string, string>> = {
  connection: `SELECT current_database() AS db, current_user AS me, version() AS server, pg_is_in_recovery() AS standby,
      has_database_privilege(current_database(), 'CREATE') AS can_create, current_setting('server_version_num') AS number`,
  databases: `SELECT d.datname, d.datistemplate, d.datallowconn, pg_get_userbyid(d.datdba) AS owner, pg_encoding_to_char(d.encoding) AS enc,
      d.datcollate, t.spcname, pg_size_pretty(pg_database_size(d.oid)) IS NOT NULL AS sized, shobj_description(d.oid, 'pg_database') AS about
    FROM pg_database d LEFT JOIN pg_tablespace t ON t.oid = d.dattablespace WHERE d.datname = current_database()`,
  schemas: `SELECT n.nspname, pg_get_userbyid(n.nspowner) AS owner, obj_description(n.oid, 'pg_namespace') AS about,
      has_schema_privilege(n.oid, 'USAGE') AS usable FROM pg_namespace n
    WHERE n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema' ORDER BY 1`,
  tables: `SELECT c.relname, c.relkind, pg_get_userbyid(c.relowner) AS owner, c.relpersistence, c.relispartition, c.relhassubclass,
      obj_description(c.oid, 'pg_class') AS about, t.spcname, am.amname, c.reloptions, pg_get_partkeydef(c.oid) AS partitioned
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace LEFT JOIN pg_tablespace t ON t.oid = c.reltablespace
      LEFT JOIN pg_am am ON am.oid = c.relam
    WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p', 'f') ORDER BY 1`,
  columns: `SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod) AS type, a.attnotnull, a.attidentity, a.attgenerated,
      pg_get_expr(d.adbin, d.adrelid) AS def, CASE WHEN co.collname <> 'default' THEN co.collname END AS coll,
      col_description(a.attrelid, a.attnum) AS about, t.typname, tn.nspname AS type_schema, a.attstorage
    FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
      JOIN pg_type t ON t.oid = a.atttypid JOIN pg_namespace tn ON tn.oid = t.typnamespace
      LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum LEFT JOIN pg_collation co ON co.oid = a.attcollation
    WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p', 'v', 'm') AND a.attnum > 0 AND NOT a.attisdropped ORDER BY 1, 2`,
  constraints: `SELECT k.conname, k.contype, k.conrelid::regclass::text AS on_table, CASE WHEN k.confrelid <> 0 THEN k.confrelid::regclass::text END AS to_table,
      pg_get_constraintdef(k.oid, true) AS def, k.condeferrable, k.convalidated, k.confupdtype, k.confdeltype,
      obj_description(k.oid, 'pg_constraint') AS about, (SELECT array_agg(a.attname ORDER BY a.attname) FROM pg_attribute a
        WHERE a.attrelid = k.conrelid AND a.attnum = ANY (k.conkey)) AS keys
    FROM pg_constraint k JOIN pg_namespace n ON n.oid = k.connamespace WHERE n.nspname = 'public' AND k.contype <> 'n' ORDER BY 1, 3`,
  indexes: `SELECT ic.relname, i.indrelid::regclass::text AS on_table, i.indisunique, i.indisprimary, i.indisvalid, am.amname,
      pg_get_indexdef(i.indexrelid) AS def, pg_get_expr(i.indpred, i.indrelid, true) AS pred, pg_get_indexdef(i.indexrelid, 1, true) AS first
    FROM pg_index i JOIN pg_class ic ON ic.oid = i.indexrelid JOIN pg_namespace n ON n.oid = ic.relnamespace JOIN pg_am am ON am.oid = ic.relam
    WHERE n.nspname = 'public' ORDER BY 1`,
  triggers: `SELECT t.tgname, t.tgrelid::regclass::text AS on_table, t.tgenabled, pg_get_triggerdef(t.oid, true) AS def, p.proname
    FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid WHERE NOT t.tgisinternal ORDER BY 1`,
  sequences: `SELECT c.relname, s.seqtypid::regtype::text AS type, s.seqstart, s.seqincrement, s.seqcycle, pg_get_userbyid(c.relowner) AS owner,
      d.refobjid::regclass::text AS of_table, a.attname AS of_column
    FROM pg_sequence s JOIN pg_class c ON c.oid = s.seqrelid JOIN pg_namespace n ON n.oid = c.relnamespace
      LEFT JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')
      LEFT JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
    WHERE n.nspname = 'public' ORDER BY 1`,
  views: `SELECT c.relname, c.relkind, pg_get_viewdef(c.oid, true) AS def, pg_get_userbyid(c.relowner) AS owner, obj_description(c.oid) AS about
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'public' AND c.relkind IN ('v', 'm') ORDER BY 1`,
  functions: `SELECT p.proname, p.prokind, l.lanname, pg_get_function_arguments(p.oid) AS args, pg_get_function_identity_arguments(p.oid) AS ident,
      pg_get_function_result(p.oid) AS result, p.provolatile, p.prosecdef, obj_description(p.oid, 'pg_proc') AS about
    FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace JOIN pg_language l ON l.oid = p.prolang WHERE n.nspname = 'public' ORDER BY 1`,
  types: `SELECT t.typname, t.typtype, format_type(t.oid, NULL) AS shown, t.typbasetype::regtype::text AS base,
      (SELECT array_agg(e.enumlabel ORDER BY e.enumsortorder) FROM pg_enum e WHERE e.enumtypid = t.oid) AS labels
    FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace WHERE n.nspname = 'public' AND t.typtype IN ('e', 'd') ORDER BY 1`,
  partitions: `SELECT i.inhparent::regclass::text AS parent, c.relname, pg_get_expr(c.relpartbound, c.oid) AS bound
    FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid ORDER BY 1, 2`,
  dependencies: `SELECT DISTINCT CASE d.classid WHEN 'pg_class'::regclass THEN d.objid::regclass::text END AS object,
      CASE d.refclassid WHEN 'pg_class'::regclass THEN d.refobjid::regclass::text END AS needs, d.deptype
    FROM pg_depend d JOIN pg_class o ON o.oid = d.objid AND o.relnamespace = 'public'::regnamespace WHERE d.objid >= 16384 AND d.refobjid >= 16384 AND d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass ORDER BY 1, 2, 3`,
  roles: `SELECT r.rolname, r.rolcanlogin, r.rolsuper, shobj_description(r.oid, 'pg_authid') AS about,
      (SELECT array_agg(m.roleid::regrole::text) FROM pg_auth_members m WHERE m.member = r.oid) AS in_roles FROM pg_roles r ORDER BY 1`,
  rules: `SELECT r.rulename, r.ev_class::regclass::text AS on_table, pg_get_ruledef(r.oid, true) IS NOT NULL AS def FROM pg_rewrite r
    WHERE r.rulename <> '_RETURN' AND r.ev_class >= 16384 ORDER BY 1`,
  policies: `SELECT p.polname, p.polrelid::regclass::text, pg_get_expr(p.polqual, p.polrelid) FROM pg_policy p`,
  extensions: `SELECT e.extname, e.extversion, n.nspname FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace ORDER BY 1`,
  rights: `SELECT c.relname, a.privilege_type, pg_get_userbyid(a.grantor) AS by FROM pg_class c CROSS JOIN LATERAL aclexplode(c.relacl) a
    JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'public' AND pg_get_userbyid(a.grantee) = current_user ORDER BY 1, 2, 3`,
  'settings at login': `SELECT set_config('bytea_output', 'hex', false) FROM pg_show_all_settings() WHERE name = 'bytea_output'`,
  'settings with an alias': `SELECT s.name, s.vartype FROM pg_catalog.pg_show_all_settings() AS s WHERE s.name IN ('TimeZone', 'server_version') ORDER BY 1`,
  'a setting by a name of the catalog': `SELECT name, current_setting(name) = setting AS same FROM pg_settings WHERE name IN ('TimeZone', 'max_index_keys') ORDER BY 1`,
  'tables and their counters': `SELECT st.relname, pg_stat_all_tables.relid = st.relid AS same FROM pg_statio_all_tables st
      JOIN pg_stat_all_tables USING (relid) WHERE st.schemaname = 'public' ORDER BY 1`,
  locks: `SELECT l.locktype FROM pg_locks l WHERE l.granted IS NULL`,
  'prepared transactions': `SELECT gid, prepared, owner FROM pg_prepared_xacts`,
  'foreign data': `SELECT w.fdwname, w.fdwoptions, s.srvoptions FROM pg_foreign_data_wrapper w LEFT JOIN pg_foreign_server s ON s.srvfdw = w.oid`,
  sessions: `SELECT count(*) AS own FROM pg_stat_activity WHERE pid = pg_backend_pid() AND datname = current_database()`,
  'names with numbers': `SELECT nameconcatoid(proname, oid) FROM pg_proc WHERE proname = 'upper' AND oid < 16384 ORDER BY 1`,
  statistics: `SELECT s.stxname, pg_get_statisticsobjdef(s.oid) AS def FROM pg_statistic_ext s ORDER BY 1`,
};

/** A navigator of the other kind: it goes through schemas by OID, asks with parameters, and the information schema for the rest. */
export const NAVIGATOR: Readonly<Record<string, string>> = {
  session: `SELECT current_schema() AS schema, session_user AS login, current_schemas(true) AS path, getdatabaseencoding() AS enc`,
  'schemas by oid': `SELECT n.oid > 0 AS known, n.nspname, d.description FROM pg_catalog.pg_namespace n
      LEFT OUTER JOIN pg_catalog.pg_description d ON d.objoid = n.oid AND d.objsubid = 0 AND d.classoid = 'pg_namespace'::regclass
    WHERE n.nspname !~ '^pg_(toast|temp)' AND n.nspname NOT IN ('pg_catalog', 'information_schema') ORDER BY n.nspname`,
  relations: `SELECT c.relname, c.relkind, d.description, pg_catalog.pg_get_expr(c.relpartbound, c.oid) AS bound
    FROM pg_catalog.pg_class c LEFT OUTER JOIN pg_catalog.pg_description d ON d.objoid = c.oid AND d.objsubid = 0 AND d.classoid = 'pg_class'::regclass
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind NOT IN ('i', 'I', 'c') ORDER BY c.relname`,
  attributes: `SELECT c.relname, a.attname, a.atttypid::regtype::text AS type, pg_catalog.pg_get_expr(ad.adbin, ad.adrelid, true) AS def,
      dsc.description, dep.objid IS NOT NULL AS serial FROM pg_catalog.pg_attribute a
      INNER JOIN pg_catalog.pg_class c ON a.attrelid = c.oid
      LEFT OUTER JOIN pg_catalog.pg_attrdef ad ON a.attrelid = ad.adrelid AND a.attnum = ad.adnum
      LEFT OUTER JOIN pg_catalog.pg_description dsc ON c.oid = dsc.objoid AND a.attnum = dsc.objsubid AND dsc.classoid = 'pg_class'::regclass
      LEFT OUTER JOIN pg_catalog.pg_depend dep ON dep.refobjid = a.attrelid AND dep.deptype IN ('i', 'a') AND dep.refobjsubid = a.attnum
        AND dep.classid = 'pg_class'::regclass AND dep.objid IN (SELECT s.seqrelid FROM pg_catalog.pg_sequence s)
    WHERE NOT a.attisdropped AND a.attnum > 0 AND c.relkind IN ('r', 'p') AND c.relnamespace = 'public'::regnamespace ORDER BY 1, 2`,
  sizes: `SELECT c.relname, pg_catalog.pg_total_relation_size(c.oid) > 0 AS sized, pg_catalog.pg_relation_size(c.oid) > 0 AS held FROM pg_catalog.pg_class c
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' ORDER BY 1`,
  keys: `SELECT k.conname, k.contype, pg_catalog.pg_get_constraintdef(k.oid) AS def, t.relname, r.relname AS refers FROM pg_catalog.pg_constraint k
      INNER JOIN pg_catalog.pg_class t ON t.oid = k.conrelid LEFT JOIN pg_catalog.pg_class r ON r.oid = k.confrelid
    WHERE t.relnamespace = 'public'::regnamespace AND k.contype <> 'n' ORDER BY 1, 4`,
  'index columns': `SELECT c.relname, a.attname, i.indkey::text IS NOT NULL AS keyed, pg_catalog.pg_get_indexdef(i.indexrelid, a.attnum, false) AS part
    FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid
    WHERE c.relnamespace = 'public'::regnamespace ORDER BY 1, 2`,
  'index columns by place': `SELECT i.relname, (i.keys).n AS place, trim(both '"' from pg_catalog.pg_get_indexdef(i.oid, (i.keys).n, false)) AS part
    FROM (SELECT c.relname, x.indexrelid AS oid, information_schema._pg_expandarray(x.indkey) AS keys FROM pg_catalog.pg_index x
      JOIN pg_catalog.pg_class c ON c.oid = x.indexrelid WHERE c.relnamespace = 'public'::regnamespace) i ORDER BY 1, 2`,
  'view text': `SELECT table_name, view_definition, is_updatable FROM information_schema.views WHERE table_schema = 'public' ORDER BY 1`,
  'columns by name': `SELECT table_name, column_name, data_type, column_default, is_nullable, is_identity, is_generated, generation_expression
    FROM information_schema.columns WHERE table_schema = 'public' ORDER BY 1, 2`,
  'constraints by name': `SELECT tc.table_name, tc.constraint_name, tc.constraint_type, kcu.column_name, rc.update_rule
    FROM information_schema.table_constraints tc
      LEFT JOIN information_schema.key_column_usage kcu ON kcu.constraint_schema = tc.constraint_schema AND kcu.constraint_name = tc.constraint_name AND kcu.table_name = tc.table_name
      LEFT JOIN information_schema.referential_constraints rc ON rc.constraint_schema = tc.constraint_schema AND rc.constraint_name = tc.constraint_name
    WHERE tc.table_schema = 'public' AND tc.constraint_type <> 'CHECK' ORDER BY 1, 2, 4`,
  routines: `SELECT routine_name, data_type, routine_definition IS NULL AS unsaid FROM information_schema.routines WHERE routine_schema = 'public' ORDER BY 1`,
  'rights by name': `SELECT table_name, privilege_type FROM information_schema.role_table_grants WHERE table_schema = 'public' AND grantee = current_user ORDER BY 1, 2`,
  'data types': `SELECT t.typname, t.typcategory, format_type(nullif(t.typbasetype, 0), t.typtypmod) AS base, d.description FROM pg_catalog.pg_type t
      LEFT OUTER JOIN pg_catalog.pg_description d ON t.oid = d.objoid AND d.classoid = 'pg_type'::regclass
      LEFT OUTER JOIN pg_catalog.pg_class c ON c.oid = t.typrelid
    WHERE t.typnamespace = 'public'::regnamespace AND (c.relkind IS NULL OR c.relkind = 'c') AND t.typcategory <> 'A' ORDER BY 1`,
  'event triggers': `SELECT evtname FROM pg_event_trigger`,
  labels: `SELECT provider, label FROM pg_seclabels`,
  settings: `SELECT name FROM pg_settings WHERE name IN ('TimeZone', 'server_version') ORDER BY 1`,
};

/** Where a copy that holds only what was granted says more on purpose. */
export const DIFFERENT: Readonly<Record<string, string>> = {
  sizes: 'sizes move with rows that are hidden',
  'indexes and their sizes': 'sizes, again',
  'views and their bases': 'rules are not shown',
  'the current transaction': 'it tells of others',
  'oldest transaction': 'that of any client of the server, in the copy',
  'tables and how many rows': 'sizes, again',
  'functions and their bodies': 'bodies are not shown',
  databases: 'sizes, again',
  roles: 'comments and memberships are the DBA’s',
  routines: 'bodies are not shown',
};
