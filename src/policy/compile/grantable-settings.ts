/**
 * Settings that `settings:` of a role may grant beyond the default ones. None of them changes what a statement means or the role that runs it. A
 * policy that names any other setting without a dot is refused.
 */

/** `any` value, or no value above `most`. */
export type SettingRule =
  | { readonly kind: 'any' }
  | { readonly kind: 'most'; readonly most: number; readonly unit: Unit; readonly text: string };

/** The unit of a number that is written without one: kilobytes, pages of 8 kB, or a plain number. */
type Unit = 'kB' | 'pages' | 'number';

/** These choose the plan. They change the order of rows that ORDER BY leaves open, which may reveal withheld columns: never granted by default. */
const PLANNER: ReadonlySet<string> = new Set(
  `constraint_exclusion cpu_index_tuple_cost cpu_operator_cost cpu_tuple_cost cursor_tuple_fraction debug_parallel_query effective_cache_size
enable_async_append enable_bitmapscan enable_distinct_reordering enable_gathermerge enable_group_by_reordering enable_hashagg enable_hashjoin
enable_incremental_sort enable_indexonlyscan enable_indexscan enable_material enable_memoize enable_mergejoin enable_nestloop enable_parallel_append
enable_parallel_hash enable_partition_pruning enable_partitionwise_aggregate enable_partitionwise_join enable_presorted_aggregate
enable_self_join_elimination enable_seqscan enable_sort enable_tidscan force_parallel_mode from_collapse_limit geqo geqo_effort geqo_generations
geqo_pool_size geqo_seed geqo_selection_bias geqo_threshold jit_above_cost jit_expressions jit_inline_above_cost jit_optimize_above_cost
jit_tuple_deforming join_collapse_limit min_parallel_index_scan_size min_parallel_table_scan_size parallel_leader_participation
parallel_setup_cost parallel_tuple_cost plan_cache_mode random_page_cost recursive_worktable_factor seq_page_cost
synchronize_seqscans`.split(/\s+/),
);

/** Maintenance, definitions and counters read these. No statement of a restricted role is one of them or sees one, so they can neither reveal nor reach anything. */
const MAINTENANCE: ReadonlySet<string> = new Set(
  `default_statistics_target icu_validation_level stats_fetch_consistency vacuum_buffer_usage_limit vacuum_cost_delay vacuum_cost_limit
vacuum_cost_page_dirty vacuum_cost_page_hit vacuum_cost_page_miss vacuum_failsafe_age vacuum_freeze_min_age vacuum_freeze_table_age
vacuum_max_eager_freeze_failure_rate vacuum_multixact_failsafe_age vacuum_multixact_freeze_min_age vacuum_multixact_freeze_table_age
vacuum_truncate wal_skip_threshold`.split(/\s+/),
);

/**
 * What PL/pgSQL says of its own functions: more warnings, errors in their place, and in an error's DETAIL its parameters. What a name means in them, and
 * whether they assert, is their author's.
 */
const DIAGNOSIS: ReadonlySet<string> = new Set(
  ['extra_errors', 'extra_warnings', 'print_strict_params'].map((name) => `plpgsql.${name}`),
);

/**
 * INVARIANT 230: under `too_many_rows` a function or trigger fails, or warns, where its SELECT INTO finds a second row, which may be withheld. Its author
 * did not mean to tell it. So only a role has these settings from which nothing is withheld.
 */
export function tellsOfRows(name: string): boolean {
  return DIAGNOSIS.has(name);
}

const OTHERS: ReadonlySet<string> = new Set('lc_monetary lc_numeric lc_time synchronous_commit'.split(' '));

/** These use resources at the cost of others, so each has a maximum. They change plans too. */
const RESOURCES: ReadonlyMap<string, Unit> = new Map([
  ['effective_io_concurrency', 'number'],
  ['hash_mem_multiplier', 'number'],
  ['maintenance_io_concurrency', 'number'],
  ['maintenance_work_mem', 'kB'],
  ['max_parallel_maintenance_workers', 'number'],
  ['max_parallel_workers', 'number'],
  ['max_parallel_workers_per_gather', 'number'],
  ['temp_buffers', 'pages'],
  ['work_mem', 'kB'],
]);

/** Of the connection to the server alone: how long either end waits for the other. */
const CONNECTION: readonly string[] =
  'client_connection_check_interval tcp_keepalives_count tcp_keepalives_idle tcp_keepalives_interval tcp_user_timeout'.split(
    ' ',
  );

/** By name: values of the configuration, which tell nothing of rows, so every role may read them. */
export const GRANTABLE_SETTINGS: ReadonlySet<string> = new Set([
  ...PLANNER,
  ...MAINTENANCE,
  ...OTHERS,
  ...CONNECTION,
  ...RESOURCES.keys(),
]);

/** Prefixes of the server's own languages and modules, and of Rowgate, whose settings have effects. */
const RESERVED: ReadonlySet<string> = new Set([
  'rowgate',
  'plpgsql',
  'plperl',
  'plpython',
  'pltcl',
  'auto_explain',
  'pgaudit',
  'pg_hint_plan',
]);

