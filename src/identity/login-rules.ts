/** May this principal log in, from there, now? Asked at login, and again of each session when the policy changes. Pure. */

import {
  certificateExpired,
  certificateRequired,
  expired,
  type LoginRefusal,
  principalDisabled,
  roleDisabled,
  wrongAddress,
} from '../core/login-refusal.ts';
import type { Policy, Principal, RolePolicy } from '../policy/model/policy.ts';
import type { ClientCertificate } from './client-certificate.ts';
import { isInBlocks } from './peer-address.ts';

/** What is known of the one who asks. */
export interface Peer {
  /** IP address without zone, IPv4 also where the socket is a dual one; `local` for a unix socket. */
  readonly address: string;
  /** With which the client proved itself over TLS. */
  readonly certificate: ClientCertificate | undefined;
}

export type LoginAdmission =
  | { readonly principal: Principal; readonly role: RolePolicy; readonly refusal?: undefined }
  | { readonly refusal: LoginRefusal };

/** `now` in milliseconds since the epoch. The password is not checked here, see `proof.ts`. */
export function admit(policy: Policy, principal: Principal, peer: Peer, now: number): LoginAdmission {
  const { name } = principal;
  if (principal.disabled !== undefined) return { refusal: principalDisabled(name) };
  const role = policy.roles.get(principal.role);
  if (!role || role.disabled !== undefined) return { refusal: roleDisabled(principal.role) };
  if (principal.validUntil !== undefined && now > principal.validUntil) return { refusal: expired(name) };
  if (principal.from.length > 0 && !isInBlocks(principal.from, peer.address)) return { refusal: wrongAddress(name) };
  // A principal that is bound to a certificate logs in with that one and no other.
  if (principal.certificate !== undefined) {
    const { certificate } = peer;
    if (!certificate || !isMeant(principal.certificate, certificate)) return { refusal: certificateRequired(name) };
    if (!(certificate.validFrom <= now && now <= certificate.validUntil)) return { refusal: certificateExpired(name) };
  }
  return { principal, role };
}

/** Of the smaller of the role's and the principal's own limit; undefined where neither has one. */
export function connectionLimit(principal: Principal, role: RolePolicy): number | undefined {
  const limits = [principal.limits.connections, role.limits.connections].filter((limit) => limit !== undefined);
  return limits.length === 0 ? undefined : Math.min(...limits);
}

/** Whole texts are compared, never parts; a subject counts only where an authority has vouched for it. */
export function isMeant(demand: string, certificate: ClientCertificate): boolean {
  if (!demand.startsWith('subject:')) return demand === certificate.fingerprint;
  return certificate.subject !== undefined && demand === `subject:${certificate.subject}`;
}
