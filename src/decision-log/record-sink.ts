/** What the proxy needs of the decision log; the log itself is `writer/`, put together with the server by the command. */
import type { SessionEntry } from '../session/log-entries.ts';

/** Who a session is: the log writes it into each of its records. */
export interface SessionContext {
  /** ULID. */
  readonly session: string;
  readonly principal: string;
  /** The person who has logged in by a token. */
  readonly user?: string;
  readonly role: string;
  /** As JSON values. */
  readonly attributes: Readonly<Record<string, unknown>>;
  /** `10.12.0.7:50412` */
  readonly client: string;
  /** `sha256:…` of the client's certificate, where it showed one. */
  readonly certificate?: string;
  readonly database: string;
  readonly application: string;
}

/** A refused login has only what was known by then. */
export interface RefusedLogin extends Partial<SessionContext> {
  readonly reason: string;
  readonly sqlstate: string;
  /** The record stands for so many, `since` this ISO time; `client` is then an address without a port, and absent where there were too many. */
  readonly count?: number;
  readonly since?: string;
}

/** A change of the policy in force, or an edit that did not come into force. */
export interface PolicyChange {
  /** `sha256:…`; absent at start. */
  readonly from?: string;
  /** `sha256:…` of what is in force now. */
  readonly to: string;
  /** `sha256:…` of the files' text as it is kept beside the log; absent where it could not be kept, `message` then says why. */
  readonly kept?: string;
  readonly message?: string;
  readonly by: string;
  readonly via: 'start' | 'file' | 'signal' | 'catalog' | 'control';
  /** `roles/teacher.yaml:7:3: …`, where an edit was not taken or roles were closed. */
  readonly problems?: readonly string[];
}

/** What holds for a principal beyond its policy, and who said so: `rowgate` itself, or the user at the control socket. */
export interface StandingRecord {
  readonly principal?: string;
  /** The person behind it whom alone it is about. */
  readonly user?: string;
  readonly by: string;
  readonly reason?: string;
  readonly limit?: { readonly name: string; readonly used: number; readonly of: number };
  /** ISO time. */
  readonly until?: string;
  readonly permit?: {
    readonly id: string;
    readonly tables: readonly string[];
    readonly rows: number;
    readonly from: string;
    readonly until: string;
    readonly requested_by: string;
    readonly approved_by: readonly string[];
  };
  /** What the lock is for, and the id of the decision on the statement. */
  readonly canary?: { readonly subject: string; readonly hash: string };
  readonly id?: string;
  /** Of a larger limit that others must sign. */
  readonly raise?: {
    readonly id: string;
    readonly requested_by: string;
    /** With the fingerprints of the keys that signed. */
    readonly approved_by: readonly { readonly name: string; readonly key: string }[];
  };
  /** Of a permit: requested, approved, revoked, spent. Of a raise that others sign: requested, approved, in-force. `failed`: what was recorded before did not come into force. */
  readonly status?: string;
  readonly message?: string;
}

/** A canary that a statement would have shown, or, to a role that is not held to its policy, has shown. */
export interface CanaryRecord {
  /** Of the decision on the statement. */
  readonly id: string;
  readonly principal: string;
  /** The person behind it who has read it. */
  readonly user?: string;
  readonly role: string;
  /** `lock`, or `allow` where it was shown. */
  readonly effect: 'lock' | 'allow';
  readonly canary: { readonly subject: string; readonly hash: string };
  readonly by: string;
}

/** A step of break-glass. */
export interface OpeningRecord {
  readonly principal: string;
  readonly role: string;
  readonly by: string;
  readonly reason: string;
  /** `requested`, `approved`, `opened`, `used` (the first login), `closed`, `over`; `failed`: what was recorded before did not come into force. */
  readonly status: string;
  readonly break_glass: {
    readonly id: string;
    readonly used_by: string;
    readonly requested_by: string;
    /** ISO time. */
    readonly until: string;
    /** With the fingerprints of the keys that signed. */
    readonly approved_by: readonly { readonly name: string; readonly key: string }[];
  };
}

/** How many people the windows of a principal hold, at the end of an hour. */
export interface UsageRecord {
  readonly principal: string;
  readonly role: string;
  readonly limits: readonly { readonly name: string; readonly used: number; readonly of: number }[];
}

/** Tells once, and before others who ask later. */
export interface Recorded {
  tell(told: (recorded: boolean) => void): void;
}

export interface SessionRecords {
  /** False when it could not be written: what it is about must then not happen (promise P7). */
  append(entry: SessionEntry): boolean;
  /**
   * INVARIANT 81: asked before anything goes to the server: what the decisions so far are about waits until it tells true, and
   * never goes after false. Undefined where there is nothing to wait for.
   */
  reachDisk(): Recorded | undefined;
  /** Whether the decision of this id was not among those that something still waits for. */
  isOnDisk(id: string): boolean;
}

export interface RecordSink {
  /** Resolves with false where it could not be recorded: nobody must then be let in. */
  login(fields: SessionContext & { readonly via?: string }): Promise<boolean>;
  append(kind: 'login-refused', fields: RefusedLogin): boolean;
  append(kind: 'policy', fields: PolicyChange): boolean;
  append(kind: 'start' | 'stop', fields: { readonly version?: string; readonly configuration?: string }): boolean;
  append(kind: 'warning' | 'lock' | 'release' | 'raise' | 'permit', fields: StandingRecord): boolean;
  append(kind: 'break-glass', fields: OpeningRecord): boolean;
  append(kind: 'canary', fields: CanaryRecord): boolean;
  append(kind: 'usage', fields: UsageRecord): boolean;
  append(kind: 'drain', fields: { readonly by: string; readonly via: 'control' }): boolean;
  append(kind: 'alarms-lost', fields: { readonly message: string }): boolean;
  session(context: SessionContext): SessionRecords;
}
