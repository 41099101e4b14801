/** The guard's own configuration, as `rowgate.yaml` gives it, with defaults filled in. Plain data. */

import type { AnchorConfig } from './anchor.ts';
import type { CanaryKeySource } from './canary-key.ts';
import type { ConsoleConfig } from './console.ts';
import type { ForwardConfig } from './forward.ts';
import type { ListenAddress } from './listen-address.ts';
import type { LogFiles } from './log-files.ts';
import type { StateConfig } from './state.ts';
import type { TargetSessionAttrs, UpstreamHost } from './upstream-url.ts';

export interface Login {
  readonly user: string;
  /**
   * Or the command that prints one, as a program and its arguments, and how long its output is used. Absent: the server must not ask for a password.
   */
  readonly password?: string | { readonly command: readonly [string, ...string[]]; readonly ttlMs: number };
}

export interface UpstreamConfig {
  /** At least one, tried in this order; a host that begins with `/` is the folder of a unix socket. */
  readonly hosts: readonly UpstreamHost[];
  readonly targetSessionAttrs: TargetSessionAttrs;
  /** Try the hosts in another order each time. */
  readonly loadBalance: boolean;
  /** For connecting to one address, including TLS and login. */
  readonly connectTimeoutMs: number;
  /** What is between Rowgate and the server: nothing, or a pooler like PgBouncer, and its pooling mode. */
  readonly pooling: 'none' | 'session' | 'transaction';
  readonly database: string;
  /** For roles that `logins` does not name. */
  readonly login: Login;
  /** By role. */
  readonly logins: ReadonlyMap<string, Login>;
  readonly tls: {
    readonly mode: 'disable' | 'require' | 'verify-full';
    readonly ca?: string;
    /** The guard's own client certificate; both or neither. */
    readonly cert?: string;
    readonly key?: string;
  };
}

export interface LogConfig extends LogFiles {
  readonly file: string;
  readonly durability: 'batched' | 'strict';
  readonly text: 'normalized' | 'full' | 'none';
  /** Public keys of age: only their owners can read the log. Absent: the log is not encrypted. */
  readonly encryptTo?: readonly string[];
  /** Whether the log identifies data subjects that were shown by ids, or only counts them. */
  readonly subjects: 'hashed' | 'counted';
  /** Of the operators' log, which is separate from the decision log. */
  readonly level: 'error' | 'warn' | 'info' | 'debug';
  /** Absent: the log's head is not kept elsewhere. */
  readonly anchor?: AnchorConfig;
  /** Where the log is also sent. */
  readonly forward: readonly ForwardConfig[];
}

export interface Config {
  /** Absolute path of the file it was read from; paths below are absolute too. */
  readonly file: string;
  /** `sha256:…` of the file's text, before environment variables are inserted, so that it reveals no secret. */
  readonly hash: string;
  /** The name of this guard in log records. Default: the host's name. */
  readonly name: string;
  readonly listen: readonly ListenAddress[];
  /** Permissions of the unix sockets among them. */
  readonly unixSocketPermissions: number;
  /** From these address blocks, a PROXY protocol header is required and trusted. */
  readonly proxyProtocol: { readonly from: readonly string[] };
  readonly tls?: {
    readonly cert: string;
    readonly key: string;
    readonly clientCa?: string;
    /** Only with `clientCa`. */
    readonly clientCrl?: readonly string[];
    /** Default true: no login without TLS. */
    readonly required: boolean;
  };
  /** Principals that must be bound to a client certificate: one that is not, cannot log in. */
  readonly requireCertificate: 'none' | 'unrestricted' | 'all';
  readonly upstream: UpstreamConfig;
  readonly searchPath: readonly string[];
  /** The policies folder. */
  readonly policies: string;
  readonly log: LogConfig;
  /** Where /healthz, /readyz and /metrics are served; absent: nowhere, and nothing is counted. */
  readonly admin?: { readonly host: string; readonly port: number };
  /** The control socket of the running guard; absent: there is none. */
  readonly control?: {
    readonly path: string;
    /** Its members may use it, in addition to root and the guard's own user. */
    readonly group?: string;
    /** True if the file does not set it. */
    readonly isDefault: boolean;
  };
  /** For `rowgate console`, which is a separate process. */
  readonly console: ConsoleConfig;
  /** Where alarms are sent; absent: they are only logged. */
  readonly notify?: {
    readonly url: string;
    readonly secret?: string;
    readonly format: 'rowgate' | 'slack';
    /** PEM file of the authority behind the receiver's certificate. */
    readonly ca?: string;
    /** The folder of undelivered alarms. */
    readonly queue: string;
  };
  readonly keys: {
    /** The key of the hashes that identify canaries; absent: canaries cannot be used. */
    readonly canaries?: CanaryKeySource;
    /**
     * The file with the key of the ids that stand for data subjects in the decision log. It is rotated, so the configuration names a file instead of
     * holding the key.
     */
    readonly subjects?: string;
  };
  /** Where budgets and locks are kept. */
  readonly state: StateConfig;
  /** Processes that serve clients. 1: the guard is one process. */
  readonly workers: number;
  /** A statement that a session has run `after` times is prepared at the server, up to `perSession` of them; absent: none is. */
  readonly plans?: { readonly after: number; readonly perSession: number };
  /** Over all workers together. */
  readonly limits: {
    /** Sessions. */
    readonly connections: number;
    readonly connectionsPerAddress: number;
    /** The part of `connections` that is reserved for unrestricted roles. */
    readonly reservedConnections: number;
    /** Connections that have not logged in yet. */
    readonly logins: number;
    readonly loginsPerAddress: number;
  };
  /** How long running statements and transactions may continue when the guard drains. */
  readonly drainMs: number;
  /** IANA name; default: the host's. */
  readonly timeZone: string;
  readonly timeouts: {
    /** From the first byte to the proof of identity. */
    readonly loginMs: number;
    /** Absent: no limit. */
    readonly idleMs?: number;
    readonly idleInTransactionMs?: number;
  };
}

/** A problem in the file; all are reported at once. Line and column count from 1. */
export interface ConfigProblem {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly message: string;
}

/** `rowgate.yaml:3:5: …` */
export function formatProblem(problem: ConfigProblem): string {
  return `${problem.file}:${problem.line}:${problem.column}: ${problem.message}`;
}
