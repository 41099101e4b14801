/** Which settings go into the startup packet, and which are set after login: pinned ones, the role's timeout, the client's. Pure. */

import { type LoginRefusal, notThroughPooler } from '../core/login-refusal.ts';
import type { RolePolicy } from '../policy/model/policy.ts';
import { formatOptions } from './startup-options.ts';
import { durationMs, notGranted } from './startup-settings.ts';

/** `none`: no pooler. The others: a pooler, which accepts few parameters at startup and no `options`. */
export type Pooling = 'none' | 'session' | 'transaction';

export interface UpstreamParameters {
  /** For the startup packet. */
  readonly startup: ReadonlyMap<string, string>;
  /** For SET, once logged in. */
  readonly later: ReadonlyMap<string, string>;
}

/** What PgBouncer keeps for each client, on whatever server connection. It keeps others only if configured to. */
const KEPT_BY_POOLER: ReadonlySet<string> = new Set(['application_name', 'datestyle', 'timezone', 'intervalstyle']);

/** `chosen` comes from `readRequest`, and holds only settings that a client may choose. */
export function upstreamParameters(
  pooling: Pooling,
  pinned: ReadonlyMap<string, string>,
  role: RolePolicy,
  chosen: ReadonlyMap<string, string>,
): UpstreamParameters | { readonly refusal: LoginRefusal } {
  const denied = notGranted(role, chosen);
  if (denied) return { refusal: denied };
  const parameters = shortened(role, chosen);
  switch (pooling) {
    case 'none':
      return { startup: new Map([...parameters, ['options', formatOptions(options(pinned, role))]]), later: new Map() };
    case 'session':
      return { startup: new Map([['client_encoding', 'UTF8']]), later: parameters };
    case 'transaction':
      return throughPooler(parameters);
  }
}

/** A client may shorten its role's timeout, never lengthen it. INVARIANT 244: the server rounds, and 0 lifts the limit. */
function shortened(role: RolePolicy, chosen: ReadonlyMap<string, string>): Map<string, string> {
  const parameters = new Map(chosen);
  const cap = role.limits.statementTimeout;
  const wanted = durationMs(chosen.get('statement_timeout') ?? '0');
  if (cap !== undefined && (wanted < 1 || wanted > cap)) parameters.delete('statement_timeout');
  return parameters;
}

function options(pinned: ReadonlyMap<string, string>, role: RolePolicy): Map<string, string> {
  // Overrides an ALTER ROLE that would make the server tell the client more; a client may choose it, see startup-settings.ts.
  const settings = new Map([...pinned, ['client_min_messages', 'notice']]);
  // The guard turns literals into parameters of its plans: an error in one must not show them.
  settings.set('log_parameter_max_length_on_error', '0');
  const cap = role.limits.statementTimeout;
  // As an option, so that RESET returns to it.
  if (cap !== undefined) settings.set('statement_timeout', String(Math.max(1, Math.floor(cap))));
  return settings;
}

function throughPooler(parameters: ReadonlyMap<string, string>): UpstreamParameters | { refusal: LoginRefusal } {
  const startup = new Map([
    ['client_encoding', 'UTF8'],
    ['standard_conforming_strings', 'on'],
  ]);
  for (const [name, value] of parameters) {
    // Since PostgreSQL 12 these three values mean the same, and are the default; JDBC sends one of them.
    if (name === 'extra_float_digits' && /^[123]$/.test(value)) continue;
    if (!KEPT_BY_POOLER.has(name)) return { refusal: notThroughPooler(name) };
    startup.set(name, value);
  }
  return { startup, later: new Map() };
}
