/** Names of run-time settings that a restricted role may read, by SHOW, `current_setting` and pg_settings; and those of them that SET may change. */

import { literal } from './catalog-conditions.ts';

/** In lower case. How each may be set is said where SET is judged. */
export const SETTABLE = [
  'application_name',
  'backslash_quote',
  'bytea_output',
  'client_encoding',
  'client_min_messages',
  'datestyle',
  'deadlock_timeout',
  'default_table_access_method',
  'default_transaction_deferrable',
  'default_transaction_isolation',
  'default_transaction_read_only',
  'escape_string_warning',
  'extra_float_digits',
  'idle_in_transaction_session_timeout',
  'idle_session_timeout',
  'intervalstyle',
  'jit',
  'lock_timeout',
  'row_security',
  'standard_conforming_strings',
  'statement_timeout',
  'timezone',
  'transaction_deferrable',
  'transaction_isolation',
  'transaction_read_only',
  'transform_null_equals',
  'xmloption',
] as const;

const READABLE =
  `block_size default_tablespace default_with_oids in_hot_standby integer_datetimes is_superuser lc_collate lc_ctype lc_messages lc_monetary lc_numeric lc_time
max_connections max_identifier_length max_index_keys search_path server_encoding server_version server_version_num session_authorization
timezone_abbreviations`.split(/\s+/);

/** A list, in lower case. Of no other setting is a name or value shown: not of `primary_conninfo`, nor of one that is newer than the list. */
export const SHOWN_SETTINGS: ReadonlySet<string> = new Set([...SETTABLE, ...READABLE]);

/** The same as a list of SQL constants, for `lower(name) IN (…)`. */
export const SHOWN_SETTING_CONSTANTS = [...SHOWN_SETTINGS].map(literal).join(', ');
