/** TLS to the database server. */
import { createHash, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { isIP, type Socket } from 'node:net';
import { type ConnectionOptions, connect, createSecureContext, type SecureContext, type TLSSocket } from 'node:tls';

export interface UpstreamTlsOptions {
  /** `require` encrypts, and checks the certificate's authority only if `ca` is given; `verify-full` checks authority and host name. As in libpq. */
  readonly mode: 'disable' | 'require' | 'verify-full';
  /** File of the trusted authorities; absent: those built into Node.js. */
  readonly ca?: string;
  /** Files of the guard's own certificate and key, which the server may ask for; both or neither. */
  readonly cert?: string;
  readonly key?: string;
}

/** The files as read at one time. */
export interface UpstreamTlsFiles {
  readonly context: SecureContext;
  /** Changes when one of the files does. */
  readonly hash: string;
  /** For the guard's own certificate, in milliseconds since the epoch. */
  readonly dates: { readonly from: number; readonly until: number } | undefined;
}

/** Throws if a file cannot be read, or if key and certificate do not match. Undefined for `disable`. */
export function readUpstreamTls(options: UpstreamTlsOptions): UpstreamTlsFiles | undefined {
  if (options.mode === 'disable') return undefined;
  const [ca, cert, key] = [options.ca, options.cert, options.key].map((file) => file && readFileSync(file));
  const context = createSecureContext({
    ...(ca && { ca }),
    ...(cert && { cert }),
    ...(key && { key }),
    minVersion: 'TLSv1.2',
  });
  const own = cert ? new X509Certificate(cert) : undefined;
  return {
    context,
    hash: [ca, cert, key]
      .map((file) =>
        createHash('sha256')
          .update(file ?? '')
          .digest('hex'),
      )
      .join(' '),
    dates: own && { from: Date.parse(own.validFrom), until: Date.parse(own.validTo) },
  };
}

/** The handshake of one connection; throws if it fails. */
export function upstreamHandshake(
  socket: Socket,
  host: string,
  options: UpstreamTlsOptions,
  { context }: UpstreamTlsFiles,
): Promise<TLSSocket> {
  const settings: ConnectionOptions = {
    socket,
    host,
    secureContext: context,
    ...(isIP(host) === 0 && { servername: host }),
    ALPNProtocols: ['postgresql'],
    // INVARIANT 93: verify-full keeps both default checks, of the chain and of the name, switched on.
    ...(options.mode === 'require' && {
      rejectUnauthorized: options.ca !== undefined,
      checkServerIdentity: () => undefined,
    }),
  };
  return new Promise((done, failed) => {
    const secure = connect(settings);
    secure.once('secureConnect', () => {
      secure.off('error', failed);
      done(secure);
    });
    secure.once('error', failed);
    secure.once('close', () => failed(new Error('connection closed during the TLS handshake')));
  });
}
