/** TLS towards the database server. */
import { readFileSync } from 'node:fs';
import { isIP, type Socket } from 'node:net';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';

export interface UpstreamTlsOptions {
  /**
   * `require` encrypts, and checks the certificate's authority only where `ca` is given; `verify-full` checks authority and
   * host name. As in libpq.
   */
  readonly mode: 'disable' | 'require' | 'verify-full';
  /** File of the authorities that are trusted; absent: those that Node.js brings. */
  readonly ca?: string;
}

export type UpstreamTls = (socket: Socket) => Promise<TLSSocket>;

/** Reads the authorities once; throws where they cannot be read. Undefined for `disable`. The handshake throws where it fails. */
export function upstreamTls(host: string, options: UpstreamTlsOptions): UpstreamTls | undefined {
  if (options.mode === 'disable') return undefined;
  const settings: ConnectionOptions = {
    host,
    ...(isIP(host) === 0 && { servername: host }),
    ...(options.ca !== undefined && { ca: readFileSync(options.ca) }),
    ALPNProtocols: ['postgresql'],
    minVersion: 'TLSv1.2',
    // INVARIANT: verify-full leaves both checks, of chain and of name, as they are by default: on.
    ...(options.mode === 'require' && {
      rejectUnauthorized: options.ca !== undefined,
      checkServerIdentity: () => undefined,
    }),
  };
  return (socket) =>
    new Promise((done, failed) => {
      const secure = connect({ ...settings, socket });
      secure.once('secureConnect', () => {
        secure.off('error', failed);
        done(secure);
      });
      secure.once('error', failed);
      secure.once('close', () => failed(new Error('connection closed during the TLS handshake')));
    });
}
