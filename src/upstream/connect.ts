/**
 * Opens connections to the database server: for sessions, and to cancel their statements. Every failure is returned as a value, and every attempt has
 * a time limit.
 */

import { createConnection, type Socket } from 'node:net';
import { LRUCache } from 'lru-cache';
import type { TargetSessionAttrs, UpstreamHost } from '../config/upstream-url.ts';
import { reasonOf } from '../core/error-text.ts';
import { upstreamRefused } from '../core/login-refusal.ts';
import { ignoreError } from '../net/ignore-error.ts';
import { ConnectionClosed, SocketReader } from '../net/socket-reader.ts';
import { query as queryMessage } from '../protocol/query.ts';
import { type DeriveKeys, deriveKeys, type ScramKeys } from '../protocol/scram.ts';
import { cancelRequest, sslRequest } from '../protocol/startup.ts';
import { shownUpstream, type UpstreamAddress, UpstreamAddresses } from './addresses.ts';
import { type LoggedIn, logIn, notLoggedIn, type UpstreamLogin } from './login.ts';
import { type QueryRows, readAnswer, type ServerQuery, serverQuery } from './own-query.ts';
import { NoPassword, type Password, type PasswordSource, passwordFrom } from './password.ts';
import { ServerMessages } from './server-messages.ts';
import { demand, roundsFor, sessionKindOf, type WantedSession } from './target-attributes.ts';
import { readUpstreamTls, type UpstreamTlsFiles, type UpstreamTlsOptions, upstreamHandshake } from './tls.ts';
import { UpstreamError, type UpstreamFailure } from './upstream-error.ts';

/** An account has one set of keys until its password changes. A false server can ask for others, so the cache is bounded. */
const MOST_KEYS = 200;

export class DerivedKeys {
  private readonly keys = new LRUCache<string, Promise<ScramKeys>>({ max: MOST_KEYS });

  /** Cached by everything that the keys depend on: password, salt and iteration count. */
  readonly derive: DeriveKeys = (password, salt, iterations) => {
    const from = `${iterations} ${salt.toString('base64')} ${password}`;
    const known = this.keys.get(from);
    if (known) return known;
    const keys = deriveKeys(password, salt, iterations);
    this.keys.set(from, keys);
    keys.catch(() => this.keys.delete(from));
    return keys;
  };
}

export interface UpstreamOptions {
  /** At least one. */
  readonly hosts: readonly UpstreamHost[];
  readonly tls: UpstreamTlsOptions;
  /** For connecting to one address, including TLS and login. */
  readonly timeoutMs: number;
  /** Default: any. */
  readonly targetSessionAttrs?: TargetSessionAttrs;
  /** Default: false, the order of `hosts`. */
  readonly loadBalance?: boolean;
  /** A pooler is in between: the parameters that it reports may be another server's. */
  readonly pooled?: boolean;
}

/** A session that has logged in, before a client gets it. */
export interface NewSession {
  readonly messages: ServerMessages;
  /** Parameters that the server reported, updated while queries run. */
  readonly reported: Map<string, string>;
  readonly ask: ServerQuery;
}

/** How to open a session: an error in either of the two steps after login throws an UpstreamError. */
export interface SessionOpener extends Omit<UpstreamLogin, 'password'> {
  readonly password: PasswordSource | undefined;
  /** The search_path that the client chose; absent: the one that is pinned. */
  readonly searchPath?: string;
  /**
   * Sent together with the last message of the login, so that it costs no round trip. The text must hold no secret, unless the server has proved its
   * identity.
   */
  readonly atOnce?: { readonly sql: string; verify(rows: QueryRows): void };
  /** Prepares the session, within the time limit of the login. */
  setUp?(fresh: NewSession): Promise<void>;
}

/** An idle session at the server, with its address: cancel requests must go there. */
export interface UpstreamSession extends Omit<LoggedIn, 'parameters'> {
  readonly at: UpstreamAddress;
  /** As the server reports them: name and value. */
  readonly parameters: ReadonlyMap<string, string>;
  /** With which it was opened, as in `SessionOpener`. */
  readonly searchPath?: string;
}

const unreachable = () => upstreamRefused('08001', 'could not connect to the database server');

export type OpenedSession = { readonly session: UpstreamSession } | { readonly failure: UpstreamFailure };

type Attempt<T> = { readonly result: T } | { readonly failure: UpstreamFailure; readonly elsewhere: boolean };

