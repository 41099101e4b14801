/** Opens connections to the database server: for sessions, and to cancel what they run. Every failure is a value, and none takes for ever. */
import { createConnection, type Socket } from 'node:net';
import { upstreamRefused } from '../core/login-refusal.ts';
import { ignoreError } from '../net/ignore-error.ts';
import { ConnectionClosed, SocketReader } from '../net/socket-reader.ts';
import { query as queryMessage } from '../protocol/query.ts';
import { cancelRequest, sslRequest } from '../protocol/startup.ts';
import { shownUpstream, type UpstreamAddress, UpstreamAddresses, type UpstreamHost } from './addresses.ts';
import { DerivedKeys } from './derived-keys.ts';
import { type LoggedIn, logIn, notLoggedIn, type UpstreamLogin } from './login.ts';
import { type QueryRows, readAnswer, type ServerQuery, serverQuery } from './own-query.ts';
import { NoPassword, type Password, type PasswordSource, passwordFrom } from './password.ts';
import { ServerMessages } from './server-messages.ts';
import { demand, kindOf, roundsFor, type TargetSessionAttrs, type WantedSession } from './target-attributes.ts';
import { readUpstreamTls, type UpstreamTlsFiles, type UpstreamTlsOptions, upstreamHandshake } from './tls.ts';
import { UpstreamError, type UpstreamFailure } from './upstream-error.ts';

export interface UpstreamOptions {
  /** At least one. */
  readonly hosts: readonly UpstreamHost[];
  readonly tls: UpstreamTlsOptions;
  /** For connecting to one address, TLS and login together. */
  readonly timeoutMs: number;
  /** Default: any. */
  readonly targetSessionAttrs?: TargetSessionAttrs;
  /** Default: false, the order of `hosts`. */
  readonly loadBalance?: boolean;
  /** A pooler stands in between: what it reports may be another server's. */
  readonly pooled?: boolean;
}

/** A session that has logged in, and is not a client's yet. */
export interface Fresh {
  readonly messages: ServerMessages;
  /** As the server reports them: what it reports while it is asked is put in. */
  readonly reported: Map<string, string>;
  readonly ask: ServerQuery;
}

/** How a session is opened: what goes wrong in either of the two steps behind the login throws an UpstreamError. */
export interface Opener extends Omit<UpstreamLogin, 'password'> {
  readonly password: PasswordSource | undefined;
  /** Sent with the login's last message, so that it costs no round trip. Says nothing that the server may not know unless it has proved itself. */
  readonly atOnce?: { readonly sql: string; verify(rows: QueryRows): void };
  /** Makes the session what it must be, within the login's time. */
  setUp?(fresh: Fresh): Promise<void>;
}

/** A session of the server, idle, and where it is: cancel requests go there. */
export interface UpstreamSession extends Omit<LoggedIn, 'parameters'> {
  readonly at: UpstreamAddress;
  /** As the server reports them: name and value. */
  readonly parameters: ReadonlyMap<string, string>;
}

const unreachable = () => upstreamRefused('08001', 'could not connect to the database server');

export type Opened = { readonly session: UpstreamSession } | { readonly failure: UpstreamFailure };

type Attempt<T> = { readonly result: T } | { readonly failure: UpstreamFailure; readonly elsewhere: boolean };

export class Upstream {
  private readonly addresses: UpstreamAddresses;
  private readonly keys = new DerivedKeys();
  /** What the last session was told of its parameters. */
  private last: ReadonlyMap<string, string> = new Map();
  private tls: UpstreamTlsFiles | undefined;

  /** Throws where a file of certificates cannot be read. */
  constructor(private readonly options: UpstreamOptions) {
    this.addresses = new UpstreamAddresses(options.hosts, options.loadBalance ?? false);
    this.tls = readUpstreamTls(options.tls);
  }

  /** Reads the files of certificates again, for new connections: false where they are the same. Throws where they do not serve. */
  reloadTls(): boolean {
    const next = readUpstreamTls(this.options.tls);
    if (next?.hash === this.tls?.hash) return false;
    this.tls = next;
    return true;
  }

  /** Of the guard's own certificate, in milliseconds since the epoch; undefined where it has none. */
  get certificateDates(): UpstreamTlsFiles['dates'] {
    return this.tls?.dates;
  }

