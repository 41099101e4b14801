/** What every client connection needs: put together once, by `startProxy`. */
import type { Logger } from 'pino';
import type { Budgets } from '../budget/local/budgets.ts';
import type { LoginReason } from '../core/login-refusal.ts';
import type { RecordSink } from '../decision-log/record-sink.ts';
import type { Identity } from '../session/end-user/end-user.ts';
import type { SessionPorts } from '../session/ports.ts';
import type { PlanEvent, PlanReuse } from '../session/reuse/known-plans.ts';
import type { Upstream } from '../upstream/connect.ts';
import type { Pooling } from '../upstream/parameters.ts';
import type { UpstreamAccount, UpstreamSetup } from '../upstream/setup.ts';
import type { GuardRuntime } from './guard-runtime.ts';
import type { IdleLimits } from './idle-sweep.ts';
import type { LoginTurns } from './login/login-turns.ts';
import type { RefusedLogins } from './login/refused-logins.ts';
import type { ServerTls } from './login/server-tls.ts';
import type { Preconnects } from './preconnect.ts';
import type { RefusedConnections } from './refused-connections.ts';
import type { SessionMachine } from './relay.ts';
import type { Sessions } from './sessions.ts';
import type { ConnectionLimits } from './slots/connection-limits.ts';
import type { SharedState } from './slots/shared-state.ts';
import type { TimeSlices } from './time-slices.ts';

export interface ProxyOptions {
  /** The one database that is served. */
  readonly database: string;
  /** With which a role logs in upstream. */
  accountOf(role: string): UpstreamAccount;
  /** Default: no pooler between Rowgate and the server. */
  readonly pooling?: Pooling;
  readonly searchPath: readonly string[];
  /** Of `during`. */
  readonly timeZone: string;
  readonly tlsRequired: boolean;
  /** Address blocks of the proxies that send the client's address by the PROXY protocol. */
  readonly proxies: readonly string[];
  /** Permissions of the unix sockets. */
  readonly unixSocketMode: number;
  /** From the first byte to the password. */
  readonly loginTimeoutMs: number;
  readonly idle: IdleLimits;
  readonly limits: ConnectionLimits;
  /** How many refused startups of one address in a minute are answered at once, and have a record each. Default: 20. */
  readonly firstRefusals?: number;
  /** Told of each connection that was turned away without a record: noise on the port, a flood. */
  turnedAway?(reason: LoginReason): void;
  /** Told of each other login that was refused, whether it has a record of its own or not. */
  loginRefused?(reason: LoginReason, sqlstate: string): void;
  /** Absent: no statement is prepared for later. */
  readonly plans?: PlanReuse;
  /** Told of what became of plans. */
  onPlan?(event: PlanEvent, count: number): void;
  /** Makes the challenges of unknown users; never shown. */
  readonly mockSecret: Uint8Array;
}

export interface Services {
  readonly options: ProxyOptions;
  /** The store's clock, milliseconds since the epoch: all time limits use it. */
  clock(): number;
  readonly runtime: GuardRuntime;
  readonly records: RecordSink;
  readonly refusedLogins: RefusedLogins;
  readonly refused: RefusedConnections;
  readonly sessions: Sessions;
  readonly budgets: Budgets;
  /** Finds end users. */
  readonly identity: Identity;
  /** What holds over all workers together. */
  readonly shared: SharedState;
  readonly upstream: Upstream;
  readonly upstreamSetup: UpstreamSetup;
  readonly headStarts: Preconnects;
  readonly turns: TimeSlices;
  /** Of connections that have not logged in. */
  readonly loginTurns: LoginTurns;
  readonly pinned: ReadonlyMap<string, string>;
  tls(): ServerTls | undefined;
  /** The session's protocol state, made when both sides have logged in. */
  makeSession(ports: SessionPorts): SessionMachine;
  /** True from the moment the guard begins to end: new clients are refused. */
  draining(): boolean;
  readonly log: Logger;
}
