/** TLS towards clients: the guard's certificate, the handshake, and what the client's own certificate says. */
import { constants, createHash, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { createServer, type Server, type TLSSocket, type TlsOptions } from 'node:tls';
import { serverEndPoint } from '../../wire/scram-channel-binding.ts';
import { type ClientCertificate, clientCertificate } from './client-certificate.ts';

export interface TlsFiles {
  readonly cert: string;
  readonly key: string;
  /** Certificates of clients must come from one of these authorities, where a client shows one. */
  readonly clientCa?: string;
}

/** What a handshake told about the client. */
export interface ClientTls {
  readonly socket: TLSSocket;
  /** Undefined where none was shown. Its private key is in the client's hands. */
  readonly certificate: ClientCertificate | undefined;
  /** False where authorities are configured and the certificate shown is of none of them, or out of date. */
  readonly trusted: boolean;
  /** True where the client asked for the protocol by name (ALPN). */
  readonly namedProtocol: boolean;
}

const PROTOCOL = 'postgresql';

/** Of TLS 1.2: forward secrecy and authenticated encryption only, which every client since 2014 has. Those of TLS 1.3 are all of that kind. */
const CIPHERS = [
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'TLS_AES_128_GCM_SHA256',
  'ECDHE+AESGCM',
  'ECDHE+CHACHA20',
].join(':');

/**
 * As PostgreSQL has it. INVARIANT: each connection shows its certificate anew. A resumed session would vouch for one that has
 * expired, or whose authority was removed, since; and renegotiation could change it behind the login.
 */
const OPTIONS = constants.SSL_OP_NO_TICKET | constants.SSL_OP_NO_RENEGOTIATION | constants.SSL_OP_NO_COMPRESSION;

export class ServerTls {
  /** `tls-server-end-point` data for SCRAM-SHA-256-PLUS; undefined where the certificate gives none. */
  readonly channelBinding: Buffer | undefined;
  /** Changes when one of the files does. */
  readonly hash: string;
  readonly validUntil: Date;
  private readonly options: TlsOptions;
  private readonly server: Server;
  private readonly hasClientCa: boolean;
  private readonly waiting = new Map<string, (socket: TLSSocket | undefined) => void>();

  /** Throws where a file cannot be read or the parts do not fit together. */
  constructor(files: TlsFiles) {
    const cert = readFileSync(files.cert);
    const key = readFileSync(files.key);
    const ca = files.clientCa === undefined ? undefined : readFileSync(files.clientCa);
    const certificate = new X509Certificate(cert);
    this.channelBinding = serverEndPoint(certificate.raw);
    this.validUntil = new Date(certificate.validTo);
    this.hash = [cert, key, ca ?? Buffer.alloc(0)].map(sha256).join(' ');
    this.hasClientCa = ca !== undefined;
    this.options = {
      cert,
      key,
      ...(ca && { ca }),
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

  /** Does the handshake on a socket that nobody reads any more; undefined where it fails or the client leaves. */
  async accept(raw: Socket): Promise<ClientTls | undefined> {
    if (raw.destroyed) return undefined;
    // A client that closes its side in the middle of a handshake is gone: its place is another's. Afterwards it may wait for answers.
    raw.allowHalfOpen = false;
    const socket = await (raw.remoteAddress === undefined ? this.handshakeAlone(raw) : this.handshake(raw));
    if (!socket) return undefined;
    socket.allowHalfOpen = true;
    const der = socket.getPeerX509Certificate()?.raw;
    return {
      socket,
      certificate: der && clientCertificate(der, this.hasClientCa && socket.authorized),
      trusted: !der || !this.hasClientCa || socket.authorized,
      namedProtocol: socket.alpnProtocol === PROTOCOL,
    };
  }

  private handshake(raw: Socket): Promise<TLSSocket | undefined> {
    const key = peerKey(raw);
    return new Promise((done) => {
      this.waiting.set(key, done);
      raw.once('close', () => this.settle(key, undefined));
      this.server.emit('connection', raw);
    });
  }

  /** By a unix socket, as from a proxy beside us, connections have no addresses to be told apart by. */
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

function peerKey(socket: Socket): string {
  return `${socket.remoteAddress}|${socket.remotePort}|${socket.localAddress}|${socket.localPort}`;
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