/** Settings like `app.tenant`, which only an application uses. `extensions`: the installed ones. */
function isCustomSetting(name: string, extensions: ReadonlySet<string> = new Set()): boolean {
  const [prefix = ''] = name.split('.');
  return /^[a-z_][a-z0-9_$]*(\.[a-z_][a-z0-9_$]*)+$/.test(name) && !RESERVED.has(prefix) && !extensions.has(prefix);
}

/** Takes any value where it is granted. */
function isFree(name: string, extensions?: ReadonlySet<string>): boolean {
  return (
    (GRANTABLE_SETTINGS.has(name) && !RESOURCES.has(name)) || DIAGNOSIS.has(name) || isCustomSetting(name, extensions)
  );
}

/** Whether a policy could grant the setting. `name` is in lower case. */
export function isGrantableSetting(name: string): boolean {
  return isFree(name) || RESOURCES.has(name);
}

/** Why no policy grants these, though the server lets a session change them. The reason follows "It …" in the client's message. */
const UNGRANTABLE: Readonly<Record<string, string>> = {
  'is read with each text, and is fixed':
    'array_nulls backslash_quote client_encoding quote_all_identifiers search_path standard_conforming_strings transform_null_equals xmloption',
  'changes what times mean in the conditions of policies': 'timezone_abbreviations',
  'makes indexes leave out rows at random, also those that a condition looks for': 'gin_fuzzy_search_limit',
  'reveals how deep withheld documents are': 'max_stack_depth',
  'gives errors that name the views behind a view': 'restrict_nonsystem_relation_kind',
  'reveals which tablespaces there are': 'default_tablespace temp_tablespaces',
  'decides as whom a statement runs, or switches off triggers, rights and checks': `allow_in_place_tablespaces allow_system_table_mods
createrole_self_grant event_triggers ignore_checksum_failure lo_compat_privileges role row_security session_authorization
session_replication_role zero_damaged_pages`,
  'weakens the passwords that functions set': 'md5_password_warnings password_encryption scram_iterations',
  'loads code': 'dynamic_library_path extension_control_path local_preload_libraries session_preload_libraries',
  'writes to the log or client what plans and parameters hold': `backtrace_functions debug_pretty_print debug_print_parse debug_print_plan
debug_print_raw_parse debug_print_rewritten log_parameter_max_length_on_error trace_locks trace_notify trace_sort`,
  'hides a session from those who watch the server, or costs them': `compute_query_id log_duration log_error_verbosity log_executor_stats log_lock_failures
log_lock_waits log_min_duration_sample log_min_duration_statement log_min_error_statement log_min_messages log_parameter_max_length
log_parser_stats log_planner_stats log_replication_commands log_statement log_statement_sample_rate log_statement_stats log_temp_files
log_transaction_sample_rate track_activities track_cost_delay_timing track_counts track_functions track_io_timing track_wal_io_timing
update_process_title`,
  'is for the server’s administrators': `backend_flush_after commit_delay commit_siblings debug_discard_caches
debug_logical_replication_streaming exit_on_error file_copy_method force_parallel_mode gin_pending_list_limit io_combine_limit jit_dump_bitcode lc_messages
logical_decoding_work_mem temp_file_limit
wal_compression wal_consistency_checking wal_init_zero wal_recycle wal_sender_timeout`,
};

const REASONS: ReadonlyMap<string, string> = new Map(
  Object.entries(UNGRANTABLE).flatMap(([reason, names]) =>
    names.split(/\s+/).map((name): [string, string] => [name, reason]),
  ),
);

/** Why no policy grants a setting of the server's; undefined for one that is not in the table: then it is refused all the same. */
export function whyUngrantable(name: string): string | undefined {
  return REASONS.get(name);
}

/** Parses a policy's value for a setting; a string is the problem. */
export function readSettingRule(name: string, text: string, extensions: ReadonlySet<string>): SettingRule | string {
  const unit = RESOURCES.get(name);
  if (unit === undefined) {
    if (!isFree(name, extensions)) return `parameter "${name}" is none that can be granted${because(name)}`;
    return text === 'any' ? { kind: 'any' } : `expected any, found "${text}"`;
  }
  const most = amount(text, unit);
  return most === undefined
    ? `expected the most that "${name}" may be set to, found "${text}"`
    : { kind: 'most', most, unit, text };
}

function because(name: string): string {
  const why = whyUngrantable(name);
  return why === undefined ? '' : `: it ${why}`;
}

/** INVARIANT 104: a value that is not understood counts as above every maximum. @param values as given to SET. */
export function isWithin(rule: SettingRule, values: readonly string[]): boolean {
  if (rule.kind === 'any') return true;
  const wanted = values.length === 1 ? amount(values[0] ?? '', rule.unit) : undefined;
  return wanted !== undefined && wanted <= rule.most;
}

const KILOBYTES: Readonly<Record<string, number>> = { B: 1 / 1024, kB: 1, MB: 1024, GB: 1024 ** 2, TB: 1024 ** 3 };

function amount(text: string, unit: Unit): number | undefined {
  const match = /^ *(\d+(?:\.\d+)?) *(B|kB|MB|GB|TB)?$/.exec(text);
  if (!match) return undefined;
  const number = Number(match[1]);
  if (unit === 'number') return match[2] === undefined ? number : undefined;
  if (match[2] === undefined) return unit === 'pages' ? number * 8 : number;
  return number * KILOBYTES[match[2]]!;
}
