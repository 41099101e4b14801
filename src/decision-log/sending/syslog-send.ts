/**
 * Sends syslog messages over TCP or TLS. Syslog has no acknowledgement, but closing a TCP connection does. If we end it, and the receiver then closes
 * it in order, the receiver has read everything. So each call uses a new connection.
 */
import { Buffer } from 'node:buffer';
import { readFileSync } from 'node:fs';
import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { performance } from 'node:perf_hooks';
import { connect as connectTls } from 'node:tls';

export interface SyslogReceiver {
  readonly host: string;
  readonly port: number;
  /** Absent: plain TCP. */
  readonly tls?: {
    /** PEM files, read again each time. `ca`: absent: those that Node trusts. `cert` and `key`: the client certificate. */
    readonly ca?: string | undefined;
    readonly cert?: string | undefined;
    readonly key?: string | undefined;
  };
}

export interface SyslogTimeouts {
  /** The most milliseconds without progress: while connecting, sending, and waiting for the close. */
  readonly quietMs?: number;
  /** Milliseconds between sending and ending: a receiver that refuses us (certificate, too many connections) closes within them. */
  readonly graceMs?: number;
  /** Aborts at once. */
  readonly signal?: AbortSignal;
}

const QUIET_MS = 30_000;
const GRACE_MS = 2_000;

/**
 * Resolves when the receiver has read everything. Rejects if it is not known how much it has read: then everything must be sent again, and may arrive
 * twice. If a receiver is killed, something is left unread, and its system resets the connection.
 */
export function sendSyslog(
  receiver: SyslogReceiver,
  frames: readonly Buffer[],
  { quietMs = QUIET_MS, graceMs = GRACE_MS, signal }: SyslogTimeouts = {},
): Promise<void> {
  return new Promise((done, fail) => {
    let grace: NodeJS.Timeout | undefined;
    const dialled = performance.now();
    const socket = dial(receiver, () => {
      // A receiver that is slow to connect is slow to refuse.
      const waitMs = Math.max(graceMs, 2 * (performance.now() - dialled));
      socket.write(Buffer.concat(frames), () => {
        grace = setTimeout(() => socket.end(), waitMs);
      });
    });
    const abort = () => socket.destroy(new Error('it was ended'));
    signal?.addEventListener('abort', abort);
    socket.setTimeout(quietMs, () => socket.destroy(new Error(`nothing has moved for ${quietMs / 1000} s`)));
    // Its data is ignored, but its end matters.
    socket.resume();
    socket.once('end', () => {
      // Only an end after ours proves that everything was read.
      if (socket.writableFinished) done();
      else socket.destroy(new Error('the receiver closed the connection before it had everything'));
    });
    socket.on('error', fail);
    socket.once('close', () => {
      clearTimeout(grace);
      signal?.removeEventListener('abort', abort);
      fail(new Error('the connection was closed'));
    });
  });
}

function dial({ host, port, tls }: SyslogReceiver, connected: () => void): Socket {
  if (!tls) return connectTcp({ host, port, allowHalfOpen: true }, connected);
  return connectTls(
    {
      host,
      port,
      minVersion: 'TLSv1.2',
      ...(isIP(host) === 0 && { servername: host }),
      ...(tls.ca !== undefined && { ca: readFileSync(tls.ca) }),
      ...(tls.cert !== undefined && { cert: readFileSync(tls.cert) }),
      ...(tls.key !== undefined && { key: readFileSync(tls.key) }),
    },
    connected,
  );
}
