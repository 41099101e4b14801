/** From a StartupMessage to a principal that may come in: settings, password, address, certificate, database. Nothing upstream yet. */
import type { Policy, Principal, RolePolicy } from '../../policy/policy.ts';
import { negotiateProtocolVersion } from '../../wire/negotiate-protocol-version.ts';
import type { Services } from '../services.ts';
import { admit, type Peer } from './admission.ts';
import { certificateNotTrusted, type LoginRefusal, notReady, unknownDatabase } from './login-refusal.ts';
import { checkPassword } from './password-check.ts';
import { isByCertificateAlone, noLongerProven, type Proof, provenByCertificate } from './proof.ts';
import type { Channel, Startup } from './startup-negotiation.ts';
import { readRequest, type StartupRequest } from './startup-request.ts';

/** A login that has succeeded, as far as the client is concerned. */
export interface Admitted {
  readonly kind: 'admitted';
  readonly request: StartupRequest;
  readonly principal: Principal;
  readonly role: RolePolicy;
  readonly peer: Peer;
  readonly proof: Proof;
  /** AuthenticationSASLFinal: to be sent with AuthenticationOk. Empty where no password was asked for. */
  readonly finalMessage: Buffer;
}

export type LoginResult = Admitted | { readonly kind: 'refused'; readonly refusal: LoginRefusal };

/**
 * Tells by `named` who asks, as soon as that is known: for the record of whatever goes wrong later. Throws ProtocolError,
 * MalformedMessage or ConnectionClosed.
 */
export async function logInClient(
  channel: Channel,
  startup: Startup,
  address: string,
  services: Services,
  named: (request: StartupRequest) => void,
): Promise<LoginResult> {
  const read = readRequest(startup.parameters, services.pinned);
  const refused = (refusal: LoginRefusal): LoginResult => ({ kind: 'refused', refusal });
  if (read.refusal) return refused(read.refusal);
  const { request } = read;
  named(request);
  if (!services.runtime.ready) return refused(notReady());
  if (!channel.certificateTrusted) return refused(certificateNotTrusted());
  if (startup.renegotiate) {
    const { unknownOptions } = startup.renegotiate;
    channel.socket.write(negotiateProtocolVersion({ major: 3, minor: startup.minor, unknownOptions }));
  }
  const shown = await prove(channel, request.user, address, services);
  if ('refusal' in shown) return refused(shown.refusal);
  // INVARIANT: only who has shown the password or certificate learns more: what follows tells whether the principal exists, and how it is bound.
  const peer: Peer = { address, certificate: channel.certificate };
  const admission = admitByName(services.runtime.policy, request.user, shown.proof, peer);
  if (admission.refusal) return refused(admission.refusal);
  if (request.database !== services.options.database) return refused(unknownDatabase(request.database));
  const { principal, role } = admission;
  return { kind: 'admitted', request, principal, role, peer, ...shown };
}

type Shown = Pick<Admitted, 'proof' | 'finalMessage'> | { readonly refusal: LoginRefusal };

/** By a certificate where that is all that the principal has, else by a password. */
async function prove(channel: Channel, user: string, address: string, services: Services): Promise<Shown> {
  const { policy } = services.runtime;
  const principal = policy.principals.get(user);
  const proof = provenByCertificate(principal, channel.certificate);
  if (proof) return { proof, finalMessage: Buffer.alloc(0) };
  const check = await checkPassword(channel.reader, {
    user,
    address,
    policy,
    channelBinding: channel.channelBinding,
    shared: services.shared,
    mockSecret: services.options.mockSecret,
  });
  if (check.kind === 'refused') {
    // For the record alone: the client is told what anybody is told.
    const missing = principal !== undefined && isByCertificateAlone(principal);
    return { refusal: missing ? { ...check.refusal, reason: 'certificate' } : check.refusal };
  }
  return { proof: { kind: 'password', verifier: check.verifier }, finalMessage: check.finalMessage };
}

/** The policy may have changed while the password was on its way: the one of now counts. */
function admitByName(policy: Policy, name: string, proof: Proof, peer: Peer): ReturnType<typeof admit> {
  const principal = policy.principals.get(name);
  const unproven = principal ? noLongerProven(proof, principal) : 'the principal was removed';
  if (!principal || unproven !== undefined) {
    return { refusal: { reason: 'disabled', sqlstate: '57P01', message: `${unproven} just now` } };
  }
  return admit(policy, principal, peer, Date.now());
}
