/** What the startup packet for the server says: the pinned settings, the role's timeout, and what the client chose. Pure. */
import type { RolePolicy } from '../policy/policy.ts';
import { formatOptions } from './startup-options.ts';
import { durationMs } from './startup-settings.ts';

/** `chosen` comes from `readRequest` and holds settings that a client may choose, and no others. */
export function upstreamParameters(
  pinned: ReadonlyMap<string, string>,
  role: RolePolicy,
  chosen: ReadonlyMap<string, string>,
): ReadonlyMap<string, string> {
  // Against an ALTER ROLE that would have the server tell the client more; a client may choose it, see startup-settings.ts.
  const options = new Map([...pinned, ['client_min_messages', 'notice']]);
  const parameters = new Map(chosen);
  const cap = role.limits.statementTimeout;
  if (cap !== undefined) {
    // As an option: what RESET comes back to.
    options.set('statement_timeout', String(Math.max(1, Math.floor(cap))));
    const wanted = durationMs(chosen.get('statement_timeout') ?? '0');
    if (wanted === 0 || wanted > cap) parameters.delete('statement_timeout');
  }
  return new Map([...parameters, ['options', formatOptions(options)]]);
}
