/** Ends sessions with the tokens that opened them: expired, given back, or of a key that is gone. One timer for all of them. */
import type { Refusal } from '../core/refusal.ts';
import type { TokenProof } from '../identity/proof.ts';
import type { Policy } from '../policy/model/policy.ts';
import type { Identity } from '../session/end-user/end-user.ts';
import type { LiveSession, Sessions } from './sessions.ts';

/** The end of a token is kept to about a second. */
const SWEEP_MS = 500;

/** `clock`: milliseconds since the epoch. Returns how to stop. */
export function startTokenSweep(
  sessions: Sessions,
  identity: Identity,
  policy: () => Policy,
  clock: () => number,
): () => void {
  const sweep = new TokenSweep(identity, policy, clock);
  const timer = setInterval(() => {
    for (const session of sessions.live()) if (session.proof.kind === 'token') sweep.look(session, session.proof);
  }, SWEEP_MS);
  timer.unref();
  return () => clearInterval(timer);
}

class TokenSweep {
  private readonly underWay = new WeakSet<LiveSession>();

  constructor(
    private readonly identity: Identity,
    private readonly policy: () => Policy,
    private readonly clock: () => number,
  ) {}

  look(session: LiveSession, { token, expires }: TokenProof): void {
    if (this.clock() >= expires) {
      end(session, 'its token has expired');
      return;
    }
    const rule = this.policy().principals.get(session.principal)?.token;
    // Without one it has ended already, see `noLongerAdmitted`.
    if (!rule || this.underWay.has(session)) return;
    const known = this.identity.known(rule, token);
    if (known) {
      if ('refused' in known) endRefused(session, known.refused);
      return;
    }
    this.underWay.add(session);
    void this.identity.verify(rule, token).then((check) => {
      this.underWay.delete(session);
      if ('refused' in check) endRefused(session, check.refused);
    });
  }
}

/** An unavailable provider does not end sessions; statements that need an end user are refused meanwhile. */
function endRefused(session: LiveSession, { reason, message }: Refusal): void {
  if (reason !== 'token-unchecked') end(session, message);
}

/** As other sessions that are not let in any more: pools and drivers take it for a lost connection, and make another. */
function end(session: LiveSession, why: string): void {
  session.terminate({ reason: 'token', sqlstate: '57P01', message: `terminating connection because ${why}` });
}
