/** One client's connection, from its first byte to its session. The one boundary at which broken protocol and bugs become an answer. */
import type { Socket } from 'node:net';
import {
  internalError,
  type LoginRefusal,
  loginTimeout,
  protocolViolation,
  tooManyLogins,
} from '../core/login-refusal.ts';
import { LOCAL, type PeerAddress, proxiedPeer } from '../identity/peer-address.ts';
import { ConnectionClosed, SocketReader } from '../net/socket-reader.ts';
import { MalformedMessage, ProtocolError } from '../protocol/protocol-error.ts';
import type { UpstreamKey } from '../upstream/upstream-error.ts';
import { logInClient } from './login/client-login.ts';
import { negotiate, type StartupChannel } from './login/startup-negotiation.ts';
import type { StartupRequest } from './login/startup-request.ts';
import { beginPreconnect, openSession } from './open-session.ts';
import type { Preconnect } from './preconnect.ts';
import { FAREWELL_MS } from './refused-connections.ts';
import type { Services } from './services.ts';

class LoginTimeout extends Error {}

/** A connection that was just accepted. */
export interface Arrival {
  readonly socket: Socket;
  /** The socket's other end. */
  readonly peer: PeerAddress;
  /** The proxy must first send the client's address. */
  readonly behindProxy: boolean;
  /** Counts the connection for the address that the proxy sent; false if that address has too many. */
  countFrom(address: string): Promise<boolean>;
}

/** Resolves when the login is over: a session runs by itself then, or the connection is ended. */
export async function serveClient(arrival: Arrival, services: Services): Promise<void> {
  const raw = arrival.socket;
  let { peer } = arrival;
  raw.setNoDelay(true);
  raw.setKeepAlive(true, 60_000);
  let channel: StartupChannel = {
    socket: raw,
    reader: new SocketReader(raw, () => services.loginTurns.next()),
    isLocal: peer.address === LOCAL,
    encrypted: false,
    certificate: undefined,
  };
  const timer = setTimeout(() => {
    channel.reader.fail(new LoginTimeout());
    // In the middle of a TLS handshake the client does not read; a client that does not read the answer is cut off.
    setTimeout(() => raw.destroy(), FAREWELL_MS).unref();
  }, services.options.loginTimeoutMs);
  let known: StartupRequest | undefined;
  let early: Preconnect | undefined;
  const refuse = (refusal: LoginRefusal, record: boolean): void => {
    if (record) services.refusedLogins.add(refusal, { peer, request: known, certificate: channel.certificate });
    else services.options.turnedAway?.(refusal.reason);
    services.refused.end(channel.socket, peer.address, refusal);
  };
  try {
    if (arrival.behindProxy) {
      peer = await proxiedPeer(channel.reader, peer);
      // A client that came over a network to a local proxy is not local.
      channel = { ...channel, isLocal: peer.address === LOCAL };
      if (!(await arrival.countFrom(peer.address))) return refuse(tooManyLogins(), false);
    }
    const negotiated = await negotiate(
      channel,
      { tls: services.tls(), tlsRequired: services.options.tlsRequired },
      (to) => {
        channel = to;
      },
    );
    if (negotiated.kind === 'cancel') {
      const closed = new Promise<void>((done) => (raw.closed ? done() : raw.once('close', () => done())));
      // A worker or a server that hangs must not hold a slot for longer than a login may take.
      await Promise.race([cancel(services, negotiated), closed]);
      channel.socket.destroySoon();
      return;
    }
    if (negotiated.kind === 'refused') return refuse(negotiated.refusal, true);
    const result = await logInClient(channel, negotiated, peer.address, services, {
      named: (request) => {
        known = request;
      },
      challenged: (request) => {
        early = beginPreconnect(request, { address: peer.address, certificate: channel.certificate }, services);
      },
    });
    clearTimeout(timer);
    if (result.kind === 'refused') {
      // Asking where to get a token is not a login.
      return result.refusal.reason === 'discovery'
        ? services.refused.end(channel.socket, peer.address, result.refusal)
        : refuse(result.refusal, true);
    }
    const refusal = await openSession({
      channel,
      admitted: result,
      minor: negotiated.minor,
      client: peer.shown,
      early,
      services,
    });
    if (refusal) refuse(refusal, true);
  } catch (error) {
    if (error instanceof ConnectionClosed) channel.socket.destroy();
    else if (error instanceof LoginTimeout) refuse(loginTimeout(), known !== undefined);
    else if (error instanceof ProtocolError || error instanceof MalformedMessage) {
      services.log.debug({ client: peer.shown, reason: error.message }, 'not the PostgreSQL protocol');
      // Noise on the port is not a login: without a user name it is not recorded, as it would flood the log.
      if (error instanceof ProtocolError && !error.answered) {
        services.options.turnedAway?.('protocol');
        services.refused.end(channel.socket, peer.address, undefined);
      } else refuse(protocolViolation(error.message), known !== undefined);
    } else refuse(internalError(error), true);
  } finally {
    clearTimeout(timer);
    early?.letGo();
  }
}

/** Resolves when the server has been told, or when there is no session with that key; the client cannot tell which. */
async function cancel({ sessions, shared }: Services, key: UpstreamKey): Promise<void> {
  const session = sessions.find(key);
  if (session) await session.cancel();
  else await shared.cancel(key);
}
