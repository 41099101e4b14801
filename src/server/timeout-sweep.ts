/**
 * Stops what PostgreSQL does not hold to `statement_timeout`: it disables that before COMMIT runs deferred triggers and fills cursors
 * WITH HOLD (`CommitTransaction`, xact.c). One timer for all sessions.
 */
import { performance } from 'node:perf_hooks';
import type { LiveSession, Sessions } from './sessions.ts';

const SWEEP_MS = 500;
/** What a timeout takes to be told, on a busy machine. */
const GRACE_MS = 1_000;

interface Seen {
  heard: number;
  /** Monotonic milliseconds: the last time at which it was otherwise. */
  since: number;
}

/** Returns how to stop. */
export function startOvertimeSweep(sessions: Sessions): () => void {
  const overtime = new Overtime();
  const timer = setInterval(() => overtime.sweep(sessions.live(), performance.now()), SWEEP_MS);
  timer.unref();
  return () => clearInterval(timer);
}

export class Overtime {
  private readonly seen = new WeakMap<LiveSession, Seen>();

  /** `now`: monotonic milliseconds. */
  sweep(sessions: readonly LiveSession[], now: number): void {
    for (const session of sessions) {
      const cap = session.madeFor.limits.statementTimeout;
      if (cap !== undefined) this.look(session, cap, now);
    }
  }

  private look(session: LiveSession, cap: number, now: number): void {
    const { heard, owed } = session.progress();
    const seen = this.seen.get(session);
    if (owed === 0) {
      if (seen) this.seen.delete(session);
      return;
    }
    if (seen?.heard !== heard) {
      this.seen.set(session, { heard, since: now });
      return;
    }
    // A server that answers many messages at once may be silent for as long as all of them may take together.
    if (now - seen.since <= owed * cap + GRACE_MS) return;
    seen.since = now;
    session.timeOut();
  }
}
