/** May this principal log in, from there, now? Asked at login, and again of each session when the policy changes. Pure. */
import type { Policy, Principal, RolePolicy } from '../policy/policy.ts';
import {
  certificateRequired,
  expired,
  type LoginRefusal,
  principalDisabled,
  roleDisabled,
  wrongAddress,
} from './login-refusal.ts';
import { isInBlocks } from './peer-address.ts';

/** What is known of the one who asks. */
export interface Peer {
  /** IP address without zone, IPv4 also where the socket is a dual one; `local` for a unix socket. */
  readonly address: string;
  /** `sha256:…` of the certificate with which the client proved itself over TLS. */
  readonly certificate: string | undefined;
}

export type Admission =
  | { readonly principal: Principal; readonly role: RolePolicy; readonly refusal?: undefined }
  | { readonly refusal: LoginRefusal };

/** `now` in milliseconds since the epoch. The password is not checked here. */
export function admit(policy: Policy, principal: Principal, peer: Peer, now: number): Admission {
  const { name } = principal;
  if (principal.disabled !== undefined) return { refusal: principalDisabled(name) };
  const role = policy.roles.get(principal.role);
  if (!role || role.disabled !== undefined) return { refusal: roleDisabled(principal.role) };
  if (principal.validUntil !== undefined && now > principal.validUntil) return { refusal: expired(name) };
  if (principal.from.length > 0 && !isInBlocks(principal.from, peer.address)) return { refusal: wrongAddress(name) };
  // INVARIANT: a principal that is bound to a certificate logs in with that one and no other.
  if (principal.certificate !== undefined && !sameFingerprint(principal.certificate, peer.certificate)) {
    return { refusal: certificateRequired(name) };
  }
  return { principal, role };
}

/** Of the smaller of the role's and the principal's own limit; undefined where neither has one. */
export function connectionLimit(principal: Principal, role: RolePolicy): number | undefined {
  const limits = [principal.limits.connections, role.limits.connections].filter((limit) => limit !== undefined);
  return limits.length === 0 ? undefined : Math.min(...limits);
}

function sameFingerprint(wanted: string, shown: string | undefined): boolean {
  return shown !== undefined && wanted.replaceAll(':', '').toLowerCase() === shown.replaceAll(':', '').toLowerCase();
}
