/** Which run-time settings a restricted role may read and change (`rewriting.md` §6). The others are pinned or refused. */

import { OWN_TEXT_SEARCH, type SETTABLE, SHOWN_SETTINGS } from '../policy/compile/shown-settings.ts';
import type { RolePolicy } from '../policy/model/policy.ts';
import { isSearchPath } from './search-path.ts';

/** What SET may do: any value, one value alone, or a value that passes a test. */
type Rule =
  | 'any'
  | { readonly like: RegExp }
  | { readonly only: readonly string[] }
  | { readonly min: readonly string[] };

const LEVELS = ['notice', 'warning', 'error'];

/** By lower-case name. INVARIANT 25: nothing here moves the lexer, name resolution, row security, roles, or what is printed of plans. */
const RULES: Readonly<Record<(typeof SETTABLE)[number] | 'synchronize_seqscans', Rule>> = {
  application_name: 'any',
  bytea_output: 'any',
  check_function_bodies: 'any',
  client_min_messages: { min: LEVELS },
  datestyle: 'any',
  deadlock_timeout: 'any',
  default_text_search_config: { like: OWN_TEXT_SEARCH },
  default_toast_compression: 'any',
  default_transaction_deferrable: 'any',
  default_transaction_isolation: 'any',
  default_transaction_read_only: 'any',
  extra_float_digits: 'any',
  idle_in_transaction_session_timeout: 'any',
  idle_session_timeout: 'any',
  intervalstyle: 'any',
  jit: 'any',
  lock_timeout: 'any',
  statement_timeout: 'any',
  timezone: 'any',
  transaction_isolation: 'any',
  transaction_read_only: 'any',
  transaction_deferrable: 'any',
  transaction_timeout: 'any',
  xmlbinary: 'any',
  // Pinned: accepted where the value is the pinned one.
  standard_conforming_strings: { only: ['on', 'true', '1', 'yes'] },
  escape_string_warning: { only: ['on', 'off', 'true', 'false'] },
  backslash_quote: { only: ['safe_encoding'] },
  client_encoding: { only: ['utf8', 'utf-8', 'unicode'] },
  row_security: { only: ['on', 'true', '1'] },
  transform_null_equals: { only: ['off', 'false', '0'] },
  xmloption: { only: ['content'] },
  default_table_access_method: { only: ['heap'] },
  default_tablespace: { only: ['', 'pg_default'] },
  array_nulls: { only: ['on', 'true', '1'] },
  quote_all_identifiers: { only: ['off', 'false', '0'] },
  debug_print_parse: { only: ['off', 'false', '0'] },
  debug_print_plan: { only: ['off', 'false', '0'] },
  debug_print_rewritten: { only: ['off', 'false', '0'] },
  // In lower case: another spelling is the name of a role.
  role: { like: /^none$/ },
  session_authorization: { only: [] },
  // Of each the value that leaves nothing out, and weakens nothing.
  gin_fuzzy_search_limit: { only: ['0'] },
  password_encryption: { only: ['scram-sha-256'] },
  restrict_nonsystem_relation_kind: { only: [''] },
  default_with_oids: { only: ['off', 'false', 'f', '0', 'no'] },
  // Otherwise a scan begins where another session's is: `off` tells less.
  synchronize_seqscans: { only: ['off', 'false', '0', 'no'] },
};

function ruleOf(name: string): Rule | undefined {
  const key = name.toLowerCase();
  return Object.hasOwn(RULES, key) ? RULES[key as keyof typeof RULES] : undefined;
}

export type SettingVerdict = 'allowed' | 'pinned' | 'unknown';

/** Whether SET may give the setting these values (as written, unquoted). `undefined`: SET … TO DEFAULT or RESET. */
export function maySet(
  name: string,
  values: readonly string[] | undefined,
  searchPath: readonly string[],
): SettingVerdict {
  if (name.toLowerCase() === 'search_path')
    return values === undefined || isSearchPath(values, searchPath) ? 'allowed' : 'pinned';
  const rule = ruleOf(name);
  if (rule === undefined) return 'unknown';
  if (rule === 'any' || values === undefined) return 'allowed';
  const value = (values[0] ?? '').toLowerCase();
  if ('like' in rule) return values.length === 1 && rule.like.test(values[0] ?? '') ? 'allowed' : 'pinned';
  const allowed = 'only' in rule ? rule.only : rule.min;
  return values.length === 1 && allowed.includes(value) ? 'allowed' : 'pinned';
}

const ISOLATION: ReadonlySet<string> = new Set(['transaction_isolation', 'default_transaction_isolation']);

/** undefined: a value that is not known. */
export function mayIsolate(role: RolePolicy, name: string, value: string | undefined): boolean {
  // INVARIANT 153: where people are counted no transaction is SERIALIZABLE: its errors tell, at another statement or COMMIT, which rows one has read.
  const counts = role.access === 'restricted' && (role.limitedSubjects?.size ?? 0) > 0;
  return !counts || !ISOLATION.has(name.toLowerCase()) || (value !== undefined && ISOLATED.test(value));
}

const ISOLATED = /^(read committed|read uncommitted|repeatable read)$/i;

/** By these the guard reads text: they keep their values in every role's sessions, or another statement runs than was read. */
const LEXER: ReadonlySet<string> = new Set([
  'standard_conforming_strings',
  'backslash_quote',
  'escape_string_warning',
  'client_encoding',
]);

/** Whether the setting changes how later text is split into tokens, such as standard_conforming_strings. */
export function movesLexer(name: string): boolean {
  return LEXER.has(name.toLowerCase());
}

/** Whether SET may give the setting any value whatever. */
export function takesAny(name: string, role: RolePolicy): boolean {
  return ruleOf(name) === 'any' || role.settings?.get(name.toLowerCase())?.kind === 'any';
}

/** Whether SHOW and current_setting may read it. */
export function mayShow(name: string, role: RolePolicy): boolean {
  const key = name.toLowerCase();
  return SHOWN_SETTINGS.has(key) || role.settings?.has(key) === true;
}
