/** Whether a principal may log in from an address at a time. Asked at login, and for each session when the policy changes. Pure. */

import {
  certificateExpired,
  certificateRequired,
  expired,
  type LoginRefusal,
  principalDisabled,
  roleDisabled,
  wrongAddress,
} from '../core/login-refusal.ts';
import { type Policy, type Principal, type RolePolicy, roleOf } from '../policy/model/policy.ts';
import type { ClientCertificate } from './client-certificate.ts';
import { isInBlocks } from './peer-address.ts';

/** What is known of the client. */
export interface Peer {
  /** IP address without zone; IPv4 as such, also on a dual-stack socket; `local` for a unix socket. */
  readonly address: string;
  /** The certificate that the client proved over TLS. */
  readonly certificate: ClientCertificate | undefined;
}

export type LoginAdmission =
  | { readonly principal: Principal; readonly role: RolePolicy; readonly refusal?: undefined }
  | { readonly refusal: LoginRefusal };

/** `now` in milliseconds since the epoch. The password is not checked here, see `proof.ts`. */
export function admit(policy: Policy, principal: Principal, peer: Peer, now: number): LoginAdmission {
  const { name } = principal;
  if (principal.disabled !== undefined) return { refusal: principalDisabled(name) };
  const role = roleOf(policy, principal);
  if (!role || role.disabled !== undefined) return { refusal: roleDisabled(principal.role) };
  if (principal.validUntil !== undefined && now > principal.validUntil) return { refusal: expired(name) };
  if (principal.from.length > 0 && !isInBlocks(principal.from, peer.address)) return { refusal: wrongAddress(name) };
  // A principal that is bound to a certificate logs in with that one and no other.
  if (principal.certificate !== undefined) {
    const { certificate } = peer;
    if (!certificate || !matchesCertificate(principal.certificate, certificate))
      return { refusal: certificateRequired(name) };
    if (!(certificate.validFrom <= now && now <= certificate.validUntil)) return { refusal: certificateExpired(name) };
  }
  return { principal, role };
}

/** The smaller of the role's and the principal's own limit; undefined if neither has one. */
export function connectionLimit(principal: Principal, role: RolePolicy): number | undefined {
  const limits = [principal.limits.connections, role.limits.connections].filter((limit) => limit !== undefined);
  return limits.length === 0 ? undefined : Math.min(...limits);
}

/** Compares whole texts, never parts. A subject counts only if an authority has vouched for it. */
export function matchesCertificate(demand: string, certificate: ClientCertificate): boolean {
  if (!demand.startsWith('subject:')) return demand === certificate.fingerprint;
  return certificate.subject !== undefined && demand === `subject:${certificate.subject}`;
}
