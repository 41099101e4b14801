/**
 * Columns of the allowed system catalogs, in PostgreSQL 14 to 18, that are shown unchanged in the rows that a role finds. A column that is neither
 * here nor masked by a rule is NULL: new columns of later servers are withheld until they have been reviewed.
 */

export const words = (text: string): ReadonlySet<string> => new Set(text.split(/\s+/));

export const PG_CATALOG_COLUMNS: Readonly<Record<string, ReadonlySet<string>>> = {
  pg_class:
    words(`oid relname relnamespace reltype reloftype relowner relam reltablespace relisshared relpersistence relkind relispopulated
relreplident relrewrite reloptions`),
  pg_attribute:
    words(`attrelid attname atttypid attlen attnum atttypmod attndims attbyval attalign attstorage attcompression attnotnull
atthasmissing attidentity attgenerated attisdropped attcollation attstattarget attoptions attfdwoptions
attcacheoff`),
  pg_attrdef: words('oid adrelid adnum adbin'),
  pg_constraint:
    words(`oid conname connamespace contype condeferrable condeferred conenforced convalidated conrelid contypid conindid conparentid confrelid
confupdtype confdeltype confmatchtype connoinherit conperiod conkey confkey conpfeqop conppeqop conffeqop
confdelsetcols conexclop conbin`),
  pg_index:
    words(`indexrelid indrelid indnatts indnkeyatts indisunique indnullsnotdistinct indisprimary indisexclusion indimmediate indisclustered
indisvalid indcheckxmin indisready indislive indisreplident indkey indcollation indclass indoption indexprs indpred`),
  pg_type:
    words(`oid typname typnamespace typowner typlen typbyval typtype typcategory typispreferred typisdefined typdelim typrelid typsubscript typelem
typarray typinput typoutput typreceive typsend typmodin typmodout typanalyze typalign typstorage typnotnull typbasetype typtypmod
typndims typcollation`),
  pg_enum: words('oid enumtypid enumsortorder enumlabel'),
  pg_range: words('rngtypid rngsubtype rngmultitypid rngcollation rngsubopc'),
  pg_proc:
    words(`oid proname pronamespace proowner prolang procost prorows provariadic prokind prosecdef proleakproof proisstrict proretset provolatile
proparallel pronargs pronargdefaults prorettype proargtypes proallargtypes proargmodes proargnames protrftypes`),
  pg_aggregate:
    words(`aggfnoid aggkind aggnumdirectargs aggtransfn aggfinalfn aggcombinefn aggserialfn aggdeserialfn aggmtransfn aggminvtransfn aggmfinalfn
aggfinalextra aggmfinalextra aggfinalmodify aggmfinalmodify aggsortop aggtranstype aggtransspace aggmtranstype aggmtransspace agginitval
aggminitval`),
  pg_namespace: words('oid nspname nspowner'),
  pg_depend: words('classid objid objsubid refclassid refobjid refobjsubid deptype'),
  pg_description: words('objoid classoid objsubid description'),
  pg_inherits: words('inhrelid inhparent inhseqno inhdetachpending'),
  pg_partitioned_table: words('partrelid partstrat partnatts partdefid partattrs partclass partcollation partexprs'),
  pg_sequence: words('seqrelid seqtypid seqstart seqincrement seqmax seqmin seqcache seqcycle'),
  pg_trigger:
    words(`oid tgrelid tgparentid tgname tgfoid tgtype tgenabled tgisinternal tgconstrrelid tgconstrindid tgconstraint tgdeferrable tginitdeferred
tgnargs tgattr tgargs tgqual tgoldtable tgnewtable`),
  pg_statistic_ext: words('oid stxrelid stxname stxnamespace stxowner stxkeys stxstattarget stxkind stxexprs'),
  pg_rewrite: words('oid rulename ev_class ev_type ev_enabled is_instead'),
  pg_database:
    words(`oid datname datdba encoding datlocprovider datistemplate datallowconn dathasloginevt datconnlimit dattablespace datcollate datctype
datlocale daticurules datcollversion daticulocale datlastsysoid`),
  pg_roles: words('rolname rolpassword oid'),
  pg_user: words('usename usesysid usecreatedb usesuper userepl usebypassrls passwd'),
  pg_settings: words(
    `name setting unit category short_desc extra_desc context vartype source min_val max_val enumvals boot_val reset_val pending_restart`,
  ),
  pg_prepared_statements: words('name prepare_time from_sql'),
  pg_cursors: words('name is_holdable is_binary creation_time'),
  pg_tables: words('schemaname tablename tableowner tablespace'),
  pg_views: words('schemaname viewname viewowner'),
  pg_matviews: words('schemaname matviewname matviewowner tablespace ispopulated'),
  pg_sequences: words(
    `schemaname sequencename sequenceowner data_type start_value min_value max_value increment_by cycle cache_size`,
  ),
  pg_indexes: words('schemaname tablename indexname tablespace indexdef'),
  pg_am: words('oid amname amhandler amtype'),
  pg_amop: words(
    'oid amopfamily amoplefttype amoprighttype amopstrategy amoppurpose amopopr amopmethod amopsortfamily',
  ),
  pg_amproc: words('oid amprocfamily amproclefttype amprocrighttype amprocnum amproc'),
  pg_cast: words('oid castsource casttarget castfunc castcontext castmethod'),
  pg_collation:
    words(`oid collname collnamespace collowner collprovider collisdeterministic collencoding collcollate collctype colllocale collicurules
collversion colliculocale`),
  pg_conversion: words('oid conname connamespace conowner conforencoding contoencoding conproc condefault'),
  pg_extension: words('oid extname extowner extnamespace extrelocatable extversion'),
  pg_language: words('oid lanname lanowner lanispl lanpltrusted lanplcallfoid laninline lanvalidator'),
  pg_opclass: words('oid opcmethod opcname opcnamespace opcowner opcfamily opcintype opcdefault opckeytype'),
  pg_operator: words(
    `oid oprname oprnamespace oprowner oprkind oprcanmerge oprcanhash oprleft oprright oprresult oprcom oprnegate oprcode`,
  ),
  pg_opfamily: words('oid opfmethod opfname opfnamespace opfowner'),
  pg_tablespace: words('oid spcname spcowner'),
  pg_timezone_abbrevs: words('abbrev utc_offset is_dst'),
  pg_timezone_names: words('name abbrev utc_offset is_dst'),
  pg_transform: words('oid trftype trflang trffromsql trftosql'),
  pg_ts_config_map: words('mapcfg maptokentype mapseqno mapdict'),
  pg_replication_origin: words('roident roname'),
  pg_ts_config: words('oid cfgname cfgnamespace cfgowner cfgparser'),
  pg_ts_dict: words('oid dictname dictnamespace dictowner dicttemplate dictinitoption'),
  pg_ts_parser: words('oid prsname prsnamespace prsstart prstoken prsend prsheadline prslextype'),
  pg_ts_template: words('oid tmplname tmplnamespace tmplinit tmpllexize'),
  pg_auth_members: words('oid roleid member grantor admin_option inherit_option set_option'),
  pg_db_role_setting: words('setdatabase setrole setconfig'),
  pg_default_acl: words('oid defaclrole defaclnamespace defaclobjtype defaclacl'),
  pg_event_trigger: words('oid evtname evtevent evtowner evtfoid evtenabled evttags'),
  pg_foreign_data_wrapper: words('oid fdwname fdwowner fdwhandler fdwvalidator fdwacl'),
  pg_foreign_server: words('oid srvname srvowner srvfdw srvtype srvversion srvacl'),
  pg_foreign_table: words('ftrelid ftserver'),
  pg_group: words('groname grosysid grolist'),
  pg_largeobject_metadata: words('oid lomowner lomacl'),
  pg_policies: words('schemaname tablename policyname permissive roles cmd qual with_check'),
  pg_policy: words('oid polname polrelid polcmd polpermissive polroles polqual polwithcheck'),
  pg_publication: words(
    `oid pubname pubowner puballtables pubinsert pubupdate pubdelete pubtruncate pubviaroot pubgencols`,
  ),
  pg_publication_namespace: words('oid pnpubid pnnspid'),
  pg_publication_rel: words('oid prpubid prrelid prqual prattrs'),
  pg_publication_tables: words('pubname schemaname tablename attnames rowfilter'),
  pg_rules: words('schemaname tablename rulename definition'),
  pg_seclabel: words('objoid classoid objsubid provider label'),
  pg_seclabels: words('objoid classoid objsubid objtype objnamespace objname provider label'),
  pg_shdepend: words('dbid classid objid objsubid refclassid refobjid deptype'),
  pg_shdescription: words('objoid classoid description'),
  pg_shseclabel: words('objoid classoid provider label'),
  pg_available_extensions: words('name default_version installed_version comment'),
  pg_stat_gssapi: words('pid gss_authenticated principal encrypted credentials_delegated'),
  pg_subscription: words(
    `oid subdbid subname subowner subenabled subbinary substream subtwophasestate subdisableonerr subpasswordrequired subrunasowner subfailover`,
  ),
  pg_subscription_rel: words('srsubid srrelid'),
};

