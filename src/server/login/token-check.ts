/** Takes a client's token, by OAUTHBEARER or instead of a password, and finds out whose login it is. */
import { tokenAsked } from '../../core/login-refusal.ts';
import type { SocketReader } from '../../net/socket-reader.ts';
import type { Policy } from '../../policy/model/policy.ts';
import {
  authenticationCleartextPassword,
  authenticationSaslContinue,
  decodePasswordMessage,
  decodeSaslResponse,
  type SaslInitialResponse,
} from '../../protocol/authentication.ts';
import { Frontend } from '../../protocol/message-types.ts';
import { bearerError, GIVE_UP, readBearerMessage } from '../../protocol/oauthbearer.ts';
import { ProtocolError } from '../../protocol/protocol-error.ts';
import type { Identity } from '../../session/end-user/end-user.ts';
import type { SharedState } from '../slots/shared-state.ts';
import { waitForAnswer } from './attempt.ts';
import { type LoginPrincipal, type TokenOwner, tokenOwnerOf } from './token-principal.ts';

export interface TokenCheckOptions {
  /** A principal's name, or the person's own. */
  readonly user: string;
  readonly address: string;
  readonly policy: Policy;
  /** The principal whose issuer and scopes are sent to a client without a token. */
  readonly told: LoginPrincipal | undefined;
  readonly shared: SharedState;
  readonly verify: Identity['verify'];
}

/** Throws ProtocolError, MalformedMessage or ConnectionClosed; those are no attempts at a login. */
export async function checkBearer(
  reader: SocketReader,
  response: SaslInitialResponse,
  options: TokenCheckOptions,
): Promise<TokenOwner> {
  const message = readBearerMessage(response.data ?? (await ask(reader, '')));
  if (message.kind === 'malformed') throw new ProtocolError(message.message);
  const check =
    message.kind === 'token' ? await checkToken(reader, message.token, options) : { refusal: tokenAsked(options.user) };
  if (check.refusal) {
    // RFC 7628, section 3.2.3: the client hears why, says that it has, and only then fails.
    const { issuer = '', login } = options.told?.token ?? {};
    const error = bearerError(issuer, login?.scope ?? '');
    if ((await ask(reader, error)) !== GIVE_UP) throw new ProtocolError('malformed OAUTHBEARER message');
  }
  return check;
}

/** The caller has made sure of TLS. */
export async function checkTokenAsPassword(reader: SocketReader, options: TokenCheckOptions): Promise<TokenOwner> {
  reader.socket.write(authenticationCleartextPassword());
  return checkToken(reader, decodePasswordMessage((await reader.readMessage(Frontend.Password)).bytes), options);
}

async function checkToken(reader: SocketReader, token: string, options: TokenCheckOptions): Promise<TokenOwner> {
  const { user, policy, verify } = options;
  const owner = await tokenOwnerOf(policy, user, token, verify);
  // This allows no guessing, and when the keys are available again no one has to wait.
  if (owner.refusal?.reason === 'token-unchecked') return owner;
  await waitForAnswer(reader, options, owner.refusal === undefined);
  return owner.refusal ? { refusal: { ...owner.refusal, hasWaited: true } } : owner;
}

async function ask(reader: SocketReader, challenge: string): Promise<string> {
  reader.socket.write(authenticationSaslContinue(challenge));
  return decodeSaslResponse((await reader.readMessage(Frontend.Password)).bytes);
}
