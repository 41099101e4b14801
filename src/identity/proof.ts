/** The proof that a client logged in with. The session ends when its principal no longer accepts it. Pure. */
import type { Principal } from '../policy/model/policy.ts';
import type { TokenRule } from '../policy/model/token-rule.ts';
import type { ClientCertificate } from './client-certificate.ts';
import { matchesCertificate } from './login-rules.ts';

export type Proof =
  /** `verifier`: the password verifier that matched, as the policy writes it. */
  | { readonly kind: 'password'; readonly verifier: string }
  /** The certificate of the handshake, and nothing else. */
  | { readonly kind: 'certificate' }
  | TokenProof;

export interface TokenProof {
  readonly kind: 'token';
  readonly token: string;
  /** The end user. */
  readonly user: string;
  /** The rule that accepted it, see `ruleText`. */
  readonly rule: string;
  /** Milliseconds since the epoch. */
  readonly expires: number;
}

/**
 * Why the proof would be refused now, as the end of a sentence; undefined if it would be accepted. `admit` checks certificates. `now`: milliseconds
 * since the epoch.
 */
export function noLongerProven(proof: Proof, principal: Principal, now: number): string | undefined {
  switch (proof.kind) {
    case 'password':
      return principal.verifiers.includes(proof.verifier) ? undefined : 'the password was changed';
    case 'certificate':
      return isByCertificateAlone(principal) ? undefined : 'its certificate alone does not do any more';
    case 'token':
      if (now >= proof.expires) return 'its token has expired';
      return ruleText(principal.token) === proof.rule ? undefined : 'other tokens are taken now';
    default:
      return proof satisfies never;
  }
}

/** The end user to whom the whole session belongs; undefined if it belongs to the account. */
export function userOf(proof: Proof): string | undefined {
  return proof.kind === 'token' ? proof.user : undefined;
}

/** True for a principal with a certificate, without a password, and without end users who log in with tokens. */
export function isByCertificateAlone({ certificate, verifiers, token }: Principal): boolean {
  return certificate !== undefined && verifiers.length === 0 && !token?.login;
}

/** Equal for rules that accept the same tokens for the same end users, wherever they are written and whatever else they say. */
export function ruleText(rule: TokenRule | undefined): string {
  if (!rule?.login) return '';
  const { issuer, audience, keys, user, require, maxAge } = rule;
  return JSON.stringify([issuer, audience, keys, user, [...require], maxAge]);
}

/**
 * Only a principal without a password logs in by certificate, and only with the one that it is bound to. Every other client is asked for a password:
 * without the certificate, it cannot tell this principal from one that does not exist.
 */
export function provenByCertificate(
  principal: Principal | undefined,
  certificate: ClientCertificate | undefined,
): Proof | undefined {
  if (!principal || principal.disabled !== undefined || !isByCertificateAlone(principal)) return undefined;
  if (principal.certificate === undefined || !certificate) return undefined;
  return matchesCertificate(principal.certificate, certificate) ? { kind: 'certificate' } : undefined;
}
