/** The sessions that are open: how many each principal has, whom a cancel request means, and who must go when the policy changes. */
import { randomBytes, randomInt, timingSafeEqual } from 'node:crypto';
import type { Policy } from '../policy/policy.ts';
import { admit, type Peer } from './admission.ts';
import type { LoginRefusal } from './login-refusal.ts';
import type { UpstreamKey } from './upstream-error.ts';

/** An open session, as the rest of the proxy sees it. */
export interface LiveSession {
  readonly principal: string;
  readonly role: string;
  readonly peer: Peer;
  /** With which it logged in: when the principal has it no more, the session ends. */
  readonly verifier: string;
  /** The client asked, by a CancelRequest. Resolves when the server knows. */
  cancel(): Promise<void>;
  /** Tells the client why, and ends both sides. */
  terminate(refusal: LoginRefusal): void;
}

export class Sessions {
  private readonly byProcessId = new Map<number, { session: LiveSession; secretKey: Buffer }>();
  private readonly open = new Map<string, number>();

  get size(): number {
    return this.byProcessId.size;
  }

  /** Takes one of the principal's connections, before there is a session; false where `limit` are taken. */
  reserve(principal: string, limit: number | undefined): boolean {
    const taken = this.open.get(principal) ?? 0;
    if (limit !== undefined && taken >= limit) return false;
    this.open.set(principal, taken + 1);
    return true;
  }

  release(principal: string): void {
    const taken = (this.open.get(principal) ?? 0) - 1;
    if (taken > 0) this.open.set(principal, taken);
    else this.open.delete(principal);
  }

  /** Gives the session a key of its own; the server's never leaves Rowgate. `keyLength`: 4, or more with protocol 3.2. */
  add(session: LiveSession, keyLength: number): UpstreamKey {
    let processId: number;
    do processId = randomInt(1, 2 ** 31);
    while (this.byProcessId.has(processId));
    const secretKey = randomBytes(keyLength);
    this.byProcessId.set(processId, { session, secretKey });
    return { processId, secretKey };
  }

  remove(processId: number): void {
    this.byProcessId.delete(processId);
  }

  find({ processId, secretKey }: UpstreamKey): LiveSession | undefined {
    const entry = this.byProcessId.get(processId);
    // INVARIANT: only who holds the key may cancel.
    if (entry?.secretKey.length !== secretKey.length || !timingSafeEqual(entry.secretKey, secretKey)) return undefined;
    return entry.session;
  }

  /** Ends the sessions that could not log in any more as they did. Returns how many. */
  recheck(policy: Policy, now: number): number {
    let ended = 0;
    for (const { session } of [...this.byProcessId.values()]) {
      const refusal = noLongerAdmitted(session, policy, now);
      if (!refusal) continue;
      session.terminate(refusal);
      ended += 1;
    }
    return ended;
  }

  terminateAll(refusal: LoginRefusal): void {
    for (const { session } of [...this.byProcessId.values()]) session.terminate(refusal);
  }
}

/** Why this session, or a login that is just under way, must end under this policy; undefined where it may go on. */
export function noLongerAdmitted(
  session: Pick<LiveSession, 'principal' | 'role' | 'peer' | 'verifier'>,
  policy: Policy,
  now: number,
): LoginRefusal | undefined {
  const changed = (message: string): LoginRefusal => ({ reason: 'disabled', sqlstate: '57P01', message });
  const principal = policy.principals.get(session.principal);
  if (!principal) return changed('terminating connection because its principal was removed');
  if (!principal.verifiers.includes(session.verifier)) {
    return changed('terminating connection because the password was changed');
  }
  if (principal.role !== session.role) return changed('terminating connection because its role was changed');
  const { refusal } = admit(policy, principal, session.peer, now);
  return refusal && changed(`terminating connection: ${refusal.message}`);
}