export class Upstream {
  private readonly addresses: UpstreamAddresses;
  private readonly keys = new DerivedKeys();
  /** The parameters of the last session. */
  private last: ReadonlyMap<string, string> = new Map();
  private tls: UpstreamTlsFiles | undefined;

  /** Throws if a certificate file cannot be read. */
  constructor(private readonly options: UpstreamOptions) {
    this.addresses = new UpstreamAddresses(options.hosts, options.loadBalance ?? false);
    this.tls = readUpstreamTls(options.tls);
  }

  /** Reads the certificate files again, for new connections: false if they have not changed. Throws if they cannot be used. */
  reloadTls(): boolean {
    const next = readUpstreamTls(this.options.tls);
    if (next?.hash === this.tls?.hash) return false;
    this.tls = next;
    return true;
  }

  /** For the guard's own certificate, in milliseconds since the epoch; undefined if it has none. */
  get certificateDates(): UpstreamTlsFiles['dates'] {
    return this.tls?.dates;
  }

  /**
   * Logs in at the first suitable host. ReadyForQuery has been read, so the session is idle; its socket is paused. If a host refuses for a reason
   * that every host would give (a wrong password), no other is tried. A password from a command may have been replaced since: if it is refused, the
   * command runs once more.
   */
  async open(opener: SessionOpener): Promise<OpenedSession> {
    try {
      const password = await passwordFrom(opener.password);
      const opened = await this.openWith(opener, password);
      if (!('failure' in opened) || !opened.failure.wrongPassword || !password.refused()) return opened;
      return await this.openWith(opener, await passwordFrom(opener.password));
    } catch (error) {
      if (!(error instanceof NoPassword)) throw error;
      return { failure: { refusal: notLoggedIn(), detail: error.message } };
    }
  }

  private async openWith(opener: SessionOpener, { text: password }: Password): Promise<OpenedSession> {
    const login = { ...opener, password };
    const failures: UpstreamFailure[] = [];
    for (const wanted of roundsFor(this.options.targetSessionAttrs ?? 'any')) {
      for await (const place of this.addresses.inOrder()) {
        if (!('address' in place)) {
          failures.push({ refusal: unreachable(), detail: `${place.host}: ${reasonOf(place.error)}` });
          continue;
        }
        const attempt = await this.attempt(place, (dial) => this.begin(place, dial, login, wanted));
        if ('result' in attempt) return { session: attempt.result };
        failures.push(attempt.failure);
        if (!attempt.elsewhere) return { failure: together(failures) };
      }
    }
    return { failure: together(failures) };
  }

  /** Resolves when the server has closed the cancel connection, or will clearly not do so. */
  async cancel({ key, at }: Pick<UpstreamSession, 'key' | 'at'>): Promise<UpstreamFailure | undefined> {
    if (!key) return { refusal: unreachable(), detail: 'the server gave no key to cancel with' };
    const attempt = await this.attempt(at, async (dial) => {
      const socket = await dial();
      socket.write(cancelRequest(key.processId, key.secretKey));
      // The server sends no answer: it closes the connection after signalling the session.
      await new Promise<void>((done) => {
        for (const event of ['data', 'end', 'close']) socket.once(event, () => done());
        if (socket.destroyed) done();
      });
      socket.destroy();
    });
    return 'failure' in attempt ? attempt.failure : undefined;
  }

  private async begin(
    at: UpstreamAddress,
    dial: () => Promise<Socket>,
    opener: UpstreamLogin & Pick<SessionOpener, 'atOnce' | 'setUp' | 'searchPath'>,
    wanted: WantedSession,
  ): Promise<UpstreamSession> {
    const messages = new ServerMessages(await dial());
    const { atOnce, searchPath } = opener;
    const session = await logIn(messages, opener, this.keys.derive, atOnce && queryMessage(atOnce.sql));
    const { parameters } = session;
    atOnce?.verify(await readAnswer(messages, parameters));
    const ask = serverQuery(messages, parameters);
    if (wanted !== 'any') {
      const chosen = opener.parameters.has('default_transaction_read_only');
      demand(wanted, await sessionKindOf(parameters, ask, { pooled: this.options.pooled ?? false, chosen }));
    }
    await opener.setUp?.({ messages, reported: parameters, ask });
    messages.detach();
    return { ...session, parameters: this.shared(parameters), at, ...(searchPath !== undefined && { searchPath }) };
  }

  /** Most sessions have the same parameters: they share one map. */
  private shared(parameters: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
    const { last } = this;
    const isSame = last.size === parameters.size && [...last].every(([name, value]) => parameters.get(name) === value);
    if (!isSame) this.last = parameters;
    return this.last;
  }

