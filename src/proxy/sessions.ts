/** The sessions of this process: whom a cancel request means, who must go when the policy changes, and when all have gone. */
import type { Buffer } from 'node:buffer';
import { randomBytes, randomInt, timingSafeEqual } from 'node:crypto';
import { isGuarded } from '../policy/is-guarded.ts';
import type { Policy, RolePolicy } from '../policy/policy.ts';
import type { Activity } from '../session/session.ts';
import { admit, type Peer } from './login/admission.ts';
import type { LoginRefusal } from './login/login-refusal.ts';
import { noLongerProven, type Proof } from './login/proof.ts';
import type { UpstreamKey } from './upstream/error.ts';

/** How a session's server gets on, for whoever looks again and again. */
export interface Progress {
  /** Changes with everything that the server sends, and while something other than the server holds up its answers. */
  readonly heard: number;
  /** The parts of its work that are still unanswered, at least as many as it may spend a whole `statement_timeout` on; 0: it has none. */
  readonly owed: number;
}

/** An open session, as the rest of the proxy sees it. */
export interface LiveSession {
  readonly principal: string;
  readonly role: string;
  readonly peer: Peer;
  /** With which it logged in: when that would not do any more, the session ends. */
  readonly proof: Proof;
  /** Its role as it was when the server's session was made: with settings that suit that one. */
  readonly madeFor: RolePolicy;
  /** What it is doing now. */
  activity(): Activity;
  /** For how long nothing was asked of it; 0 while an answer is on its way. `now`: monotonic milliseconds. */
  idleMs(now: number): number;
  /** How its server gets on. */
  progress(): Progress;
  /** Cancels what its server has been at for too long. */
  timeOut(): void;
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

interface Entry {
  readonly session: LiveSession;
  readonly secretKey: Buffer;
  /** Its role was unrestricted or observed at some time: it may have changed what is pinned. */
  wasFree: boolean;
}

export class Sessions {
  private readonly byProcessId = new Map<number, Entry>();
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

  /**
   * Gives the session a key of its own; the server's never leaves Rowgate. `keyLength`: 4, or more with protocol 3.2. `policy`: under
   * which it begins.
   */
  add(session: LiveSession, keyLength: number, policy: Policy): UpstreamKey {
    let processId: number;
    do processId = (this.slot << SLOT_SHIFT) | randomInt(1, 2 ** SLOT_SHIFT);
    while (this.byProcessId.has(processId));
    const secretKey = randomBytes(keyLength);
    const entry: Entry = { session, secretKey, wasFree: false };
    noLongerFree(entry, policy);
    this.byProcessId.set(processId, entry);
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
    for (const entry of [...this.byProcessId.values()]) {
      const refusal = noLongerAdmitted(entry.session, policy, now) ?? noLongerFree(entry, policy);
      if (!refusal) continue;
      entry.session.terminate(refusal);
      ended += 1;
    }
    return ended;
  }

  /** Ends those for which there is a reason. Returns how many. */
  endWhere(reason: (session: LiveSession) => LoginRefusal | undefined): number {
    let ended = 0;
    for (const { session } of [...this.byProcessId.values()]) {
      const refusal = reason(session);
      if (!refusal) continue;
      session.terminate(changed(`terminating connection: ${refusal.message}`));
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
  session: Pick<LiveSession, 'principal' | 'role' | 'peer' | 'proof' | 'madeFor'>,
  policy: Policy,
  now: number,
): LoginRefusal | undefined {
  const principal = policy.principals.get(session.principal);
  if (!principal) return changed('terminating connection because its principal was removed');
  const unproven = noLongerProven(session.proof, principal, now);
  if (unproven !== undefined) return changed(`terminating connection because ${unproven}`);
  if (principal.role !== session.role) return changed('terminating connection because its role was changed');
  const admission = admit(policy, principal, session.peer, now);
  if (admission.refusal) return changed(`terminating connection: ${admission.refusal.message}`);
  if (isGuarded(admission.role) && !isGuarded(session.madeFor)) return restrictedNow();
  // The server has it from the startup packet: RESET would come back to the longer one.
  const most = admission.role.limits.statementTimeout ?? Number.POSITIVE_INFINITY;
  return most < (session.madeFor.limits.statementTimeout ?? Number.POSITIVE_INFINITY)
    ? changed('terminating connection because the statement timeout of its role was shortened')
    : undefined;
}

/**
 * INVARIANT: a session in which not every statement was held to the policy serves no role that relies on pinned settings: it may
 * have set standard_conforming_strings, and the guard would read other statements than the server.
 */
function noLongerFree(entry: Entry, policy: Policy): LoginRefusal | undefined {
  const role = policy.roles.get(entry.session.role);
  if (role && isGuarded(role)) {
    return entry.wasFree ? restrictedNow() : undefined;
  }
  entry.wasFree = true;
  return undefined;
}

const restrictedNow = () => changed('terminating connection because its role is restricted now');

function changed(message: string): LoginRefusal {
  return { reason: 'disabled', sqlstate: '57P01', message };
}
