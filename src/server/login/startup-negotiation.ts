/** The first words of a connection: encryption, cancel, protocol version. Ends with a StartupMessage, a CancelRequest, or a refusal. */
import type { Buffer } from 'node:buffer';
import type { Socket } from 'node:net';
import { type LoginRefusal, tlsRequired, unsupportedProtocol } from '../../core/login-refusal.ts';
import type { ClientCertificate } from '../../identity/client-certificate.ts';
import { ignoreError } from '../../net/ignore-error.ts';
import { ConnectionClosed, SocketReader } from '../../net/socket-reader.ts';
import { ProtocolError } from '../../protocol/protocol-error.ts';
import type { ServerTls } from './server-tls.ts';

export interface NegotiationOptions {
  readonly tls: ServerTls | undefined;
  readonly tlsRequired: boolean;
}

/** The current state of the connection: with TLS, the socket is the TLS socket. */
export interface StartupChannel {
  readonly socket: Socket;
  readonly reader: SocketReader;
  /** The client itself came by a unix socket, which cannot be intercepted: TLS is not needed, and as in PostgreSQL not offered. */
  readonly isLocal: boolean;
  readonly encrypted: boolean;
  readonly certificate: ClientCertificate | undefined;
  /** For SCRAM-SHA-256-PLUS, of the guard's certificate that this very connection was shown. */
  readonly channelBinding?: Buffer;
  /** Why the certificate is not taken from whomever. */
  readonly certificateRefusal?: LoginRefusal;
}

export interface Startup {
  readonly kind: 'startup';
  /** 0 to 2: what both sides speak. */
  readonly minor: number;
  /** Set where the client must be told: it asked for a newer minor version, or for options that we do not know. */
  readonly renegotiate?: { readonly unknownOptions: readonly string[] };
  /** Without the `_pq_.` ones. */
  readonly parameters: ReadonlyMap<string, string>;
}

export type Negotiated =
  | Startup
  | { readonly kind: 'cancel'; readonly processId: number; readonly secretKey: Uint8Array }
  | { readonly kind: 'refused'; readonly refusal: LoginRefusal };

/** The newest minor version of protocol 3 that is spoken here. */
const NEWEST_MINOR = 2;

/** First byte of a TLS handshake record; no startup packet of a sane length begins with it. */
const TLS_HANDSHAKE = 0x16;

/**
 * Negotiates on `channel`, calling `replace` whenever TLS puts another one in its place, so that the caller can always
 * answer on the right one. Throws ConnectionClosed, ProtocolError or MalformedMessage.
 */
export async function negotiate(
  initial: StartupChannel,
  options: NegotiationOptions,
  replace: (channel: StartupChannel) => void,
): Promise<Negotiated> {
  let channel = initial;
  const tls = initial.isLocal ? undefined : options.tls;
  const encrypt = async (direct: boolean): Promise<void> => {
    channel = await startTls(channel, tls!, direct);
    replace(channel);
  };
  const first = await channel.reader.read(1);
  channel.socket.unshift(first);
  if (first[0] === TLS_HANDSHAKE && tls) await encrypt(true);
  let asked = { ssl: channel.encrypted, gssenc: channel.encrypted };
  for (;;) {
    const packet = await channel.reader.readStartup();
    if (packet.kind === 'cancel-request') {
      return { kind: 'cancel', processId: packet.processId, secretKey: packet.secretKey };
    }
    if (packet.kind === 'startup') {
      if (options.tlsRequired && !channel.encrypted && !channel.isLocal)
        return { kind: 'refused', refusal: tlsRequired() };
      return readStartup(packet.major, packet.minor, packet.parameters);
    }
    const kind = packet.kind === 'ssl-request' ? 'ssl' : 'gssenc';
    // Each may be asked for once, and not inside TLS: otherwise a connection could ask for ever. PostgreSQL takes more for a version.
    if (asked[kind]) return { kind: 'refused', refusal: unsupportedProtocol(1234, kind === 'ssl' ? 5679 : 5680) };
    asked = { ...asked, [kind]: true };
    if (kind === 'ssl' && tls) await encrypt(false);
    else {
      channel.socket.write('N');
      // As PostgreSQL: who asks waits for the answer.
      if (channel.reader.hasUnread()) {
        const what = kind === 'ssl' ? 'SSL' : 'GSSAPI encryption';
        throw new ProtocolError(`received unencrypted data after ${what} request`);
      }
    }
    if (channel.encrypted) asked = { ssl: true, gssenc: true };
  }
}

async function startTls(channel: StartupChannel, tls: ServerTls, direct: boolean): Promise<StartupChannel> {
  const { socket, reader } = channel;
  if (!direct) {
    // INVARIANT 91: what came in the clear, before the handshake, is never read as if it had come inside TLS (CVE-2021-23214).
    if (reader.hasUnread()) throw new ProtocolError('received unencrypted data after SSL request');
    socket.write('S');
    // Its first message is what costs most of a handshake: many begin one after another, each in its turn.
    await reader.arrival();
  }
  reader.detach();
  const accepted = await tls.accept(socket);
  if (!accepted) throw new ConnectionClosed('TLS handshake failed');
  accepted.socket.on('error', ignoreError);
  const encrypted: StartupChannel = {
    socket: accepted.socket,
    reader: new SocketReader(accepted.socket, reader.turn),
    isLocal: channel.isLocal,
    encrypted: true,
    certificate: accepted.certificate,
    ...(tls.channelBinding && { channelBinding: tls.channelBinding }),
    ...(accepted.refusal && { certificateRefusal: accepted.refusal }),
  };
  // Without SSLRequest the name of the protocol is what tells PostgreSQL from any other TLS service (ALPACA attacks).
  if (direct && !accepted.namedProtocol) {
    encrypted.socket.destroy();
    throw new ConnectionClosed('direct TLS without ALPN');
  }
  return encrypted;
}

function readStartup(major: number, minor: number, pairs: readonly (readonly [string, string])[]): Negotiated {
  if (major !== 3) return { kind: 'refused', refusal: unsupportedProtocol(major, minor) };
  const parameters = new Map<string, string>();
  const unknownOptions: string[] = [];
  for (const [name, value] of pairs) {
    if (name.startsWith('_pq_.')) unknownOptions.push(name);
    // A name that is sent twice is ambiguous, and no honest client sends one.
    else if (parameters.has(name)) throw new ProtocolError(`parameter "${name}" stands twice in startup packet`);
    else parameters.set(name, value);
  }
  const isNew = minor > NEWEST_MINOR;
  return {
    kind: 'startup',
    minor: isNew ? NEWEST_MINOR : minor,
    parameters,
    ...((isNew || unknownOptions.length > 0) && { renegotiate: { unknownOptions } }),
  };
}
