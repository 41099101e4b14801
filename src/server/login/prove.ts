/** Lets a client show who it is: by its certificate, a password or a token, as it can. */
import { Buffer } from 'node:buffer';
import { isIPv4 } from 'node:net';
import { type LoginRefusal, noTokensHere, tokenOverTls } from '../../core/login-refusal.ts';
import { plainAddress } from '../../identity/peer-address.ts';
import { isByCertificateAlone, type Proof, provenByCertificate } from '../../identity/proof.ts';
import type { Policy } from '../../policy/model/policy.ts';
import { authenticationSasl, decodeSaslInitialResponse } from '../../protocol/authentication.ts';
import { Frontend } from '../../protocol/message-types.ts';
import { OAUTHBEARER } from '../../protocol/oauthbearer.ts';
import { ProtocolError } from '../../protocol/protocol-error.ts';
import type { ScramMechanism } from '../../protocol/scram.ts';
import type { Services } from '../services.ts';
import { checkPassword } from './password-check.ts';
import type { StartupChannel } from './startup-negotiation.ts';
import type { StartupRequest } from './startup-request.ts';
import { checkBearer, checkTokenAsPassword } from './token-check.ts';
import { loginPrincipals, principalOfPeople, type TokenOwner } from './token-principal.ts';

export interface Shown {
  readonly proof: Proof;
  /** The name of the principal that it is taken for. */
  readonly principal: string;
  /** AuthenticationSASLFinal: to be sent with AuthenticationOk. Empty if there is none. */
  readonly finalMessage: Buffer;
  readonly refusal?: undefined;
}

/** Tells by `challenged` that a password is being proved. Throws ProtocolError, MalformedMessage or ConnectionClosed. */
export async function prove(
  channel: StartupChannel,
  request: StartupRequest,
  address: string,
  services: Services,
  challenged: () => void,
): Promise<Shown | { readonly refusal: LoginRefusal }> {
  const { user } = request;
  const { policy } = services.runtime;
  const { shared, identity } = services;
  const principal = policy.principals.get(user);
  const byCertificate = provenByCertificate(principal, channel.certificate);
  if (byCertificate) return { proof: byCertificate, principal: user, finalMessage: Buffer.alloc(0) };
  const people = principalOfPeople(policy, user);
  const login = request.login ?? (people && 'oauth');
  const told = people ?? loginPrincipals(policy)[0];
  const byToken = { user, address, policy, told, shared, verify: identity.verify };
  if (login !== undefined) {
    const refusal = tokenRefusal(login, policy, channel, address);
    if (refusal) return { refusal };
  }
  if (login === 'token') return shownBy(await checkTokenAsPassword(channel.reader, byToken));
  const { channelBinding } = channel;
  const scram: readonly ScramMechanism[] = channelBinding ? ['SCRAM-SHA-256-PLUS', 'SCRAM-SHA-256'] : ['SCRAM-SHA-256'];
  // What is offered depends on the policy as a whole, the connection, what the client asked for and the spelling of the name, never on whether the
  // principal exists. It is last: libpq takes the first that it knows, so clients with a password go on as before.
  const bearer = tokenRefusal('oauth', policy, channel, address) ? [] : ([OAUTHBEARER] as const);
  const offered = login === 'oauth' ? bearer : [...scram, ...bearer];
  channel.socket.write(authenticationSasl(offered));
  const response = decodeSaslInitialResponse((await channel.reader.readMessage(Frontend.Password)).bytes);
  const mechanism = offered.find((name) => name === response.mechanism);
  if (!mechanism) throw new ProtocolError('client selected an invalid SASL authentication mechanism');
  if (mechanism === OAUTHBEARER) return shownBy(await checkBearer(channel.reader, response, byToken));
  const check = await checkPassword(channel.reader, mechanism, response.data ?? '', {
    user,
    address,
    policy,
    channelBinding,
    shared,
    mockSecret: services.options.mockSecret,
    challenged,
  });
  if (check.kind === 'refused') {
    // Only for the record: the client gets the same answer as any other.
    const missing = principal !== undefined && isByCertificateAlone(principal);
    return { refusal: missing ? { ...check.refusal, reason: 'certificate' } : check.refusal };
  }
  const { verifier, finalMessage } = check;
  return { proof: { kind: 'password', verifier }, principal: user, finalMessage };
}

/** A token must not be sent unencrypted: it would let any eavesdropper log in. */
function tokenRefusal(
  way: 'oauth' | 'token',
  policy: Policy,
  channel: StartupChannel,
  address: string,
): LoginRefusal | undefined {
  if (loginPrincipals(policy).length === 0) return noTokensHere();
  if (channel.encrypted || (way === 'oauth' && (channel.isLocal || isLoopback(channel, address)))) return undefined;
  return tokenOverTls();
}

/** The connection never leaves this machine: neither the client's own, nor that of a proxy in front of it. */
function isLoopback({ socket }: StartupChannel, address: string): boolean {
  return [address, plainAddress(socket.remoteAddress ?? '')].every(
    (one) => one === '::1' || (isIPv4(one) && one.startsWith('127.')),
  );
}

function shownBy(check: TokenOwner): Shown | { readonly refusal: LoginRefusal } {
  if (check.refusal) return { refusal: check.refusal };
  const { principal, proof } = check;
  return { proof, principal, finalMessage: Buffer.alloc(0) };
}
