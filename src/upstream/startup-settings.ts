/** Settings that a client may choose in its startup packet, as drivers and PGOPTIONS do; all others are refused. */

import {
  encodingRefused,
  invalidSetting,
  type LoginRefusal,
  settingNotAllowed,
  settingPinned,
} from '../core/login-refusal.ts';
import { isSearchPath, parseSearchPath } from '../guard/search-path.ts';
import { mayIsolate } from '../guard/settings.ts';
import { isGrantableSetting, isWithin } from '../policy/compile/grantable-settings.ts';
import { OWN_TEXT_SEARCH } from '../policy/compile/shown-settings.ts';
import type { RolePolicy } from '../policy/model/policy.ts';

const BOOLEAN = /^(on|off|true|false|yes|no|0|1)$/i;
const DURATION = /^[0-9]{1,10} ?(us|ms|s|min|h|d)?$/;

const SHORT_TEXT = /^[^\0]{0,100}$/s;

/** By lower-case name: the allowed form of the value. The server checks the value again. */
const ALLOWED: ReadonlyMap<string, RegExp> = new Map([
  ['application_name', /^[^\0]{0,1000}$/s],
  ['bytea_output', /^(hex|escape)$/i],
  ['client_min_messages', /^(notice|warning|error)$/i],
  ['datestyle', /^[a-z, ]{1,40}$/i],
  ['default_text_search_config', OWN_TEXT_SEARCH],
  ['default_transaction_deferrable', BOOLEAN],
  ['default_transaction_isolation', /^(serializable|repeatable read|read committed|read uncommitted)$/i],
  ['default_transaction_read_only', BOOLEAN],
  ['extra_float_digits', /^-?[0-9]{1,2}$/],
  ['geqo', BOOLEAN],
  ['idle_in_transaction_session_timeout', DURATION],
  ['idle_session_timeout', DURATION],
  ['intervalstyle', /^(postgres|postgres_verbose|sql_standard|iso_8601)$/i],
  ['jit', BOOLEAN],
  ['lock_timeout', DURATION],
  ['statement_timeout', DURATION],
  ['timezone', SHORT_TEXT],
  ['transaction_timeout', DURATION],
  ['xmlbinary', /^(base64|hex)$/i],
]);

/** What an unrestricted role may bring along besides, as by SET: nothing by which the guard reads text, and no code that the server would load. */
const OF_UNRESTRICTED: ReadonlySet<string> = new Set(
  `backend_flush_after check_function_bodies client_connection_check_interval commit_siblings createrole_self_grant default_table_access_method
default_tablespace default_toast_compression gin_fuzzy_search_limit gin_pending_list_limit io_combine_limit logical_decoding_work_mem
password_encryption scram_iterations tcp_keepalives_count tcp_keepalives_idle tcp_keepalives_interval tcp_user_timeout temp_tablespaces
timezone_abbreviations`.split(/\s+/),
);

/**
 * Reads one setting. Returns what to send to the server (nothing if it is pinned to the same value), or the refusal. Names are case-insensitive, as
 * at the server.
 */
export function readSetting(
  name: string,
  value: string,
  pinned: ReadonlyMap<string, string>,
): { setting?: readonly [string, string]; refusal?: LoginRefusal } {
  const key = name.toLowerCase();
  if (key === 'client_encoding') return isUtf8(value) ? {} : { refusal: encodingRefused(value) };
  const pattern = ALLOWED.get(key);
  if (pattern) return pattern.test(value) ? { setting: [key, value] } : { refusal: invalidSetting(name, value) };
  // Whether the role may set it is checked when the role is known.
  if (isGrantableSetting(key) || OF_UNRESTRICTED.has(key))
    return SHORT_TEXT.test(value) ? { setting: [key, value] } : { refusal: invalidSetting(name, value) };
  const pin = pinned.get(key);
  // A pinned setting may be named only with its value.
  if (pin === undefined) return { refusal: settingNotAllowed(name) };
  if (isSame(key, value, pin)) return {};
  // Whether the role can have it is known with the role.
  if (key === 'search_path' && SHORT_TEXT.test(value)) return { setting: [key, value] };
  return { refusal: settingPinned(name, pin) };
}

/** A setting that the role's policy does not allow to have this value, as with SET. */
export function notGranted(role: RolePolicy, chosen: ReadonlyMap<string, string>): LoginRefusal | undefined {
  if (role.access === 'unrestricted') return undefined;
  for (const [name, value] of chosen) {
    if (!mayIsolate(role, name, value)) return settingNotAllowed(name);
    if (ALLOWED.has(name) || name === 'search_path') continue;
    const rule = role.settings?.get(name);
    if (!rule || !isWithin(rule, [value])) return settingNotAllowed(name);
  }
  return undefined;
}

/** Like PostgreSQL, compares only the letters and digits of an encoding's name. Drivers also send it in quotes. */
function isUtf8(value: string): boolean {
  return ['utf8', 'unicode'].includes(value.toLowerCase().replace(/[^a-z0-9]/g, ''));
}

function isSame(key: string, value: string, pin: string): boolean {
  if (key === 'search_path') {
    return isSearchPath(parseSearchPath(value), parseSearchPath(pin) ?? []);
  }
  return canonical(value) === canonical(pin);
}

function canonical(value: string): string {
  const word = value.trim().toLowerCase();
  if (/^(on|true|yes|1)$/.test(word)) return 'on';
  if (/^(off|false|no|0)$/.test(word)) return 'off';
  return word;
}

const UNIT_MS: Readonly<Record<string, number>> = {
  us: 0.001,
  ms: 1,
  s: 1000,
  min: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** Milliseconds of a duration that matched ALLOWED; a bare number is milliseconds, and 0 means no limit. */
export function durationMs(value: string): number {
  const match = /^([0-9]+) ?([a-z]*)$/.exec(value);
  return Number(match?.[1] ?? 0) * (UNIT_MS[match?.[2] || 'ms'] ?? 1);
}
