/** TLS towards clients: the guard's certificate, the handshake, and what the client's own certificate says. */
import { createHash, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { createServer, type Server, type TLSSocket } from 'node:tls';
import { serverEndPoint } from '../wire/scram-channel-binding.ts';

export interface TlsFiles {
  readonly cert: string;
  readonly key: string;
  /** Certificates of clients must come from one of these authorities, where a client shows one. */
  readonly clientCa?: string;
}

/** What a handshake told about the client. */
export interface ClientTls {
  readonly socket: TLSSocket;
  /** `sha256:…` over its DER form; undefined where none was shown. Its private key is in the client's hands. */
  readonly certificate: string | undefined;
  /** False where authorities are configured and the certificate shown is of none of them, or out of date. */
  readonly trusted: boolean;
  /** True where the client asked for the protocol by name (ALPN). */
  readonly namedProtocol: boolean;
}

const PROTOCOL = 'postgresql';

export class ServerTls {
  /** `tls-server-end-point` data for SCRAM-SHA-256-PLUS; undefined where the certificate gives none. */
  readonly channelBinding: Buffer | undefined;
  private readonly server: Server;
  private readonly hasClientCa: boolean;
  private readonly waiting = new Map<string, (socket: TLSSocket | undefined) => void>();

  /** Throws where a file cannot be read or the parts do not fit together. */
  constructor(files: TlsFiles) {
    const cert = readFileSync(files.cert);
    this.channelBinding = serverEndPoint(new X509Certificate(cert).raw);
    this.hasClientCa = files.clientCa !== undefined;
    this.server = createServer({
      cert,
      key: readFileSync(files.key),
      ...(files.clientCa !== undefined && { ca: readFileSync(files.clientCa) }),
      // Asked for, so that a principal can be bound to one; judged below and at login, where the client can be told why.
      requestCert: true,
      rejectUnauthorized: false,
      ALPNProtocols: [PROTOCOL],
      minVersion: 'TLSv1.2',
    });
    this.server.on('secureConnection', (socket) => this.settle(peerKey(socket), socket));
    this.server.on('tlsClientError', (_error, socket) => this.settle(peerKey(socket), undefined));
  }

  /** Does the handshake on a socket that nobody reads any more; undefined where it fails or the client leaves. */
  async accept(raw: Socket): Promise<ClientTls | undefined> {
    const key = peerKey(raw);
    const socket = await new Promise<TLSSocket | undefined>((done) => {
      this.waiting.set(key, done);
      raw.once('close', () => this.settle(key, undefined));
      this.server.emit('connection', raw);
    });
    if (!socket) return undefined;
    const der = socket.getPeerX509Certificate()?.raw;
    return {
      socket,
      certificate: der && `sha256:${createHash('sha256').update(der).digest('hex')}`,
      trusted: !der || !this.hasClientCa || socket.authorized,
      namedProtocol: socket.alpnProtocol === PROTOCOL,
    };
  }

  private settle(key: string, socket: TLSSocket | undefined): void {
    this.waiting.get(key)?.(socket);
    this.waiting.delete(key);
  }
}

function peerKey(socket: Socket): string {
  return `${socket.remoteAddress}|${socket.remotePort}|${socket.localAddress}|${socket.localPort}`;
}
