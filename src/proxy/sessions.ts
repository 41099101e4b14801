/** The sessions of this process: whom a cancel request means, who must go when the policy changes, and when all have gone. */
import { randomBytes, randomInt, timingSafeEqual } from 'node:crypto';
import type { Policy } from '../policy/policy.ts';
import type { Activity } from '../session/session.ts';
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
  /** What it is doing now. */
  activity(): Activity;
  /** For how long nothing was asked of it; 0 while an answer is on its way. `now`: monotonic milliseconds. */
  idleMs(now: number): number;
  /** The client asked, by a CancelRequest. Resolves when the server knows. */
  cancel(): Promise<void>;
  /** Tells the client why, and ends both sides. */
  terminate(refusal: LoginRefusal): void;
  /** The same at its first idle moment: a running statement and an open transaction come to their end. */
  terminateWhenIdle(refusal: LoginRefusal): void;
}

/** The number of a worker stands in the upper bits of the process ids that it gives out: so a cancel request finds the worker. */
const SLOT_SHIFT = 22;
const MOST_SLOTS = 2 ** (31 - SLOT_SHIFT);

/** The worker that gave out this process id. */
export function slotOf(processId: number): number {
  return processId >>> SLOT_SHIFT;
}

export class Sessions {
  private readonly byProcessId = new Map<number, { session: LiveSession; secretKey: Buffer }>();
  private readonly whenEmpty: (() => void)[] = [];

  /** `slot`: the number of this worker, from 0. */
  constructor(private readonly slot: number) {
    if (slot < 0 || slot >= MOST_SLOTS) throw new RangeError(`no process ids for worker ${slot}`);
  }

  get size(): number {
    return this.byProcessId.size;
  }

  /** Those that are open, for whoever counts them. */
  live(): readonly LiveSession[] {
    return [...this.byProcessId.values()].map(({ session }) => session);
  }

  /** Gives the session a key of its own; the server's never leaves Rowgate. `keyLength`: 4, or more with protocol 3.2. */
  add(session: LiveSession, keyLength: number): UpstreamKey {
    let processId: number;
    do processId = (this.slot << SLOT_SHIFT) | randomInt(1, 2 ** SLOT_SHIFT);
    while (this.byProcessId.has(processId));
    const secretKey = randomBytes(keyLength);
    this.byProcessId.set(processId, { session, secretKey });
    return { processId, secretKey };
  }

  remove(processId: number): void {
    this.byProcessId.delete(processId);
    if (this.size === 0) for (const tell of this.whenEmpty.splice(0)) tell();
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

  terminateWhenIdle(refusal: LoginRefusal): void {
    for (const { session } of [...this.byProcessId.values()]) session.terminateWhenIdle(refusal);
  }

  /** Resolves when no session is left, or after this time. */
  async empty(withinMs: number): Promise<void> {
    if (this.size === 0) return;
    await new Promise<void>((done) => {
      const timer = setTimeout(done, withinMs);
      this.whenEmpty.push(() => {
        clearTimeout(timer);
        done();
      });
    });
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
