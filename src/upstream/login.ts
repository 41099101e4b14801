/** Logs in to the database server: SCRAM, with channel binding if possible; a plain password only inside TLS. */
import { Buffer } from 'node:buffer';
import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { upstreamRefused } from '../core/login-refusal.ts';
import {
  decodeAuthentication,
  passwordMessage,
  saslInitialResponse,
  saslResponse,
} from '../protocol/authentication.ts';
import { decodeBackendKeyData } from '../protocol/backend-key-data.ts';
import { decodeErrorFields, type ErrorFields } from '../protocol/error-response.ts';
import { Backend } from '../protocol/message-types.ts';
import { decodeParameterStatus } from '../protocol/parameter-status.ts';
import { ProtocolError } from '../protocol/protocol-error.ts';
import { decodeReadyForQuery } from '../protocol/ready-for-query.ts';
import type { DeriveKeys } from '../protocol/scram.ts';
import { serverEndPoint } from '../protocol/scram-channel-binding.ts';
import {
  acceptServerFinal,
  answerServerFirst,
  chooseMechanism,
  clientFirst,
  type ScramClientFinal,
  type ScramClientInput,
} from '../protocol/scram-client.ts';
import { startupMessage } from '../protocol/startup.ts';
import type { ServerMessages } from './server-messages.ts';
import { UpstreamError, type UpstreamKey } from './upstream-error.ts';

export interface UpstreamLogin {
  readonly user: string;
  readonly password: string | undefined;
  readonly database: string;
  /** `options` and the client's settings, by name. */
  readonly parameters: ReadonlyMap<string, string>;
}

/** An idle session at the server. */
export interface LoggedIn {
  readonly socket: Socket;
  /** Undefined if the server sent none: then statements cannot be cancelled. */
  readonly key: UpstreamKey | undefined;
  /** As the server reports them: name and value. */
  readonly parameters: Map<string, string>;
}

export const notLoggedIn = () => upstreamRefused('08001', 'could not log in to the database server');

/** The parts of a login. */
interface Exchange extends UpstreamLogin {
  readonly messages: ServerMessages;
  readonly derive: DeriveKeys;
  /** Sent together with the last message of the authentication. */
  readonly behind: Uint8Array;
}

/**
 * Returns at the login's own ReadyForQuery: `behind` has been sent, and its answer is still to be read. Throws UpstreamError, ProtocolError,
 * MalformedMessage or ConnectionClosed.
 */
export async function logIn(
  messages: ServerMessages,
  login: UpstreamLogin,
  derive: DeriveKeys,
  behind: Uint8Array = Buffer.alloc(0),
): Promise<LoggedIn> {
  const { socket } = messages;
  const { user, database } = login;
  socket.write(startupMessage(3, 0, [['user', user], ['database', database], ...login.parameters]));
  await authenticate({ ...login, messages, derive, behind });
  const parameters = new Map<string, string>();
  let key: UpstreamKey | undefined;
  for (;;) {
    const { type, bytes } = await messages.next();
    switch (type) {
      case Backend.ParameterStatus: {
        const { name, value } = decodeParameterStatus(bytes);
        parameters.set(name, value);
        break;
      }
      case Backend.BackendKeyData:
        key = decodeBackendKeyData(bytes);
        break;
      case Backend.NoticeResponse:
        break;
      case Backend.ErrorResponse:
        throw serverError(decodeErrorFields(bytes));
      case Backend.ReadyForQuery:
        if (decodeReadyForQuery(bytes) !== 'I') throw new ProtocolError('session is not idle after login');
        return { socket, key, parameters };
      default:
        throw unexpected(type);
    }
  }
}

