/** The sessions of this process: which one a cancel request means, which must end when the policy changes, and when all have ended. */
import type { Buffer } from 'node:buffer';
import { randomBytes, randomInt, timingSafeEqual } from 'node:crypto';
import type { LoginRefusal } from '../core/login-refusal.ts';
import { admit, type Peer } from '../identity/login-rules.ts';
import { noLongerProven, type Proof } from '../identity/proof.ts';
import { isGuarded } from '../policy/model/is-guarded.ts';
import { type Policy, type RolePolicy, roleOf } from '../policy/model/policy.ts';
import type { Activity } from '../session/session.ts';
import type { UpstreamKey } from '../upstream/upstream-error.ts';

/** The progress of a session's server, for checks at intervals. */
export interface ServerProgress {
  /** Changes with everything that the server sends, and while something other than the server holds up its answers. */
  readonly heard: number;
  /** The parts of its work that are still unanswered: at least as many as may each take a whole `statement_timeout`; 0: nothing. */
  readonly owed: number;
}

/** What a session is and does, for operators. Numbers are since it began. */
export interface SessionSummary {
  readonly session: string;
  readonly principal: string;
  /** The end user of its last statement. */
  readonly user?: string;
  readonly role: string;
  /** `10.12.0.7:50412` */
  readonly client: string;
  readonly application: string;
  readonly activity: Activity;
  /** Milliseconds for which its statement has run, or nothing was asked of it. */
  readonly for: number;
  readonly statements: number;
  readonly refused: number;
  /** Those of what runs now among them. */
  readonly rows: number;
  /** The last one: its command, and its text without literals. */
  readonly command?: string;
  readonly statement?: string;
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
  progress(): ServerProgress;
  /** `now`: monotonic milliseconds. */
  summary(now: number): SessionSummary;
  /** Cancels what its server has been at for too long. */
  timeOut(): void;
  /** Lets it pay again for what it has begun, where a window has ended since. */
  keepPaid(): void;
  /** The client asked, by a CancelRequest. Resolves when the server knows. */
  cancel(): Promise<void>;
  /** Tells the client why, and ends both sides. */
  terminate(refusal: LoginRefusal): void;
  /** The same at its first idle moment: a running statement and an open transaction come to their end. */
  terminateWhenIdle(refusal: LoginRefusal): void;
}

/** What the key of a session is made of. */
export interface KeyWanted {
  /** Undefined if the server sent none. */
  readonly serverProcessId: number | undefined;
  /** Of the secret, in bytes. */
  readonly keyLength: number;
}

interface Entry {
  readonly session: LiveSession;
  readonly secretKey: Buffer;
  /** Its role was unrestricted or observed at some time: it may have changed what is pinned. */
  wasFree: boolean;
}

export class Sessions {
  /** Two servers of one upstream may give the same process ID: the keys tell such sessions apart. */
  private readonly byProcessId = new Map<number, readonly Entry[]>();
  private readonly whenEmpty: (() => void)[] = [];
  private count = 0;

  get size(): number {
    return this.count;
  }

  /** The open sessions. */
  live(): readonly LiveSession[] {
    return this.entries().map(({ session }) => session);
  }

  /**
   * Gives the session the key that its client may cancel with: the server's process ID, so that `pg_cancel_backend` and notifications mean the
   * same process, and a secret of Rowgate's own. `keyLength`: 4, or more with protocol 3.2. `policy`: under which it begins.
   */
  add(session: LiveSession, { serverProcessId, keyLength }: KeyWanted, policy: Policy): UpstreamKey {
    // A server that gave no key is asked for no cancel either; the client still gets a number to show.
    const processId = serverProcessId ?? randomInt(1, 2 ** 31);
    const others = this.byProcessId.get(processId) ?? [];
    let secretKey: Buffer;
    // The server's own secret never leaves Rowgate, and no two sessions of one process ID share a secret.
    do secretKey = randomBytes(keyLength);
    while (others.some((other) => isSecretOf(other, secretKey)));
    const entry: Entry = { session, secretKey, wasFree: false };
    noLongerFree(entry, policy);
    this.byProcessId.set(processId, [...others, entry]);
    this.count += 1;
    return { processId, secretKey };
  }

  /** `key`: as `add` has given it. */
  remove({ processId, secretKey }: UpstreamKey): void {
    const entries = this.byProcessId.get(processId) ?? [];
    const left = entries.filter((entry) => entry.secretKey !== secretKey);
    this.count -= entries.length - left.length;
    if (left.length > 0) this.byProcessId.set(processId, left);
    else this.byProcessId.delete(processId);
    if (this.size === 0) for (const tell of this.whenEmpty.splice(0)) tell();
  }

  find({ processId, secretKey }: UpstreamKey): LiveSession | undefined {
    // Only a client with the secret may cancel: the process ID is not secret.
    return this.byProcessId.get(processId)?.find((entry) => isSecretOf(entry, secretKey))?.session;
  }

  /** Ends the sessions that could not log in any more as they did. Returns how many. */
  recheck(policy: Policy, now: number): number {
    let ended = 0;
    for (const entry of this.entries()) {
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
    for (const session of this.live()) {
      const refusal = reason(session);
      if (!refusal) continue;
      session.terminate(changed(`terminating connection: ${refusal.message}`));
      ended += 1;
    }
    return ended;
  }

  terminateAll(refusal: LoginRefusal): void {
    for (const session of this.live()) session.terminate(refusal);
  }

  terminateWhenIdle(refusal: LoginRefusal): void {
    for (const session of this.live()) session.terminateWhenIdle(refusal);
  }

  private entries(): readonly Entry[] {
    return [...this.byProcessId.values()].flat();
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

function isSecretOf({ secretKey }: Entry, shown: Uint8Array): boolean {
  return secretKey.length === shown.length && timingSafeEqual(secretKey, shown);
}

/** Why this session, or a login in progress, must end under this policy; undefined if it may go on. */
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
 * A session in which not every statement was held to the policy serves no role that relies on pinned settings: it may
 * have set standard_conforming_strings, and the guard would read other statements than the server.
 */
function noLongerFree(entry: Entry, policy: Policy): LoginRefusal | undefined {
  const principal = policy.principals.get(entry.session.principal);
  const role = principal && roleOf(policy, principal);
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
