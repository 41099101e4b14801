/** TLS towards clients: the guard's certificate, the handshake, and what the client's own certificate says. */
import type { Buffer } from 'node:buffer';
import { constants, createHash, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { createServer, type DetailedPeerCertificate, type Server, type TLSSocket, type TlsOptions } from 'node:tls';
import type { LoginRefusal } from '../../core/login-refusal.ts';
import { type ClientCertificate, clientCertificate } from '../../identity/client-certificate.ts';
import { serverEndPoint } from '../../protocol/scram-channel-binding.ts';
import { type AuthorityFiles, ClientAuthorities } from './client-authorities.ts';

export interface TlsFiles extends AuthorityFiles {
  readonly cert: string;
  readonly key: string;
}

/** What a handshake told about the client. */
export interface ClientTls {
  readonly socket: TLSSocket;
  /** Undefined if none was shown. The client has proved that it has the private key. */
  readonly certificate: ClientCertificate | undefined;
  /** Why the client's certificate is refused, if authorities are configured: not issued by one of them, expired, revoked. */
  readonly refusal: LoginRefusal | undefined;
  /** True where the client asked for the protocol by name (ALPN). */
  readonly namedProtocol: boolean;
}

const PROTOCOL = 'postgresql';

/** OpenSSL does not verify longer chains. */
const LONGEST_CHAIN = 100;

/** Of TLS 1.2: forward secrecy and authenticated encryption only, which every client since 2014 has. Those of TLS 1.3 are all of that kind. */
const CIPHERS = [
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'TLS_AES_128_GCM_SHA256',
  'ECDHE+AESGCM',
  'ECDHE+CHACHA20',
].join(':');

/**
 * As in PostgreSQL. Each connection shows its certificate again. A resumed session would accept a certificate that has since expired, or whose
 * authority was removed; and renegotiation could change it after the login.
 */
const OPTIONS = constants.SSL_OP_NO_TICKET | constants.SSL_OP_NO_RENEGOTIATION | constants.SSL_OP_NO_COMPRESSION;

export class ServerTls {
  /** `tls-server-end-point` data for SCRAM-SHA-256-PLUS; undefined if the certificate gives none. */
  readonly channelBinding: Buffer | undefined;
  /** Changes when one of the files does. */
  readonly hash: string;
  readonly validFrom: Date;
  readonly validUntil: Date;
  readonly authorities: ClientAuthorities;
  private readonly options: TlsOptions;
  private readonly server: Server;
  private readonly waiting = new Map<string, (socket: TLSSocket | undefined) => void>();

  /** Throws where a file cannot be read or the parts do not fit together. */
  constructor(files: TlsFiles) {
    const cert = readFileSync(files.cert);
    const key = readFileSync(files.key);
    this.authorities = new ClientAuthorities(files);
    const certificate = new X509Certificate(cert);
    this.channelBinding = serverEndPoint(certificate.raw);
    this.validFrom = new Date(certificate.validFrom);
    this.validUntil = new Date(certificate.validTo);
    this.hash = [cert, key, ...this.authorities.sources].map(sha256).join(' ');
    this.options = {
      cert,
      key,
      ...this.authorities.handshake,
      // Asked for, so that a principal can be bound to one; judged below and at login, where the client can be told why.
      requestCert: true,
      rejectUnauthorized: false,
      ALPNProtocols: [PROTOCOL],
      minVersion: 'TLSv1.2',
      ciphers: CIPHERS,
      secureOptions: OPTIONS,
    };
    this.server = createServer(this.options);
    this.server.on('secureConnection', (socket) => this.settle(peerKey(socket), socket));
    this.server.on('tlsClientError', (_error, socket) => this.settle(peerKey(socket), undefined));
  }

  /** Does the handshake on a socket that has no other reader; undefined if it fails or the client leaves. */
  async accept(raw: Socket): Promise<ClientTls | undefined> {
    if (raw.destroyed) return undefined;
    // A client that closes its side in the middle of a handshake is gone: its place is another's. Afterwards it may wait for answers.
    raw.allowHalfOpen = false;
    const socket = await (raw.remoteAddress === undefined ? this.handshakeAlone(raw) : this.handshake(raw));
    if (!socket) return undefined;
    socket.allowHalfOpen = true;
    return { socket, ...this.shownBy(socket), namedProtocol: socket.alpnProtocol === PROTOCOL };
  }

  private shownBy(socket: TLSSocket): Pick<ClientTls, 'certificate' | 'refusal'> {
    const { authorities } = this;
    const chain = chainOf(socket);
    if (!chain) return { certificate: undefined, refusal: undefined };
    if (!authorities.isConfigured) return { certificate: clientCertificate([chain[0]], false), refusal: undefined };
    const certificate = clientCertificate(chain, socket.authorized);
    if (socket.authorized) {
      authorities.accept(certificate);
      return { certificate, refusal: undefined };
    }
    return { certificate, refusal: authorities.refusalFor(String(socket.authorizationError), certificate) };
  }

  private handshake(raw: Socket): Promise<TLSSocket | undefined> {
    const key = peerKey(raw);
    return new Promise((done) => {
      const left = (): void => this.settle(key, undefined);
      this.waiting.set(key, (socket) => {
        raw.off('close', left);
        done(socket);
      });
      raw.once('close', left);
      this.server.emit('connection', raw);
    });
  }

  /** Connections by a unix socket, also from a local proxy, have no addresses by which they could be told apart. */
  private handshakeAlone(raw: Socket): Promise<TLSSocket | undefined> {
    const server = createServer(this.options);
    return new Promise((done) => {
      server.once('secureConnection', done);
      server.once('tlsClientError', () => done(undefined));
      raw.once('close', () => done(undefined));
      server.emit('connection', raw);
    });
  }

  private settle(key: string, socket: TLSSocket | undefined): void {
    this.waiting.get(key)?.(socket);
    this.waiting.delete(key);
  }
}

/** The client's own certificate, and its issuers as far as they are known; the last may be its own issuer. Undefined if none was shown. */
function chainOf(socket: TLSSocket): [Buffer, ...Buffer[]] | undefined {
  // Not by getPeerX509Certificate, which would take the others off the chain.
  let at: DetailedPeerCertificate | undefined = socket.getPeerCertificate(true);
  if (!at?.raw) return undefined;
  const chain: [Buffer, ...Buffer[]] = [at.raw];
  while (at.issuerCertificate?.raw && !at.issuerCertificate.raw.equals(at.raw) && chain.length < LONGEST_CHAIN) {
    at = at.issuerCertificate;
    chain.push(at.raw);
  }
  return chain;
}

function peerKey(socket: Socket): string {
  return `${socket.remoteAddress}|${socket.remotePort}|${socket.localAddress}|${socket.localPort}`;
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
