/** Opens connections to the database server: for sessions, and to cancel what they run. Every failure is a value, and none takes for ever. */
import { createConnection, type Socket } from 'node:net';
import { cancelRequest, sslRequest } from '../wire/startup.ts';
import { upstreamRefused } from './login-refusal.ts';
import { ConnectionClosed, SocketReader } from './socket-reader.ts';
import { UpstreamError, type UpstreamFailure, type UpstreamKey } from './upstream-error.ts';
import { logIn, type UpstreamLogin, type UpstreamSession } from './upstream-login.ts';
import { type UpstreamTlsOptions, upstreamTls } from './upstream-tls.ts';

export interface UpstreamOptions {
  readonly host: string;
  readonly port: number;
  readonly tls: UpstreamTlsOptions;
  /** For connecting, TLS and login together. */
  readonly timeoutMs: number;
}

const unreachable = () => upstreamRefused('08001', 'could not connect to the database server');

export class Upstream {
  private readonly tls: ReturnType<typeof upstreamTls>;

  /** Throws where a file of certificates cannot be read. */
  constructor(private readonly options: UpstreamOptions) {
    this.tls = upstreamTls(options.host, options.tls);
  }

  /** Logs in; ReadyForQuery has been read, the session is idle, and its socket paused. */
  async open(login: UpstreamLogin): Promise<{ session: UpstreamSession } | { failure: UpstreamFailure }> {
    return this.attempt(async (dial) => {
      const reader = await dial();
      const session = await logIn(reader, login);
      reader.detach();
      return { session };
    });
  }

  /** Resolves when the server has closed the cancel connection, or when it is clear that it will not. */
  async cancel(key: UpstreamKey): Promise<UpstreamFailure | undefined> {
    const result = await this.attempt(async (dial) => {
      const reader = await dial();
      reader.socket.write(cancelRequest(key.processId, key.secretKey));
      // The server answers nothing; it closes when the signal is on its way.
      await reader.read(1).catch((error: unknown) => {
        if (!(error instanceof ConnectionClosed)) throw error;
      });
      reader.detach();
      reader.socket.destroy();
      return {};
    });
    return 'failure' in result ? result.failure : undefined;
  }

  private async attempt<T>(
    work: (dial: () => Promise<SocketReader>) => Promise<T>,
  ): Promise<T | { failure: UpstreamFailure }> {
    const { host, port, timeoutMs } = this.options;
    const raw = createConnection({ host, port });
    raw.setNoDelay(true);
    raw.setKeepAlive(true, 60_000);
    let reader: SocketReader | undefined;
    let timedOut = false;
    const timer = setTimeout(() => {
      timedOut = true;
      raw.destroy(new Error('timed out'));
    }, timeoutMs);
    const dial = async (): Promise<SocketReader> => {
      await connected(raw);
      reader = new SocketReader(await this.encrypt(raw));
      return reader;
    };
    try {
      return await work(dial);
    } catch (error) {
      reader?.socket.destroy();
      raw.destroy();
      return { failure: describe(error, timedOut) };
    } finally {
      clearTimeout(timer);
    }
  }

  private async encrypt(raw: Socket): Promise<Socket> {
    if (!this.tls) return raw;
    const reader = new SocketReader(raw);
    raw.write(sslRequest());
    const answer = (await reader.read(1)).toString('latin1');
    if (answer !== 'S') {
      throw new UpstreamError(unreachable(), 'the server does not offer TLS, which upstream.tls demands');
    }
    // INVARIANT: see startup-negotiation.ts; the same trick works in this direction (CVE-2021-23222).
    if (reader.hasUnread()) throw new UpstreamError(unreachable(), 'the server sent data before the TLS handshake');
    reader.detach();
    try {
      const secure = await this.tls(raw);
      secure.on('error', () => {});
      return secure;
    } catch (error) {
      throw new UpstreamError(unreachable(), `TLS handshake failed: ${messageOf(error)}`);
    }
  }
}

function connected(socket: Socket): Promise<void> {
  return new Promise((done, failed) => {
    socket.once('connect', done);
    // Stays for the life of the socket: an error event without a listener would end the process.
    socket.on('error', (error) => failed(new UpstreamError(unreachable(), messageOf(error))));
    socket.once('close', () => failed(new ConnectionClosed('connection closed')));
  });
}

function describe(error: unknown, timedOut: boolean): UpstreamFailure {
  if (timedOut) return { refusal: unreachable(), detail: 'no answer in time' };
  if (error instanceof UpstreamError) return { refusal: error.refusal, detail: error.message };
  if (error instanceof ConnectionClosed) {
    const refusal = upstreamRefused('08006', 'the database server closed the connection during login');
    return { refusal, detail: 'the server closed the connection during login' };
  }
  const refusal = upstreamRefused('08006', 'the database server does not speak the PostgreSQL protocol');
  return { refusal, detail: messageOf(error) };
}

function messageOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(messageOf).join('; ');
  return error instanceof Error ? error.message : String(error);
}