  private async attempt<T>(
    at: UpstreamAddress,
    work: (dial: () => Promise<Socket>) => Promise<T>,
  ): Promise<Attempt<T>> {
    const raw = createConnection(at.isUnix ? { path: at.address } : { host: at.address, port: at.port });
    raw.setNoDelay(true);
    raw.setKeepAlive(true, 60_000);
    let socket: Socket = raw;
    let timedOut = false;
    const timer = setTimeout(() => {
      timedOut = true;
      raw.destroy(new Error('timed out'));
    }, this.options.timeoutMs);
    const dial = async (): Promise<Socket> => {
      await connected(raw);
      socket = await this.encrypt(raw, at);
      return socket;
    };
    try {
      const result = await work(dial);
      // The caller waits for the server to close: our own close at the time limit must not look the same.
      if (timedOut) throw new Error('timed out');
      this.addresses.heard(at, true);
      return { result };
    } catch (error) {
      socket.destroy();
      raw.destroy();
      this.addresses.heard(at, !timedOut);
      return describe(error, timedOut, shownUpstream(at));
    } finally {
      clearTimeout(timer);
    }
  }

  private async encrypt(raw: Socket, at: UpstreamAddress): Promise<Socket> {
    const { tls } = this;
    // A unix socket stays on this machine and has no TLS.
    if (!tls || at.isUnix) return raw;
    const reader = new SocketReader(raw);
    raw.write(sslRequest());
    const answer = (await reader.read(1)).toString('latin1');
    if (answer !== 'S') {
      throw new UpstreamError(unreachable(), 'the server does not offer TLS, which upstream.tls demands', true);
    }
    // See startup-negotiation.ts: the same attack works in this direction (CVE-2021-23222).
    if (reader.hasUnread()) {
      throw new UpstreamError(unreachable(), 'the server sent data before the TLS handshake', true);
    }
    reader.detach();
    try {
      // Each host's certificate must name that host.
      const secure = await upstreamHandshake(raw, at.host, this.options.tls, tls);
      secure.on('error', ignoreError);
      return secure;
    } catch (error) {
      throw new UpstreamError(unreachable(), `TLS handshake failed: ${reasonOf(error)}`, true);
    }
  }
}

/** Removes its listeners, as the socket may live for days. */
function connected(socket: Socket): Promise<void> {
  socket.on('error', ignoreError);
  return new Promise((done, failed) => {
    const letGo = () => socket.off('connect', onConnect).off('error', onError).off('close', onClose);
    const onConnect = (): void => {
      letGo();
      done();
    };
    const onError = (error: unknown): void => {
      letGo();
      failed(new UpstreamError(unreachable(), reasonOf(error), true));
    };
    const onClose = (): void => {
      letGo();
      failed(new ConnectionClosed('connection closed'));
    };
    socket.on('connect', onConnect).on('error', onError).on('close', onClose);
  });
}

function describe(error: unknown, timedOut: boolean, at: string): { failure: UpstreamFailure; elsewhere: boolean } {
  const said = (refusal: UpstreamFailure['refusal'], detail: string, elsewhere = true, wrongPassword = false) => ({
    failure: { refusal, detail: `${at}: ${detail}`, ...(wrongPassword && { wrongPassword }) },
    elsewhere,
  });
  if (timedOut) return said(unreachable(), 'no answer in time');
  if (error instanceof UpstreamError) return said(error.refusal, error.message, error.elsewhere, error.wrongPassword);
  if (error instanceof ConnectionClosed) {
    const refusal = upstreamRefused('08006', 'the database server closed the connection during login');
    return said(refusal, 'the server closed the connection during login');
  }
  const refusal = upstreamRefused('08006', 'the database server does not speak the PostgreSQL protocol');
  return said(refusal, reasonOf(error));
}

/** The client gets the most hopeful failure (57P03 tells it to try again); the operator gets all of them. */
function together(failures: readonly UpstreamFailure[]): UpstreamFailure {
  const hopeful = failures.find(({ refusal }) => refusal.sqlstate === '57P03');
  const refusal = (hopeful ?? failures.at(-1))?.refusal ?? unreachable();
  return {
    refusal,
    ...(failures.at(-1)?.wrongPassword && { wrongPassword: true }),
    detail: [...new Set(failures.map(({ detail }) => detail))].join('; ') || 'no address to connect to',
  };
}