  /**
   * Logs in at the first host that lets us in and suits; ReadyForQuery has been read, the session is idle, and its socket paused.
   * A host that answers, but with an error that it would give anywhere (a wrong password), is the last one tried. A password that
   * a command gave may have been replaced since: where it is refused, the command is asked once more.
   */
  async open(opener: Opener): Promise<Opened> {
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

  private async openWith(opener: Opener, { text: password }: Password): Promise<Opened> {
    const login = { ...opener, password };
    const failures: UpstreamFailure[] = [];
    for (const wanted of roundsFor(this.options.targetSessionAttrs ?? 'any')) {
      for await (const place of this.addresses.inOrder()) {
        if (!('address' in place)) {
          failures.push({ refusal: unreachable(), detail: `${place.host}: ${messageOf(place.error)}` });
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

  /** Resolves when the server has closed the cancel connection, or when it is clear that it will not. */
  async cancel({ key, at }: Pick<UpstreamSession, 'key' | 'at'>): Promise<UpstreamFailure | undefined> {
    if (!key) return { refusal: unreachable(), detail: 'the server gave no key to cancel with' };
    const attempt = await this.attempt(at, async (dial) => {
      const socket = await dial();
      socket.write(cancelRequest(key.processId, key.secretKey));
      // The server answers nothing; it closes when the signal is on its way.
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
    opener: UpstreamLogin & Pick<Opener, 'atOnce' | 'setUp'>,
    wanted: WantedSession,
  ): Promise<UpstreamSession> {
    const messages = new ServerMessages(await dial());
    const { atOnce } = opener;
    const session = await logIn(messages, opener, this.keys.derive, atOnce && queryMessage(atOnce.sql));
    const { parameters } = session;
    atOnce?.verify(await readAnswer(messages, parameters));
    const ask = serverQuery(messages, parameters);
    if (wanted !== 'any') {
      const chosen = opener.parameters.has('default_transaction_read_only');
      demand(wanted, await kindOf(parameters, ask, { pooled: this.options.pooled ?? false, chosen }));
    }
    await opener.setUp?.({ messages, reported: parameters, ask });
    messages.detach();
    return { ...session, parameters: this.shared(parameters), at };
  }

  /** Most sessions are told the same: they share what is kept of it. */
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
      // Whoever waits for the server to close must not take our own closing for it.
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
    // A unix socket is the machine itself, and has no TLS.
    if (!tls || at.isUnix) return raw;
    const reader = new SocketReader(raw);
    raw.write(sslRequest());
    const answer = (await reader.read(1)).toString('latin1');
    if (answer !== 'S') {
      throw new UpstreamError(unreachable(), 'the server does not offer TLS, which upstream.tls demands', true);
    }
    // See startup-negotiation.ts; the same trick works in this direction (CVE-2021-23222).
    if (reader.hasUnread()) {
      throw new UpstreamError(unreachable(), 'the server sent data before the TLS handshake', true);
    }
    reader.detach();
    try {
      // Each host shows a certificate of its own name.
      const secure = await upstreamHandshake(raw, at.host, this.options.tls, tls);
      secure.on('error', ignoreError);
      return secure;
    } catch (error) {
      throw new UpstreamError(unreachable(), `TLS handshake failed: ${messageOf(error)}`, true);
    }
  }
}

/** Leaves nothing of itself at the socket, which may live for days. */
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
      failed(new UpstreamError(unreachable(), messageOf(error), true));
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
  return said(refusal, messageOf(error));
}

/** The client hears the most hopeful of the failures (57P03 tells it to come again); the operator all of them. */
function together(failures: readonly UpstreamFailure[]): UpstreamFailure {
  const hopeful = failures.find(({ refusal }) => refusal.sqlstate === '57P03');
  const refusal = (hopeful ?? failures.at(-1))?.refusal ?? unreachable();
  return {
    refusal,
    ...(failures.at(-1)?.wrongPassword && { wrongPassword: true }),
    detail: [...new Set(failures.map(({ detail }) => detail))].join('; ') || 'no address to connect to',
  };
}

function messageOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(messageOf).join('; ');
  return error instanceof Error ? error.message : String(error);
}
