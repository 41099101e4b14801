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
geqo_pool_size geqo_seed geqo_selection_bias geqo_threshold jit_above_cost jit_inline_above_cost jit_optimize_above_cost join_collapse_limit
min_parallel_index_scan_size min_parallel_table_scan_size parallel_leader_participation parallel_setup_cost parallel_tuple_cost plan_cache_mode
random_page_cost recursive_worktable_factor seq_page_cost`.split(/\s+/),
);

const OTHERS: ReadonlySet<string> = new Set('lc_monetary lc_numeric lc_time synchronous_commit'.split(' '));

/** These use resources at the cost of others, so each has a maximum. They change plans too. */
const RESOURCES: ReadonlyMap<string, Unit> = new Map([
  ['hash_mem_multiplier', 'number'],
  ['maintenance_work_mem', 'kB'],
  ['max_parallel_maintenance_workers', 'number'],
  ['max_parallel_workers_per_gather', 'number'],
  ['temp_buffers', 'pages'],
  ['work_mem', 'kB'],
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

/** Whether a policy could grant the setting. `name` is in lower case. */
export function isGrantableSetting(name: string): boolean {
  return PLANNER.has(name) || OTHERS.has(name) || RESOURCES.has(name) || isCustomSetting(name);
}

/** Parses a policy's value for a setting; a string is the problem. */
export function readSettingRule(name: string, text: string, extensions: ReadonlySet<string>): SettingRule | string {
  const unit = RESOURCES.get(name);
  if (unit === undefined) {
    const known = PLANNER.has(name) || OTHERS.has(name) || isCustomSetting(name, extensions);
    if (!known) return `parameter "${name}" is none that can be granted`;
    return text === 'any' ? { kind: 'any' } : `expected any, found "${text}"`;
  }
  const most = amount(text, unit);
  return most === undefined
    ? `expected the most that "${name}" may be set to, found "${text}"`
    : { kind: 'most', most, unit, text };
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
