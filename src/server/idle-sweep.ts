/** Ends sessions that have been idle for too long: one timer for all of them. */
import { performance } from 'node:perf_hooks';
import { type LoginRefusal, sessionIdle, transactionIdle } from '../core/login-refusal.ts';
import type { LiveSession, Sessions } from './sessions.ts';

/** Milliseconds; absent: for ever. */
export interface IdleLimits {
  /** Outside a transaction, as PostgreSQL's idle_session_timeout. */
  readonly idleMs?: number;
  /** Inside one, failed or not, as idle_in_transaction_session_timeout. */
  readonly idleInTransactionMs?: number;
}

/** Limits are kept to about a second. */
const SWEEP_MS = 500;

/** Returns how to stop. */
export function startIdleSweep(sessions: Sessions, limits: IdleLimits): () => void {
  if (limits.idleMs === undefined && limits.idleInTransactionMs === undefined) return () => {};
  const timer = setInterval(() => sweepIdle(sessions.live(), limits, performance.now()), SWEEP_MS);
  timer.unref();
  return () => clearInterval(timer);
}

/** `now`: monotonic milliseconds. */
export function sweepIdle(sessions: readonly LiveSession[], limits: IdleLimits, now: number): void {
  for (const session of sessions) {
    const refusal = tooIdle(session, limits, now);
    if (refusal) session.terminate(refusal);
  }
}

function tooIdle(session: LiveSession, limits: IdleLimits, now: number): LoginRefusal | undefined {
  const idleMs = session.idleMs(now);
  const activity = session.activity();
  switch (activity) {
    case 'active':
      return undefined;
    case 'idle':
      return limits.idleMs !== undefined && idleMs >= limits.idleMs ? sessionIdle() : undefined;
    case 'in-transaction':
    case 'failed-transaction':
      return limits.idleInTransactionMs !== undefined && idleMs >= limits.idleInTransactionMs
        ? transactionIdle()
        : undefined;
    default:
      return activity satisfies never;
  }
}
