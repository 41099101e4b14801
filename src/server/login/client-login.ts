/** From a StartupMessage to a principal that may come in: settings, password, address, certificate, database. Nothing upstream: see `challenged`. */
import type { Buffer } from 'node:buffer';
import { type LoginRefusal, noTokens, notReady, startupToken, unknownDatabase } from '../../core/login-refusal.ts';
import { admit, type Peer } from '../../identity/login-rules.ts';
import { noLongerProven, type Proof } from '../../identity/proof.ts';
import type { Principal, RolePolicy } from '../../policy/model/policy.ts';
import { negotiateProtocolVersion } from '../../protocol/negotiate-protocol-version.ts';
import type { Services } from '../services.ts';
import { prove } from './prove.ts';
import type { Startup, StartupChannel } from './startup-negotiation.ts';
import { readRequest, type StartupRequest } from './startup-request.ts';

/** A login that has succeeded, as far as the client is concerned. */
export interface AdmittedClient {
  readonly kind: 'admitted';
  readonly request: StartupRequest;
  readonly principal: Principal;
  readonly role: RolePolicy;
  readonly peer: Peer;
  readonly proof: Proof;
  /** AuthenticationSASLFinal: to be sent with AuthenticationOk. Empty if there is none. */
  readonly finalMessage: Buffer;
  /** The token with which the session begins: the client logged in with it, or sent it in the startup packet. */
  readonly token?: string;
  /** Who that is. */
  readonly user?: string;
}

export type LoginResult = AdmittedClient | { readonly kind: 'refused'; readonly refusal: LoginRefusal };

/** Callbacks while the login goes on. */
export interface LoginProgress {
  /** Who asks, as soon as that is known: for the record of whatever goes wrong later. */
  named(request: StartupRequest): void;
  /** It has been asked for a password, and is at work on its proof: time to begin what it will need. */
  challenged(request: StartupRequest): void;
}

/** Throws ProtocolError, MalformedMessage or ConnectionClosed. */
export async function logInClient(
  channel: StartupChannel,
  startup: Startup,
  address: string,
  services: Services,
  { named, challenged }: LoginProgress,
): Promise<LoginResult> {
  const read = readRequest(startup.parameters, services.pinned);
  const refused = (refusal: LoginRefusal): LoginResult => ({ kind: 'refused', refusal });
  if (read.refusal) return refused(read.refusal);
  const { request } = read;
  named(request);
  if (!services.runtime.ready) return refused(notReady());
  if (channel.certificateRefusal) return refused(channel.certificateRefusal);
  if (startup.renegotiate) {
    const { unknownOptions } = startup.renegotiate;
    channel.socket.write(negotiateProtocolVersion({ major: 3, minor: startup.minor, unknownOptions }));
  }
  const shown = await prove(channel, request, address, services, () => challenged(request));
  if (shown.refusal) return refused(shown.refusal);
  // Who came by a name of its own is known by its principal's from now on.
  named({ ...request, user: shown.principal });
  // INVARIANT 88: only a client that has shown the password, certificate or token learns more: what follows tells whether the principal exists, and
  // how it is bound.
  const peer: Peer = { address, certificate: channel.certificate };
  const admission = admitByName(services, shown.principal, shown.proof, peer);
  if (admission.refusal) return refused(admission.refusal);
  if (request.database !== services.options.database) return refused(unknownDatabase(request.database));
  const { proof, finalMessage } = shown;
  const { principal, role } = admission;
  const sent = await sentAlong(principal, request.token, services);
  if (sent?.refusal) return refused(sent.refusal);
  // A client that logged in by a token is its end user, whatever else it has sent.
  const endUser = proof.kind === 'token' ? proof : sent;
  return {
    kind: 'admitted',
    request,
    principal,
    role,
    peer,
    proof,
    finalMessage,
    ...(endUser && { token: endUser.token, user: endUser.user }),
  };
}

/** The end user of the token in the startup packet, or why it is refused; undefined if there is no token. */
async function sentAlong(
  { token: rule }: Principal,
  token: string | undefined,
  { identity }: Services,
): Promise<{ token: string; user: string; refusal?: undefined } | { refusal: LoginRefusal } | undefined> {
  if (token === undefined) return undefined;
  if (!rule) return { refusal: noTokens() };
  const verified = await identity.verify(rule, token);
  return 'refused' in verified ? { refusal: startupToken(verified.refused) } : { token, user: verified.user };
}

/** The policy may have changed while the password was on its way: the one of now counts. */
function admitByName(
  { runtime: { policy }, clock }: Services,
  name: string,
  proof: Proof,
  peer: Peer,
): ReturnType<typeof admit> {
  const now = clock();
  const principal = policy.principals.get(name);
  const unproven = principal ? noLongerProven(proof, principal, now) : 'the principal was removed';
  if (!principal || unproven !== undefined) {
    return { refusal: { reason: 'disabled', sqlstate: '57P01', message: `${unproven} just now` } };
  }
  return admit(policy, principal, peer, now);
}
