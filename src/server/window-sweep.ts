/** Lets sessions pay again for what they have begun, once a window has ended since it was paid. One timer for all sessions. */
import type { Sessions } from './sessions.ts';

const SWEEP_MS = 500;

/** Returns how to stop. */
export function startWindowSweep(sessions: Sessions): () => void {
  const timer = setInterval(() => {
    for (const session of sessions.live()) session.keepPaid();
  }, SWEEP_MS);
  timer.unref();
  return () => clearInterval(timer);
}