async function authenticate(login: Exchange): Promise<void> {
  const { messages, behind } = login;
  const { socket } = messages;
  for (;;) {
    const request = await readAuthentication(messages);
    switch (request.kind) {
      case 'ok':
        if (behind.length > 0) socket.write(behind);
        return;
      case 'cleartext-password':
        // The password never crosses the network unencrypted.
        if (!(socket instanceof TLSSocket))
          throw new UpstreamError(notLoggedIn(), 'the server asks for a password in the clear without TLS');
        socket.write(passwordMessage(passwordOf(login)));
        break;
      case 'sasl':
        return scram(login, request.mechanisms);
      case 'md5-password':
        throw new UpstreamError(
          notLoggedIn(),
          `the server asks for an MD5 password of "${login.user}"; set it anew with password_encryption = scram-sha-256`,
        );
      case 'sasl-continue':
      case 'sasl-final':
      case 'other':
        throw new UpstreamError(
          notLoggedIn(),
          `the server asks for an authentication that is not supported (${request.kind})`,
        );
      default:
        return request satisfies never;
    }
  }
}

async function scram(login: Exchange, offered: readonly string[]): Promise<void> {
  const { messages, derive, behind } = login;
  const { socket } = messages;
  const der = socket instanceof TLSSocket ? socket.getPeerX509Certificate()?.raw : undefined;
  const channelBinding = der && serverEndPoint(der);
  const mechanism = chooseMechanism(offered, channelBinding);
  if (!mechanism)
    throw new UpstreamError(notLoggedIn(), `the server offers none of our SASL mechanisms: ${offered.join(', ')}`);
  const nonce = randomBytes(18).toString('base64');
  const input: ScramClientInput = { mechanism, password: passwordOf(login), nonce, channelBinding };
  socket.write(saslInitialResponse(mechanism, clientFirst(input)));
  const challenge = await readAuthentication(messages);
  const final: ScramClientFinal | undefined =
    challenge.kind === 'sasl-continue'
      ? await answerServerFirst(input, Buffer.from(challenge.data, 'utf8'), derive)
      : undefined;
  if (!final) throw new ProtocolError('malformed SCRAM challenge');
  socket.write(Buffer.concat([saslResponse(final.message), behind]));
  const verdict = await readAuthentication(messages);
  // A server that cannot prove that it knows the password may be an impostor.
  if (verdict.kind !== 'sasl-final' || !acceptServerFinal(final, Buffer.from(verdict.data, 'utf8'))) {
    throw new UpstreamError(notLoggedIn(), 'the server could not prove that it knows the password');
  }
  if ((await readAuthentication(messages)).kind !== 'ok') throw new ProtocolError('login does not end after SCRAM');
}

async function readAuthentication(messages: ServerMessages): Promise<ReturnType<typeof decodeAuthentication>> {
  for (;;) {
    const { type, bytes } = await messages.next();
    if (type === Backend.Authentication) return decodeAuthentication(bytes);
    if (type === Backend.ErrorResponse) throw serverError(decodeErrorFields(bytes));
    if (type !== Backend.NoticeResponse) throw unexpected(type);
  }
}

function passwordOf(login: UpstreamLogin): string {
  if (login.password !== undefined) return login.password;
  throw new UpstreamError(notLoggedIn(), `the server asks for a password of "${login.user}", and none is configured`);
}

/** Some temporary conditions of the server are passed on by SQLSTATE. All other errors concern the operator, not the client. */
export function serverError(fields: ErrorFields): UpstreamError {
  const sqlstate = fields.get('C') ?? '';
  const detail = `${fields.get('M') ?? 'no message'} (SQLSTATE ${sqlstate})`;
  if (sqlstate === '53300')
    return new UpstreamError(upstreamRefused(sqlstate, 'the database server has no connection left'), detail);
  if (/^57P0[1-5]$/.test(sqlstate)) {
    return new UpstreamError(
      upstreamRefused('57P03', 'the database server is not accepting connections now'),
      detail,
      true,
    );
  }
  // The client chose the setting, so it may see this error.
  if (sqlstate === '22023')
    return new UpstreamError(upstreamRefused(sqlstate, 'the database server refused a startup setting'), detail);
  // 28P01 for passwords; 28000 for PAM, which clouds use to check tokens.
  return new UpstreamError(notLoggedIn(), detail, false, sqlstate === '28P01' || sqlstate === '28000');
}

function unexpected(type: number): ProtocolError {
  return new ProtocolError(`unexpected message type ${type} during login`);
}
