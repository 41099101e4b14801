/** What every client connection needs: put together once, by `startProxy`. */
import type { Logger } from 'pino';
import type { SessionPorts } from '../session/ports.ts';
import type { FailedLogins } from './failed-logins.ts';
import type { GuardRuntime } from './guard-runtime.ts';
import type { RecordSink } from './record-sink.ts';
import type { SessionMachine } from './relay.ts';
import type { ServerTls } from './server-tls.ts';
import type { Sessions } from './sessions.ts';
import type { Upstream } from './upstream.ts';

export interface UpstreamAccount {
  readonly user: string;
  readonly password?: string;
}

export interface ProxyOptions {
  /** The one database that is served. */
  readonly database: string;
  /** With which a role logs in upstream. */
  accountOf(role: string): UpstreamAccount;
  readonly searchPath: readonly string[];
  readonly tlsRequired: boolean;
  /** From the first byte to the password. */
  readonly loginTimeoutMs: number;
  /** Connections that have not logged in, all together; half of them from one address. */
  readonly maxLogins: number;
  /** Makes the challenges of unknown users; never shown. */
  readonly mockSecret: Uint8Array;
}

export interface Services {
  readonly options: ProxyOptions;
  readonly runtime: GuardRuntime;
  readonly records: RecordSink;
  readonly sessions: Sessions;
  readonly failedLogins: FailedLogins;
  readonly upstream: Upstream;
  readonly pinned: ReadonlyMap<string, string>;
  tls(): ServerTls | undefined;
  /** The session's protocol state, made when both sides have logged in. */
  makeSession(ports: SessionPorts): SessionMachine;
  readonly log: Logger;
}
