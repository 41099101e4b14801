/** The guard's own configuration, as `rowgate.yaml` says it and with every default filled in. Plain data. */

import type { AnchorConfig } from './anchor.ts';
import type { KeyPlace } from './canary-key.ts';
import type { ForwardConfig } from './forward.ts';
import type { ListenAddress } from './listen-address.ts';
import type { LogFiles } from './log-files.ts';
import type { StateConfig } from './state.ts';
import type { TargetSessionAttrs, UpstreamHost } from './upstream-url.ts';

export interface Login {
  readonly user: string;
  /** Or what gives one: a program and its arguments, and how long what it said is used. Absent: the server must not ask for one. */
  readonly password?: string | { readonly command: readonly [string, ...string[]]; readonly ttlMs: number };
}

export interface UpstreamConfig {
  /** At least one, tried in this order; a host that begins with `/` is the folder of a unix socket. */
  readonly hosts: readonly UpstreamHost[];
  readonly targetSessionAttrs: TargetSessionAttrs;
  /** The hosts in another order each time. */
  readonly loadBalance: boolean;
  /** For connecting to one address, TLS and login together. */
  readonly connectTimeoutMs: number;
  /** What stands between Rowgate and the server: nothing, or a pooler like PgBouncer, and how that one pools. */
  readonly pooling: 'none' | 'session' | 'transaction';
  readonly database: string;
  /** For roles that `logins` does not name. */
  readonly login: Login;
  /** By role. */
  readonly logins: ReadonlyMap<string, Login>;
  readonly tls: {
    readonly mode: 'disable' | 'require' | 'verify-full';
    readonly ca?: string;
    /** Of the guard itself; both or neither. */
    readonly cert?: string;
    readonly key?: string;
  };
}

export interface LogConfig extends LogFiles {
  readonly file: string;
  readonly durability: 'batched' | 'strict';
  readonly text: 'normalized' | 'full' | 'none';
  /** Public keys of age: who alone can read the log. Absent: it is not encrypted. */
  readonly encryptTo?: readonly string[];
  /** Whether people who were shown are recorded by ids, or only counted. */
  readonly subjects: 'hashed' | 'counted';
  /** Of the operators' log, which is no part of the decision log. */
  readonly level: 'error' | 'warn' | 'info' | 'debug';
  /** Absent: its head is kept nowhere else. */
  readonly anchor?: AnchorConfig;
  /** Where it is sent besides. */
  readonly forward: readonly ForwardConfig[];
}

export interface Config {
  /** Absolute path of the file it was read from; paths below are absolute too. */
  readonly file: string;
  /** `sha256:…` of the file's text, before environment variables are put in: it holds no secret that the file does not. */
  readonly hash: string;
  /** Which guard a log record comes from. Default: the host's name. */
  readonly name: string;
  readonly listen: readonly ListenAddress[];
  /** Permissions of the unix sockets among them. */
  readonly unixSocketPermissions: number;
  /** From these address blocks a header of the PROXY protocol is believed, and required. */
  readonly proxyProtocol: { readonly from: readonly string[] };
  readonly tls?: {
    readonly cert: string;
    readonly key: string;
    readonly clientCa?: string;
    /** Only beside `clientCa`. */
    readonly clientCrl?: readonly string[];
    /** Default true: without TLS nobody logs in. */
    readonly required: boolean;
  };
  /** Whose principals must be bound to a client certificate: a principal without one is closed. */
  readonly requireCertificate: 'none' | 'unrestricted' | 'all';
  readonly upstream: UpstreamConfig;
  readonly searchPath: readonly string[];
  /** The policies folder. */
  readonly policies: string;
  readonly log: LogConfig;
  /** Where /healthz, /readyz and /metrics are; absent: nowhere, and nothing is counted. */
  readonly admin?: { readonly host: string; readonly port: number };
  /** Where a running guard is told what to do; absent: nowhere. */
  readonly control?: {
    readonly path: string;
    /** Whose members may use it, beside root and the guard's own user. */
    readonly group?: string;
    /** The file does not say it. */
    readonly isDefault: boolean;
  };
  /** Where alarms go; absent: into the log alone. */
  readonly notify?: {
    readonly url: string;
    readonly secret?: string;
    readonly format: 'rowgate' | 'slack';
    /** PEM file of the authority behind the receiver's certificate. */
    readonly ca?: string;
    /** The folder of those that are not delivered yet. */
    readonly queue: string;
  };
  readonly keys: {
    /** Of the hashes by which canaries are known; absent: there can be none. */
    readonly canaries?: KeyPlace;
    /** The file with the key of the ids by which the decision log knows people. It is replaced from time to time, so that no secret of it stands in the configuration. */
    readonly subjects?: string;
  };
  /** Where budgets and locks are kept. */
  readonly state: StateConfig;
  /** Processes that serve clients. 1: the guard is one process. */
  readonly workers: number;
  /** Statements that came so often in a session are prepared at the server, so many at a time; absent: none is. */
  readonly plans?: { readonly after: number; readonly perSession: number };
  /** Over all workers together. */
  readonly limits: {
    /** Sessions. */
    readonly connections: number;
    readonly connectionsPerAddress: number;
    /** Of `connections`, those that only unrestricted roles get. */
    readonly reservedConnections: number;
    /** Connections that have not logged in. */
    readonly logins: number;
    readonly loginsPerAddress: number;
  };
  /** How long statements and transactions may go on when the guard is told to stop. */
  readonly drainMs: number;
  /** IANA name; default: the host's. */
  readonly timeZone: string;
  readonly timeouts: {
    /** From the first byte to the password. */
    readonly loginMs: number;
    /** Absent: for ever. */
    readonly idleMs?: number;
    readonly idleInTransactionMs?: number;
  };
}

/** Something wrong in the file; all of them are reported at once. Line and column count from 1. */
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
