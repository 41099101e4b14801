/** Whether a session is what `target_session_attrs` demands, by libpq's rules. */

import type { TargetSessionAttrs } from '../config/upstream-url.ts';
import { upstreamRefused } from '../core/login-refusal.ts';
import type { ServerQuery } from './own-query.ts';
import { UpstreamError } from './upstream-error.ts';

/** What one round over all hosts looks for; `prefer-standby` takes two rounds. */
export type WantedSession = Exclude<TargetSessionAttrs, 'prefer-standby'>;

/** The kinds of session to look for, in order, each in one round over all hosts. */
export function roundsFor(attributes: TargetSessionAttrs): readonly WantedSession[] {
  return attributes === 'prefer-standby' ? ['standby', 'any'] : [attributes];
}

export interface SessionKind {
  readonly inRecovery: boolean;
  readonly readOnly: boolean;
}

/** Throws UpstreamError if the session is not of this kind; the next host may have one. */
export function demand(wanted: WantedSession, { inRecovery, readOnly }: SessionKind): void {
  const suits = {
    any: true,
    'read-write': !inRecovery && !readOnly,
    'read-only': inRecovery || readOnly,
    primary: !inRecovery,
    standby: inRecovery,
  }[wanted];
  if (suits) return;
  const refusal = upstreamRefused('57P03', 'no database server of the wanted kind is available now');
  throw new UpstreamError(refusal, `the session is not ${wanted}`, true);
}

/**
 * By what the server reports (PostgreSQL 14 and later). The server is asked if it reports nothing, or if a pooler may repeat another server's report.
 * `chosen`: the client asked for read-only transactions itself, so that says nothing about the server.
 */
export async function sessionKindOf(
  reported: ReadonlyMap<string, string>,
  ask: ServerQuery,
  { pooled, chosen }: { readonly pooled: boolean; readonly chosen: boolean },
): Promise<SessionKind> {
  const recovery = reported.get('in_hot_standby');
  const readOnly = reported.get('default_transaction_read_only');
  if (!pooled && recovery !== undefined && readOnly !== undefined) {
    return { inRecovery: recovery === 'on', readOnly: !chosen && readOnly === 'on' };
  }
  const [row] = await ask(
    `SELECT pg_catalog.pg_is_in_recovery(), pg_catalog.current_setting('default_transaction_read_only')`,
  );
  return { inRecovery: row?.[0] !== 'f', readOnly: !chosen && row?.[1] !== 'off' };
}
