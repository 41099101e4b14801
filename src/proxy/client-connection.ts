/** One client's connection, from its first byte to its session. The one boundary at which broken protocol and bugs become an answer. */
import type { Socket } from 'node:net';
import { MalformedMessage, ProtocolError } from '../wire/protocol-error.ts';
import { plainAddress } from './admission.ts';
import { logInClient } from './client-login.ts';
import { endWith, FAREWELL_MS } from './farewell.ts';
import { internalError, type LoginRefusal, loginTimeout, protocolViolation } from './login-refusal.ts';
import { openSession } from './open-session.ts';
import type { Services } from './services.ts';
import { ConnectionClosed, SocketReader } from './socket-reader.ts';
import { type Channel, negotiate } from './startup-negotiation.ts';
import type { StartupRequest } from './startup-request.ts';

class LoginTimeout extends Error {}

/** Resolves when the login is over: a session runs by itself then, or the connection is ended. */
export async function serveClient(raw: Socket, services: Services): Promise<void> {
  raw.on('error', () => {}); // what matters of it comes as 'close'
  raw.setNoDelay(true);
  raw.setKeepAlive(true, 60_000);
  let channel: Channel = {
    socket: raw,
    reader: new SocketReader(raw),
    encrypted: false,
    certificate: undefined,
    certificateTrusted: true,
  };
  const client = `${plainAddress(raw.remoteAddress ?? '')}:${raw.remotePort ?? 0}`;
  const timer = setTimeout(() => {
    channel.reader.fail(new LoginTimeout());
    // In the middle of a TLS handshake nobody reads; and who does not take the answer is cut off.
    setTimeout(() => raw.destroy(), FAREWELL_MS).unref();
  }, services.options.loginTimeoutMs);
  let known: StartupRequest | undefined;
  const refuse = (refusal: LoginRefusal, record: boolean): void => {
    if (record) recordRefusal(services, client, known, refusal, channel.certificate);
    endWith(channel.socket, refusal);
  };
  try {
    const negotiated = await negotiate(
      channel,
      { tls: services.tls(), tlsRequired: services.options.tlsRequired },
      (to) => {
        channel = to;
      },
    );
    if (negotiated.kind === 'cancel') {
      await services.sessions.find(negotiated)?.cancel();
      channel.socket.destroySoon();
      return;
    }
    if (negotiated.kind === 'refused') return refuse(negotiated.refusal, true);
    const address = plainAddress(raw.remoteAddress ?? '');
    const result = await logInClient(channel, negotiated, address, services, (request) => {
      known = request;
    });
    clearTimeout(timer);
    if (result.kind === 'refused') return refuse(result.refusal, true);
    const refusal = await openSession({ channel, admitted: result, minor: negotiated.minor, client, services });
    if (refusal) refuse(refusal, true);
  } catch (error) {
    if (error instanceof ConnectionClosed) channel.socket.destroy();
    else if (error instanceof LoginTimeout) refuse(loginTimeout(), known !== undefined);
    else if (error instanceof ProtocolError || error instanceof MalformedMessage) {
      services.log.debug({ client, reason: error.message }, 'not the PostgreSQL protocol');
      // Noise on the port is no login: without a name it is not recorded, lest the log be flooded.
      refuse(protocolViolation(error.message), known !== undefined);
    } else {
      services.log.error({ client, err: error }, 'internal error during login');
      refuse(internalError(), true);
    }
  } finally {
    clearTimeout(timer);
  }
}

function recordRefusal(
  services: Services,
  client: string,
  request: StartupRequest | undefined,
  refusal: LoginRefusal,
  certificate: string | undefined,
): void {
  services.records.append('login-refused', {
    client,
    ...(request && { principal: request.user, database: request.database, application: request.application }),
    ...(certificate !== undefined && { certificate }),
    reason: refusal.reason,
    sqlstate: refusal.sqlstate,
  });
  services.log.warn(
    { client, principal: request?.user, sqlstate: refusal.sqlstate },
    `login refused: ${refusal.message}`,
  );
}
