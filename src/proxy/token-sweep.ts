/** Ends sessions with the tokens that they were opened by, also idle ones: one timer for all of them. */
import type { LoginRefusal } from './login/login-refusal.ts';
import type { Sessions } from './sessions.ts';

/** The end of a token is kept to about a second. */
const SWEEP_MS = 500;

/** Returns how to stop. */
export function startTokenSweep(sessions: Sessions): () => void {
  const timer = setInterval(() => {
    const now = Date.now();
    for (const session of sessions.live()) {
      if (session.proof.kind === 'token' && now >= session.proof.expires) session.terminate(TOKEN_EXPIRED);
    }
  }, SWEEP_MS);
  timer.unref();
  return () => clearInterval(timer);
}

/** As other sessions that are not let in any more: pools and drivers take it for a lost connection, and make another. */
const TOKEN_EXPIRED: LoginRefusal = {
  reason: 'token',
  sqlstate: '57P01',
  message: 'terminating connection because its token has expired',
};
