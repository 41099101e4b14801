/**
 * Each built-in function of PostgreSQL 14 to 18 has a class here, by its name or by a rule, and each class its reason. A function without a class,
 * such as one of a newer server, may not be called; a test holds the servers' own lists against this table.
 */

export interface FunctionClass {
  readonly allowed: boolean;
  /** Follows "It …" in the client's message. */
  readonly reason: string;
  readonly names: readonly string[];
}

const words = (text: string): string[] => text.split(/\s+/).filter((w) => w !== '');

/** INVARIANT 7: no function of an allowed class executes SQL text, reads files, other sessions or statistics, sleeps, locks or signals. */
export const CLASSES = {
  arguments: {
    allowed: true,
    reason: 'looks at its arguments, the clock and settings of its own session alone',
    names: words(`

abs acos acosd acosh asin asind asinh atan atan2 atan2d atand atanh cbrt ceil ceiling cos cosd cosh cot cotd degrees div erf erfc
exp factorial floor gamma gcd lcm lgamma ln log log10 min_scale mod pi pow power radians random random_normal round scale sign sin
sind sinh sqrt tan tand tanh trim_scale trunc width_bucket to_bin to_hex to_oct to_number
int2 int4 int8 float4 float8 numeric money oid

ascii bit_length btrim casefold char_length character_length chr concat concat_ws convert convert_from convert_to decode encode format
initcap is_normalized left length like like_escape lower lpad ltrim md5 normalize notlike octet_length overlay parse_ident position
quote_ident quote_literal quote_nullable regexp_count regexp_instr regexp_like regexp_match regexp_matches regexp_replace
regexp_split_to_array regexp_split_to_table regexp_substr repeat replace reverse right rpad rtrim similar_escape similar_to_escape
split_part starts_with string_to_array string_to_table strpos substr substring to_ascii translate unicode_assigned unistr upper
bpchar char name text varchar bool bytea

bit bit_count crc32 crc32c get_bit get_byte set_bit set_byte sha224 sha256 sha384 sha512 varbit

age clock_timestamp date date_add date_bin date_part date_subtract date_trunc extract interval isfinite justify_days justify_hours
justify_interval make_date make_interval make_time make_timestamp make_timestamptz now overlaps statement_timestamp time timeofday
timestamp timestamptz timetz timezone to_char to_date to_timestamp transaction_timestamp

array_append array_cat array_dims array_fill array_length array_lower array_ndims array_position array_positions array_prepend
array_remove array_replace array_reverse array_sample array_shuffle array_sort array_to_json array_to_string array_upper cardinality
generate_series generate_subscripts trim_array unnest daterange int4range int8range numrange tsrange tstzrange datemultirange
int4multirange int8multirange nummultirange tsmultirange tstzmultirange isempty lower_inc lower_inf upper_inc upper_inf multirange
range_merge num_nonnulls num_nulls enum_first enum_last enum_range

json_array_elements json_array_elements_text json_array_length json_build_array json_build_object json_each json_each_text
json_extract_path json_extract_path_text json_object json_object_keys json_populate_record json_populate_recordset json_strip_nulls
json_to_record json_to_recordset json_typeof jsonb_array_elements jsonb_array_elements_text jsonb_array_length jsonb_build_array
jsonb_build_object jsonb_each jsonb_each_text jsonb_extract_path jsonb_extract_path_text jsonb_insert jsonb_object jsonb_object_keys
jsonb_path_exists jsonb_path_match jsonb_path_query jsonb_path_query_array jsonb_path_query_first jsonb_populate_record
jsonb_populate_recordset jsonb_pretty jsonb_set jsonb_set_lax jsonb_strip_nulls jsonb_to_record jsonb_to_recordset jsonb_typeof
row_to_json to_json to_jsonb xml xml_is_well_formed xml_is_well_formed_content xml_is_well_formed_document xmlcomment xmlexists
xmltext xpath xpath_exists

array_to_tsvector json_to_tsvector jsonb_to_tsvector numnode phraseto_tsquery plainto_tsquery querytree setweight strip to_tsquery
to_tsvector ts_delete ts_filter ts_headline ts_rank ts_rank_cd tsquery_phrase tsvector_to_array websearch_to_tsquery

abbrev broadcast cidr family host hostmask masklen macaddr macaddr8 macaddr8_set7bit netmask network set_masklen area box center
circle diagonal diameter height isclosed ishorizontal isopen isparallel isperp isvertical line lseg npoints path pclose point polygon
popen radius slope width gen_random_uuid uuid_extract_timestamp uuid_extract_version uuidv4 uuidv7

int2send int4send int8send float4send float8send numeric_send cash_send oidsend boolsend byteasend bit_send varbit_send textsend
varcharsend bpcharsend namesend date_send time_send timetz_send timestamp_send timestamptz_send interval_send uuid_send inet_send
cidr_send macaddr_send macaddr8_send point_send lseg_send path_send box_send poly_send line_send circle_send json_send jsonb_send
jsonpath_send tsvectorsend tsquerysend

any_value array_agg avg bit_and bit_or bit_xor bool_and bool_or corr count covar_pop covar_samp cume_dist dense_rank every first_value
json_agg json_agg_strict json_object_agg json_object_agg_strict json_object_agg_unique json_object_agg_unique_strict jsonb_agg
jsonb_agg_strict jsonb_object_agg jsonb_object_agg_strict jsonb_object_agg_unique jsonb_object_agg_unique_strict lag last_value lead max
min mode nth_value ntile percent_rank percentile_cont percentile_disc range_agg range_intersect_agg rank regr_avgx regr_avgy regr_count
regr_intercept regr_r2 regr_slope regr_sxx regr_sxy regr_syy row_number stddev stddev_pop stddev_samp string_agg sum var_pop var_samp
variance xmlagg

pg_typeof pg_column_size pg_collation_for pg_encoding_to_char pg_char_to_encoding pg_size_pretty pg_size_bytes nameconcatoid
aclexplode pg_options_to_table
cash_words dexp dlog1 dlog10 dround dtrunc int4inc int8_sum numeric_div_trunc numeric_exp numeric_inc numeric_ln numeric_log numeric_sqrt textlen
pg_lsn pg_wal_lsn_diff pg_split_walfile_name xid icu_unicode_version unicode_version pg_encoding_max_length pg_indexam_progress_phasename
pg_snapshot_xip pg_snapshot_xmax pg_snapshot_xmin pg_visible_in_snapshot txid_snapshot_xip txid_snapshot_xmax txid_snapshot_xmin txid_visible_in_snapshot
daterange_canonical int4range_canonical int8range_canonical daterange_subdiff int4range_subdiff int8range_subdiff numrange_subdiff tsrange_subdiff tstzrange_subdiff
jsonb_path_exists_tz jsonb_path_match_tz jsonb_path_query_array_tz jsonb_path_query_first_tz jsonb_path_query_tz jsonb_populate_record_valid
ts_debug ts_lexize ts_rewrite xmlvalidate pg_column_compression gist_translate_cmptype_common
`),
  },
  steps: {
    allowed: true,
    reason: 'is a step of an allowed aggregate, or compares or hashes two values as sorting and grouping do',
    names: words(`
any_value_transfn array_larger array_smaller booland_statefunc boolor_statefunc bpchar_larger bpchar_smaller bytea_larger bytea_smaller
cashlarger cashsmaller date_larger date_smaller enum_larger enum_smaller float4_accum float4larger float4smaller float8_accum float8_avg
float8_combine float8_corr float8_covar_pop float8_covar_samp float8_regr_accum float8_regr_avgx float8_regr_avgy float8_regr_combine
float8_regr_intercept float8_regr_r2 float8_regr_slope float8_regr_sxx float8_regr_sxy float8_regr_syy float8_stddev_pop float8_stddev_samp
float8_var_pop float8_var_samp float8larger float8smaller int2_avg_accum int2_avg_accum_inv int2_sum int2int4_sum int2larger int2smaller
int4_avg_accum int4_avg_accum_inv int4_avg_combine int4_sum int4larger int4smaller int8_avg int8dec int8dec_any int8inc int8inc_any
int8inc_float8_float8 int8larger int8smaller interval_accum interval_accum_inv interval_avg interval_combine interval_larger
interval_smaller multirange_intersect_agg_transfn network_larger network_smaller numeric_larger numeric_smaller oidlarger oidsmaller
pg_lsn_larger pg_lsn_smaller range_intersect_agg_transfn record_larger record_smaller text_larger text_smaller tidlarger tidsmaller
time_larger time_smaller timestamp_larger timestamp_smaller timestamptz_larger timestamptz_smaller timetz_larger timetz_smaller xid8_larger
xid8_smaller xmlconcat2

bitcmp bound_box bpcharcmp btarraycmp btboolcmp btbpchar_pattern_cmp btcharcmp btfloat48cmp btfloat4cmp btfloat84cmp btfloat8cmp btint24cmp
btint28cmp btint2cmp btint42cmp btint48cmp btint4cmp btint82cmp btint84cmp btint8cmp btnamecmp btnametextcmp btoidcmp btoidvectorcmp
btrecordcmp btrecordimagecmp bttext_pattern_cmp bttextcmp bttextnamecmp bttidcmp byteacmp cash_cmp date_cmp date_cmp_timestamp
date_cmp_timestamptz enum_cmp gin_cmp_tslexeme gin_compare_jsonb hash_aclitem hash_aclitem_extended hash_array hash_array_extended
hash_multirange hash_multirange_extended hash_numeric hash_numeric_extended hash_range hash_range_extended hash_record hash_record_extended
hashbool hashboolextended hashbpchar hashbpcharextended hashbytea hashbyteaextended hashchar hashcharextended hashcid hashcidextended
hashdate hashdateextended hashenum hashenumextended hashfloat4 hashfloat4extended hashfloat8 hashfloat8extended hashinet hashinetextended
hashint2 hashint2extended hashint4 hashint4extended hashint8 hashint8extended hashmacaddr hashmacaddr8 hashmacaddr8extended
hashmacaddrextended hashname hashnameextended hashoid hashoidextended hashoidvector hashoidvectorextended hashtext hashtextextended hashtid
hashtidextended hashxid hashxid8 hashxid8extended hashxidextended in_range inet_merge inet_same_family interval_cmp interval_hash
interval_hash_extended jsonb_cmp jsonb_hash jsonb_hash_extended macaddr8_cmp macaddr_cmp multirange_cmp network_cmp numeric_cmp pg_lsn_cmp
pg_lsn_hash pg_lsn_hash_extended range_cmp spg_poly_quad_compress time_cmp time_hash time_hash_extended timestamp_cmp timestamp_cmp_date
timestamp_cmp_timestamptz timestamp_hash timestamp_hash_extended timestamptz_cmp timestamptz_cmp_date timestamptz_cmp_timestamp
timestamptz_hash timestamptz_hash_extended timetz_cmp timetz_hash timetz_hash_extended tsquery_cmp tsvector_cmp uuid_cmp uuid_hash
uuid_hash_extended varbitcmp xid8cmp
`),
  },
  operators: {
    allowed: true,
    reason: 'is what an operator of the server runs, and each of those may be used',
    names: [],
  },
  server: {
    allowed: true,
    reason: 'tells of the server or of its own session what is the same whatever the tables hold',
    names: words(`
current_database current_schema current_schemas current_user session_user version pg_backend_pid pg_client_encoding pg_is_in_recovery
pg_my_temp_schema pg_get_keywords pg_advisory_unlock_all getdatabaseencoding pg_timezone_names pg_timezone_abbrevs pg_timezone_abbrevs_abbrevs pg_timezone_abbrevs_zone
get_current_ts_config getpgusername pg_conf_load_time pg_postmaster_start_time pg_trigger_depth pg_jit_available pg_numa_available pg_listening_channels
`),
  },
  catalogs: {
    allowed: true,
    reason: 'answers from the catalogs, and is asked only for what the role finds there',
    names: words(`
format_type oidvectortypes pg_is_other_temp_schema pg_get_expr pg_get_indexdef pg_get_constraintdef pg_get_viewdef pg_get_serial_sequence
pg_get_userbyid pg_get_function_arguments pg_get_function_identity_arguments pg_get_function_result pg_get_function_arg_default
pg_get_partkeydef pg_get_triggerdef pg_get_statisticsobjdef pg_get_statisticsobjdef_columns pg_get_partition_constraintdef
pg_partition_ancestors pg_relation_is_publishable pg_relation_is_updatable pg_column_is_updatable pg_tablespace_location pg_table_is_visible
pg_type_is_visible pg_function_is_visible pg_operator_is_visible pg_opclass_is_visible pg_opfamily_is_visible pg_collation_is_visible
pg_conversion_is_visible pg_statistics_obj_is_visible pg_ts_config_is_visible pg_ts_dict_is_visible pg_ts_parser_is_visible
pg_ts_template_is_visible col_description obj_description shobj_description to_regclass to_regtype to_regproc to_regnamespace to_regrole
to_regcollation to_regoper to_regoperator to_regprocedure has_table_privilege has_schema_privilege has_column_privilege
has_any_column_privilege has_database_privilege has_sequence_privilege has_function_privilege pg_has_role pg_get_ruledef
pg_show_all_settings
acldefault pg_basetype has_foreign_data_wrapper_privilege has_language_privilege has_parameter_privilege has_server_privilege has_tablespace_privilege has_type_privilege
pg_get_replica_identity_index pg_get_statisticsobjdef_expressions pg_index_column_has_property pg_index_has_property pg_indexam_has_property pg_partition_root pg_partition_tree
pg_settings_get_flags row_security_active to_regtypemod
`),
  },
  nothing: {
    allowed: true,
    reason: 'tells of rows, other sessions, the server’s own state or objects by OID, and gives NULL or no row',
    names: words(`
pg_relation_size pg_table_size pg_indexes_size pg_total_relation_size pg_database_size pg_tablespace_size
current_query has_largeobject_privilege inet_client_addr inet_client_port inet_server_addr inet_server_port mxid_age pg_column_toast_chunk_id pg_current_snapshot
pg_current_xact_id pg_current_xact_id_if_assigned pg_get_function_sqlbody pg_get_functiondef pg_notification_queue_usage pg_relation_filenode pg_relation_filepath
pg_sequence_last_value pg_current_wal_flush_lsn pg_current_wal_insert_lsn pg_current_wal_lsn pg_is_wal_replay_paused pg_last_wal_receive_lsn pg_last_wal_replay_lsn
pg_last_xact_replay_timestamp pg_get_wal_replay_pause_state system_user txid_current txid_current_if_assigned txid_current_snapshot
pg_describe_object pg_identify_object pg_identify_object_as_address pg_get_object_address pg_filenode_relation pg_get_acl
pg_collation_actual_version pg_database_collation_actual_version pg_sequence_parameters pg_get_sequence_data pg_tablespace_databases pg_get_catalog_foreign_keys
pg_extension_update_paths pg_available_extension_versions pg_available_extensions pg_cursor pg_prepared_statement
pg_blocking_pids pg_safe_snapshot_blocking_pids pg_last_committed_xact pg_xact_commit_timestamp pg_xact_commit_timestamp_origin pg_xact_status txid_status
pg_lock_status pg_prepared_xact pg_get_multixact_members
pg_control_checkpoint pg_control_init pg_control_recovery pg_control_system pg_walfile_name pg_walfile_name_offset pg_get_wal_summarizer_state
pg_available_wal_summaries pg_wal_summary_contents pg_get_replication_slots pg_get_wal_resource_managers pg_get_loaded_modules pg_get_wait_events
pg_is_in_backup pg_backup_start_time
`),
  },
  types: {
    allowed: true,
    reason: 'reads a text as a type that is named in another: as one of the server’s own that holds no names',
    names: words('pg_input_is_valid pg_input_error_info'),
  },
  parsers: {
    allowed: true,
    reason: 'takes the name of a text search parser: that of the server’s own',
    names: words('ts_parse ts_token_type'),
  },
  settings: {
    allowed: true,
    reason: 'reads or changes a setting: of those that SHOW and SET allow',
    names: words('current_setting set_config'),
  },
  sequences: {
    allowed: true,
    reason: 'draws from a sequence: of a table that the role may insert into',
    names: words('currval lastval nextval'),
  },
  uncallable: {
    allowed: false,
    reason: 'is called by the server alone',
    names: words(`
amvalidate fmgr_c_validator fmgr_internal_validator fmgr_sql_validator plpgsql_validator postgresql_fdw_validator btequalimage btvarstrequalimage
pg_event_trigger_ddl_commands pg_event_trigger_dropped_objects pg_event_trigger_table_rewrite_oid
pg_event_trigger_table_rewrite_reason pg_extension_config_dump pg_nextoid
`),
  },
  'text forms': {
    allowed: false,
    reason: 'reads or writes the text or binary form of a type: a cast does the same',
    names: words('regclass'),
  },
  'SQL text': {
    allowed: false,
    reason: 'runs SQL text, or reads a relation that it is given by name',
    names: words(`
query_to_xml query_to_xml_and_xmlschema query_to_xmlschema table_to_xml table_to_xml_and_xmlschema table_to_xmlschema schema_to_xml
schema_to_xml_and_xmlschema schema_to_xmlschema database_to_xml database_to_xml_and_xmlschema database_to_xmlschema cursor_to_xml cursor_to_xmlschema
ts_stat currtid2
`),
  },
  objects: {
    allowed: false,
    reason: 'names objects by OID past the catalogs’ row filters',
    names: words(`
makeaclitem pg_get_publication_tables
pg_mcv_list_items satisfies_hash_partition
_pg_index_position
`),
  },
  'other sessions': {
    allowed: false,
    reason: 'tells of statistics, locks or transactions of others, or changes what they are given',
    names: words(`
pg_cancel_backend pg_export_snapshot pg_isolation_test_session_is_blocked 
pg_log_backend_memory_contexts pg_notify pg_terminate_backend setval
pg_get_aios
`),
  },
  waits: {
    allowed: false,
    reason: 'sleeps, takes a lock of an application, or makes what is random predictable',
    names: words(`
pg_sleep pg_sleep_for pg_sleep_until setseed pg_advisory_lock pg_advisory_lock_shared pg_advisory_unlock pg_advisory_unlock_shared pg_advisory_xact_lock
pg_advisory_xact_lock_shared pg_try_advisory_lock pg_try_advisory_lock_shared pg_try_advisory_xact_lock pg_try_advisory_xact_lock_shared
`),
  },
  files: {
    allowed: false,
    reason: 'reads or writes files of the server, or large objects',
    names: words(`
lo_close lo_creat lo_create lo_export lo_from_bytea lo_get lo_import lo_lseek lo_lseek64 lo_open lo_put lo_tell lo_tell64 lo_truncate lo_truncate64 lo_unlink
loread lowrite pg_current_logfile pg_hba_file_rules pg_ident_file_mappings pg_ls_archive_statusdir pg_ls_dir pg_ls_logdir pg_ls_logicalmapdir
pg_ls_logicalsnapdir pg_ls_replslotdir pg_ls_summariesdir pg_ls_tmpdir pg_ls_waldir pg_read_binary_file pg_read_file pg_read_file_old
pg_show_all_file_settings pg_stat_file
`),
  },
  administration: {
    allowed: false,
    reason: 'is for those who run the server: its log, replication, backups, memory, statistics',
    names: words(`
brin_desummarize_range brin_summarize_new_values brin_summarize_range gin_clean_pending_list pg_backup_start
pg_backup_stop pg_clear_attribute_stats pg_clear_relation_stats pg_config 
pg_copy_logical_replication_slot pg_copy_physical_replication_slot pg_create_logical_replication_slot
pg_create_physical_replication_slot pg_create_restore_point pg_drop_replication_slot pg_get_backend_memory_contexts 
pg_get_shmem_allocations pg_get_shmem_allocations_numa 
pg_import_system_collations pg_log_standby_snapshot pg_logical_emit_message
pg_logical_slot_get_binary_changes pg_logical_slot_get_changes pg_logical_slot_peek_binary_changes pg_logical_slot_peek_changes pg_promote pg_reload_conf
pg_replication_origin_advance pg_replication_origin_create pg_replication_origin_drop pg_replication_origin_oid pg_replication_origin_progress
pg_replication_origin_session_is_setup pg_replication_origin_session_progress pg_replication_origin_session_reset pg_replication_origin_session_setup
pg_replication_origin_xact_reset pg_replication_origin_xact_setup pg_replication_slot_advance pg_restore_attribute_stats pg_restore_relation_stats
pg_rotate_logfile pg_rotate_logfile_old pg_show_replication_origin_status pg_start_backup pg_stop_backup pg_stop_making_pinned_objects pg_switch_wal
pg_sync_replication_slots pg_wal_replay_pause pg_wal_replay_resume 
`),
  },
} as const satisfies Record<string, FunctionClass>;

export type FunctionClassName = keyof typeof CLASSES;

/** Overloads of names above, by argument types, that are of another class. */
export const OVERLOADS: Readonly<Record<string, FunctionClassName>> = {
  // Transactions of others: how far they have come.
  'age(28)': 'nothing',
  'ts_rewrite(3615,25)': 'SQL text',
};

/** In information_schema: what its own views and drivers call. */
export const INFORMATION_SCHEMA_FUNCTIONS: ReadonlySet<string> = new Set([
  '_pg_expandarray',
  '_pg_char_max_length',
  '_pg_char_octet_length',
  '_pg_datetime_precision',
  '_pg_interval_type',
  '_pg_numeric_precision',
  '_pg_numeric_precision_radix',
  '_pg_numeric_scale',
  '_pg_truetypid',
  '_pg_truetypmod',
]);

/** Functions of known extensions that read or change more than their arguments. */
export const DENIED: ReadonlySet<string> = new Set(['set_limit', 'show_limit']);
