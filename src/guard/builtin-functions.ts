/** Built-in functions that a restricted role may call: they read and write nothing beyond their arguments, or answer from the allowed catalogs. */

const words = (text: string): string[] => text.split(/\s+/).filter((w) => w !== '');

/** Names in pg_catalog. INVARIANT 7: no function of any of these names executes SQL text, reads files, other sessions or statistics, sleeps, locks or signals. */
export const BUILTINS: ReadonlySet<string> = new Set(
  words(`

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

abbrev broadcast cidr family host hostmask inet masklen macaddr macaddr8 macaddr8_set7bit netmask network set_masklen area box center
circle diagonal diameter height isclosed ishorizontal isopen isparallel isperp isvertical line lseg npoints path pclose point polygon
popen radius slope width gen_random_uuid uuid_extract_timestamp uuid_extract_version uuidv4 uuidv7

any_value array_agg avg bit_and bit_or bit_xor bool_and bool_or corr count covar_pop covar_samp cume_dist dense_rank every first_value
json_agg json_agg_strict json_object_agg json_object_agg_strict json_object_agg_unique json_object_agg_unique_strict jsonb_agg
jsonb_agg_strict jsonb_object_agg jsonb_object_agg_strict jsonb_object_agg_unique jsonb_object_agg_unique_strict lag last_value lead max
min mode nth_value ntile percent_rank percentile_cont percentile_disc range_agg range_intersect_agg rank regr_avgx regr_avgy regr_count
regr_intercept regr_r2 regr_slope regr_sxx regr_sxy regr_syy row_number stddev stddev_pop stddev_samp string_agg sum var_pop var_samp
variance xmlagg

pg_typeof pg_column_size pg_collation_for pg_basetype format_type oidvectortypes current_database current_schema current_schemas
current_user session_user version pg_backend_pid pg_client_encoding pg_encoding_to_char pg_char_to_encoding pg_is_in_recovery
pg_my_temp_schema pg_is_other_temp_schema pg_get_keywords pg_size_pretty pg_size_bytes pg_advisory_unlock_all
pg_get_expr pg_get_indexdef pg_get_constraintdef pg_get_viewdef pg_get_serial_sequence pg_get_userbyid pg_get_function_arguments
pg_get_function_identity_arguments pg_get_function_result pg_get_function_arg_default pg_get_partkeydef pg_get_triggerdef
pg_get_statisticsobjdef pg_get_statisticsobjdef_columns pg_get_partition_constraintdef pg_partition_ancestors pg_relation_is_publishable
pg_relation_is_updatable pg_column_is_updatable pg_tablespace_location pg_table_is_visible pg_type_is_visible
pg_function_is_visible pg_operator_is_visible pg_opclass_is_visible pg_opfamily_is_visible pg_collation_is_visible
pg_conversion_is_visible pg_statistics_obj_is_visible pg_ts_config_is_visible pg_ts_dict_is_visible pg_ts_parser_is_visible
pg_ts_template_is_visible col_description obj_description shobj_description to_regclass to_regtype to_regproc to_regnamespace
to_regrole to_regcollation to_regoper to_regoperator to_regprocedure has_table_privilege has_schema_privilege
has_column_privilege has_any_column_privilege has_database_privilege has_sequence_privilege has_function_privilege pg_has_role
pg_get_ruledef pg_relation_size pg_table_size pg_indexes_size pg_total_relation_size pg_database_size pg_tablespace_size
nameconcatoid pg_show_all_settings aclexplode pg_options_to_table getdatabaseencoding pg_timezone_names pg_timezone_abbrevs
`),
);

/** Overloads of names above, by argument types, that tell how far the server's transactions have come. */
export const DENIED_OVERLOADS: ReadonlySet<string> = new Set(['age(28)']);

/** Functions of information_schema that its own views and drivers call. */
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

/** Called with a setting's name: allowed for the settings that SHOW and SET allow. */
export const SETTING_FUNCTIONS: ReadonlySet<string> = new Set(['current_setting', 'set_config']);

/** Functions of known extensions that read or change more than their arguments. */
export const DENIED: ReadonlySet<string> = new Set(['set_limit', 'show_limit']);
