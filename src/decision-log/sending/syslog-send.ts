/**
 * Sends messages of syslog over TCP or TLS. Syslog has no acknowledgement, but TCP's end has: when the receiver closes in order a connection
 * that we have ended, its process has read all of it. So each call has a connection of its own.
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
    /** PEM files, read anew each time. `ca`: absent, those that Node knows. `cert` and `key`: by which the receiver knows us. */
    readonly ca?: string | undefined;
    readonly cert?: string | undefined;
    readonly key?: string | undefined;
  };
}

export interface SyslogPatience {
  /** Milliseconds for which nothing may move: to connect, to send, and then to be closed. */
  readonly quietMs?: number;
  /** Milliseconds between sending and the end: a receiver that turns us away (a certificate, too many connections) closes by itself within them. */
  readonly graceMs?: number;
  /** Ends it at once. */
  readonly signal?: AbortSignal;
}

const QUIET_MS = 30_000;
const GRACE_MS = 2_000;

/**
 * Resolves when the receiver has read all of it. Rejects where nobody knows how much it has read: then all of it is to be sent again, and
 * may come twice. A receiver that is killed has left something unread, and its system resets the connection.
 */
export function sendSyslog(
  receiver: SyslogReceiver,
  frames: readonly Buffer[],
  { quietMs = QUIET_MS, graceMs = GRACE_MS, signal }: SyslogPatience = {},
): Promise<void> {
  return new Promise((done, fail) => {
    let grace: NodeJS.Timeout | undefined;
    const dialled = performance.now();
    const socket = dial(receiver, () => {
      // A receiver that is slow to greet is slow to turn away.
      const waitMs = Math.max(graceMs, 2 * (performance.now() - dialled));
      socket.write(Buffer.concat(frames), () => {
        grace = setTimeout(() => socket.end(), waitMs);
      });
    });
    const abort = () => socket.destroy(new Error('it was ended'));
    signal?.addEventListener('abort', abort);
    socket.setTimeout(quietMs, () => socket.destroy(new Error(`nothing has moved for ${quietMs / 1000} s`)));
    // What it says is of no interest, but its end is.
    socket.resume();
    socket.once('end', () => {
      // Only an end that comes after ours says that all was read.
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