export const INFORMATION_SCHEMA_COLUMNS: Readonly<Record<string, ReadonlySet<string>>> = {
  information_schema_catalog_name: words('catalog_name'),
  sql_features: words('feature_id feature_name sub_feature_id sub_feature_name is_supported is_verified_by comments'),
  sql_implementation_info: words(
    'implementation_info_id implementation_info_name integer_value character_value comments',
  ),
  sql_sizing: words('sizing_id sizing_name supported_value comments'),
  character_sets: words(
    `character_set_catalog character_set_schema character_set_name character_repertoire form_of_use`,
  ),
  collations: words('collation_catalog collation_schema collation_name pad_attribute'),
  enabled_roles: words('role_name'),
  applicable_roles: words('grantee role_name is_grantable'),
  schemata: words(
    `catalog_name schema_name schema_owner default_character_set_catalog default_character_set_schema default_character_set_name sql_path`,
  ),
  tables:
    words(`table_catalog table_schema table_name table_type self_referencing_column_name reference_generation user_defined_type_catalog
user_defined_type_schema user_defined_type_name is_insertable_into is_typed commit_action`),
  columns:
    words(`table_catalog table_schema table_name column_name ordinal_position is_nullable data_type character_maximum_length character_octet_length
numeric_precision numeric_precision_radix numeric_scale datetime_precision interval_type interval_precision character_set_catalog
character_set_schema character_set_name collation_catalog collation_schema collation_name domain_catalog domain_schema domain_name
udt_catalog udt_schema udt_name scope_catalog scope_schema scope_name maximum_cardinality dtd_identifier is_self_referencing is_identity
identity_generation identity_start identity_increment identity_maximum identity_minimum identity_cycle is_generated is_updatable`),
  views:
    words(`table_catalog table_schema table_name check_option is_updatable is_insertable_into is_trigger_updatable is_trigger_deletable
is_trigger_insertable_into`),
  table_privileges: words(
    `grantor grantee table_catalog table_schema table_name privilege_type is_grantable with_hierarchy`,
  ),
  role_table_grants: words(
    `grantor grantee table_catalog table_schema table_name privilege_type is_grantable with_hierarchy`,
  ),
  column_privileges: words(
    `grantor grantee table_catalog table_schema table_name column_name privilege_type is_grantable`,
  ),
  role_column_grants: words(
    `grantor grantee table_catalog table_schema table_name column_name privilege_type is_grantable`,
  ),
  table_constraints:
    words(`constraint_catalog constraint_schema constraint_name table_catalog table_schema table_name constraint_type is_deferrable
initially_deferred enforced nulls_distinct`),
  key_column_usage:
    words(`constraint_catalog constraint_schema constraint_name table_catalog table_schema table_name column_name ordinal_position
position_in_unique_constraint`),
  constraint_column_usage: words(
    `table_catalog table_schema table_name column_name constraint_catalog constraint_schema constraint_name`,
  ),
  constraint_table_usage: words(
    `table_catalog table_schema table_name constraint_catalog constraint_schema constraint_name`,
  ),
  referential_constraints:
    words(`constraint_catalog constraint_schema constraint_name unique_constraint_catalog unique_constraint_schema unique_constraint_name
match_option update_rule delete_rule`),
  check_constraints: words('constraint_catalog constraint_schema constraint_name check_clause'),
  sequences:
    words(`sequence_catalog sequence_schema sequence_name data_type numeric_precision numeric_precision_radix numeric_scale start_value
minimum_value maximum_value increment cycle_option`),
  domains:
    words(`domain_catalog domain_schema domain_name data_type character_maximum_length character_octet_length character_set_catalog
character_set_schema character_set_name collation_catalog collation_schema collation_name numeric_precision numeric_precision_radix
numeric_scale datetime_precision interval_type interval_precision udt_catalog udt_schema udt_name scope_catalog scope_schema scope_name
maximum_cardinality dtd_identifier`),
  domain_constraints: words(
    `constraint_catalog constraint_schema constraint_name domain_catalog domain_schema domain_name is_deferrable initially_deferred`,
  ),
  user_defined_types:
    words(`user_defined_type_catalog user_defined_type_schema user_defined_type_name user_defined_type_category is_instantiable is_final
ordering_form ordering_category ordering_routine_catalog ordering_routine_schema ordering_routine_name reference_type data_type
character_maximum_length character_octet_length character_set_catalog character_set_schema character_set_name collation_catalog
collation_schema collation_name numeric_precision numeric_precision_radix numeric_scale datetime_precision interval_type
interval_precision source_dtd_identifier ref_dtd_identifier`),
  attributes:
    words(`udt_catalog udt_schema udt_name attribute_name ordinal_position is_nullable data_type character_maximum_length character_octet_length
character_set_catalog character_set_schema character_set_name collation_catalog collation_schema collation_name numeric_precision
numeric_precision_radix numeric_scale datetime_precision interval_type interval_precision attribute_udt_catalog attribute_udt_schema
attribute_udt_name scope_catalog scope_schema scope_name maximum_cardinality dtd_identifier is_derived_reference_attribute`),
  element_types:
    words(`object_catalog object_schema object_name object_type collection_type_identifier data_type character_maximum_length
character_octet_length character_set_catalog character_set_schema character_set_name collation_catalog collation_schema collation_name
numeric_precision numeric_precision_radix numeric_scale datetime_precision interval_type interval_precision udt_catalog udt_schema
udt_name scope_catalog scope_schema scope_name maximum_cardinality dtd_identifier domain_default`),
  routines:
    words(`specific_catalog specific_schema specific_name routine_catalog routine_schema routine_name routine_type module_catalog module_schema
module_name udt_catalog udt_schema udt_name data_type character_maximum_length character_octet_length character_set_catalog
character_set_schema character_set_name collation_catalog collation_schema collation_name numeric_precision numeric_precision_radix
numeric_scale datetime_precision interval_type interval_precision type_udt_catalog type_udt_schema type_udt_name scope_catalog
scope_schema scope_name maximum_cardinality dtd_identifier routine_body external_name external_language parameter_style is_deterministic
sql_data_access is_null_call sql_path schema_level_routine max_dynamic_result_sets is_user_defined_cast is_implicitly_invocable
security_type to_sql_specific_catalog to_sql_specific_schema to_sql_specific_name as_locator created last_altered new_savepoint_level
is_udt_dependent result_cast_from_data_type result_cast_as_locator result_cast_char_max_length result_cast_char_octet_length
result_cast_char_set_catalog result_cast_char_set_schema result_cast_char_set_name result_cast_collation_catalog
result_cast_collation_schema result_cast_collation_name result_cast_numeric_precision result_cast_numeric_precision_radix
result_cast_numeric_scale result_cast_datetime_precision result_cast_interval_type result_cast_interval_precision
result_cast_type_udt_catalog result_cast_type_udt_schema result_cast_type_udt_name result_cast_scope_catalog result_cast_scope_schema
result_cast_scope_name result_cast_maximum_cardinality result_cast_dtd_identifier`),
  parameters:
    words(`specific_catalog specific_schema specific_name ordinal_position parameter_mode is_result as_locator parameter_name data_type
character_maximum_length character_octet_length character_set_catalog character_set_schema character_set_name collation_catalog
collation_schema collation_name numeric_precision numeric_precision_radix numeric_scale datetime_precision interval_type
interval_precision udt_catalog udt_schema udt_name scope_catalog scope_schema scope_name maximum_cardinality dtd_identifier`),
  triggers:
    words(`trigger_catalog trigger_schema trigger_name event_manipulation event_object_catalog event_object_schema event_object_table action_order
action_condition action_statement action_orientation action_timing action_reference_old_table action_reference_new_table
action_reference_old_row action_reference_new_row created`),
};
