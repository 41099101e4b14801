/** What the proxy needs of the decision log; `writer/` implements it, and the command connects both. */

import type { LimitReached } from '../core/alarm-sink.ts';
import type { SessionEntry } from '../session/log-entries.ts';
import type { OpeningFields, PermitFields, SignedFields } from './fields.ts';

/** Who a session is: written into each of its records. */
export interface SessionContext {
  /** ULID. */
  readonly session: string;
  readonly principal: string;
  /** The end user who logged in with a token. */
  readonly user?: string;
  readonly role: string;
  /** As JSON values. */
  readonly attributes: Readonly<Record<string, unknown>>;
  /** `10.12.0.7:50412` */
  readonly client: string;
  /** `sha256:…` of the client's certificate, if it showed one. */
  readonly certificate?: string;
  readonly database: string;
  readonly application: string;
}

/** A refused login has only what was known by then. */
export interface RefusedLogin extends Partial<SessionContext> {
  readonly reason: string;
  readonly sqlstate: string;
  /**
   * How many refused logins the record stands for, `since` this ISO 8601 time; `client` is then an address without a port, and absent if there were
   * too many.
   */
  readonly count?: number;
  readonly since?: string;
}

/** A change of the policy in force, or an edit that was refused. */
export interface PolicyChange {
  /** `sha256:…`; absent at start. */
  readonly from?: string;
  /** `sha256:…` of the policy in force now. */
  readonly to: string;
  /** `sha256:…` of the files' text as kept beside the log; absent if it could not be kept, for the reason in `message`. */
  readonly kept?: string;
  readonly message?: string;
  readonly by: string;
  readonly via: 'start' | 'file' | 'signal' | 'catalog' | 'control';
  /** `roles/teacher.yaml:7:3: …`, if an edit was refused or roles were closed. */
  readonly problems?: readonly string[];
}

/** An exception to a principal's policy, and who made it: `rowgate` itself, or the user at the control socket. */
export interface ExceptionRecord {
  readonly principal?: string;
  /** The end user, if it concerns one alone. */
  readonly user?: string;
  readonly by: string;
  readonly reason?: string;
  readonly limit?: LimitReached;
  /** ISO 8601 time. */
  readonly until?: string;
  readonly permit?: PermitFields;
  /** The canary that caused the lock; `id`: of the statement's decision. */
  readonly canary?: { readonly subject: string; readonly hash: string };
  readonly id?: string;
  /** For a raise that others must sign. */
  readonly raise?: SignedFields;
  /**
   * For a permit: requested, approved, revoked, spent. For a raise: requested, approved, in-force, revoked. `failed`: the recorded change was
   * not made.
   */
  readonly status?: string;
  readonly message?: string;
}

/** A canary that a statement would have shown or, to an observed role, has shown. */
export interface CanaryRecord {
  /** Of the statement's decision. */
  readonly id: string;
  readonly principal: string;
  /** The end user who read it. */
  readonly user?: string;
  readonly role: string;
  /** `lock`, or `allow` if it was shown. */
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
  /** `requested`, `approved`, `opened`, `used` (the first login), `closed`, `over`; `failed`: the recorded change was not made. */
  readonly status: string;
  readonly break_glass: OpeningFields;
}

/** A step of `rowgate observe`. */
export interface ObserveRecord {
  readonly role: string;
  readonly by: string;
  readonly reason: string;
  /** ISO 8601 time. */
  readonly until: string;
  /** `requested`, `approved`, `in-force`, `ended`, `over`; `failed`: the recorded change was not made. */
  readonly status: string;
  readonly observe: SignedFields;
}

/** How many people a principal's windows hold at the end of an hour. */
export interface UsageRecord {
  readonly principal: string;
  readonly role: string;
  readonly limits: readonly LimitReached[];
}

/** Calls `told` once; callers are told in the order in which they asked. */
export interface Recorded {
  tell(told: (recorded: boolean) => void): void;
}

export interface SessionLog {
  /** False if it could not be written: the event must then not happen (promise P7). */
  append(entry: SessionEntry): boolean;
  /**
   * INVARIANT 81: asked before anything is sent to the server: statements of the decisions so far wait until it tells true, and never run after
   * false. Undefined if there is nothing to wait for.
   */
  reachDisk(): Recorded | undefined;
  /** False if the decision with this id is among those that are still waited for. */
  isOnDisk(id: string): boolean;
}

export interface RecordSink {
  /** Resolves with false if it could not be recorded: the login must then be refused. */
  login(fields: SessionContext & { readonly via?: string }): Promise<boolean>;
  append(kind: 'login-refused', fields: RefusedLogin): boolean;
  append(kind: 'policy', fields: PolicyChange): boolean;
  append(kind: 'start' | 'stop', fields: { readonly version?: string; readonly configuration?: string }): boolean;
  append(kind: 'warning' | 'lock' | 'release' | 'raise' | 'permit', fields: ExceptionRecord): boolean;
  append(kind: 'break-glass', fields: OpeningRecord): boolean;
  append(kind: 'observe', fields: ObserveRecord): boolean;
  append(kind: 'canary', fields: CanaryRecord): boolean;
  append(kind: 'usage', fields: UsageRecord): boolean;
  append(kind: 'drain', fields: { readonly by: string; readonly via: 'control' }): boolean;
  append(kind: 'alarms-lost', fields: { readonly message: string }): boolean;
  session(context: SessionContext): SessionLog;
}
