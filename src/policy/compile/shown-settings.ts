/** Run-time settings that a restricted role may read, by SHOW, `current_setting` and pg_settings; and which of them SET may change. */

import type { RolePolicy } from '../model/policy.ts';
import { literal } from './catalog-conditions.ts';
import { GRANTABLE_SETTINGS } from './grantable-settings.ts';

/** In lower case. The judgement of SET decides which values are allowed. */
export const SETTABLE = [
  'application_name',
  'array_nulls',
  'backslash_quote',
  'bytea_output',
  'check_function_bodies',
  'client_encoding',
  'client_min_messages',
  'datestyle',
  'deadlock_timeout',
  'debug_print_parse',
  'debug_print_plan',
  'debug_print_rewritten',
  'default_table_access_method',
  'default_tablespace',
  'default_text_search_config',
  'default_toast_compression',
  'default_transaction_deferrable',
  'default_transaction_isolation',
  'default_transaction_read_only',
  'default_with_oids',
  'escape_string_warning',
  'extra_float_digits',
  'gin_fuzzy_search_limit',
  'idle_in_transaction_session_timeout',
  'idle_session_timeout',
  'intervalstyle',
  'jit',
  'lock_timeout',
  'password_encryption',
  'quote_all_identifiers',
  'restrict_nonsystem_relation_kind',
  'role',
  'row_security',
  'session_authorization',
  'standard_conforming_strings',
  'statement_timeout',
  'timezone',
  'transaction_deferrable',
  'transaction_isolation',
  'transaction_read_only',
  'transaction_timeout',
  'transform_null_equals',
  'xmlbinary',
  'xmloption',
] as const;

const READABLE =
  `block_size in_hot_standby integer_datetimes is_superuser lc_collate lc_ctype lc_messages lc_monetary lc_numeric lc_time
max_connections max_identifier_length max_index_keys search_path server_encoding server_version server_version_num timezone_abbreviations`.split(
    /\s+/,
  );

/**
 * Values of `default_text_search_config` that a role may set: the server's own. For another name, the server would reveal whether a schema of the
 * search path has it; PostgreSQL 14 to 18 find these in pg_catalog first.
 */
export const OWN_TEXT_SEARCH =
  /^(?:pg_catalog\.[a-z]+|simple|arabic|armenian|basque|catalan|danish|dutch|english|finnish|french|german|greek|hindi|hungarian|indonesian|irish|italian|lithuanian|nepali|norwegian|portuguese|romanian|russian|serbian|spanish|swedish|tamil|turkish|yiddish)$/;

/** The database's default may be in a schema that the role does not see, so the role may set this one but not read it. */
const NAMES_AN_OBJECT = 'default_text_search_config';

/** In lower case. The name and value of every other setting are hidden, such as `primary_conninfo` and settings newer than this list. */
export const SHOWN_SETTINGS: ReadonlySet<string> = new Set(
  [...SETTABLE, ...READABLE, ...GRANTABLE_SETTINGS].filter((name) => name !== NAMES_AN_OBJECT),
);

/** No row of pg_settings has it: it is fixed, and pg_dump sets it where there is one. */
export const ABSENT_SETTING = 'restrict_nonsystem_relation_kind';

/** The others as a list of SQL constants, for `lower(name) IN (…)`. */
export const SHOWN_SETTING_CONSTANTS = [...SHOWN_SETTINGS]
  .filter((name) => name !== ABSENT_SETTING)
  .map(literal)
  .join(', ');

/** That list for a role, with those of its `settings`. */
export function shownSettings({ settings }: Pick<RolePolicy, 'settings'>): string {
  return [SHOWN_SETTING_CONSTANTS, ...[...(settings?.keys() ?? [])].map(literal)].join(', ');
}
