/** What a client has proved itself by: when its principal takes that no more, the session ends. Pure. */
import type { Principal } from '../policy/model/policy.ts';
import type { TokenRule } from '../policy/model/token-rule.ts';
import type { ClientCertificate } from './client-certificate.ts';
import { isMeant } from './login-rules.ts';

export type Proof =
  /** `verifier`: the one that the password matched, as the policy has it. */
  | { readonly kind: 'password'; readonly verifier: string }
  /** The one of the handshake, with its private key, and nothing else. */
  | { readonly kind: 'certificate' }
  | TokenProof;

export interface TokenProof {
  readonly kind: 'token';
  readonly token: string;
  /** The person. */
  readonly user: string;
  /** By which it was taken, see `ruleText`. */
  readonly rule: string;
  /** Milliseconds since the epoch. */
  readonly expires: number;
}

/**
 * Why it would not be taken now, as the end of a sentence; undefined where it would. Certificates themselves are judged by `admit`. `now`:
 * milliseconds since the epoch.
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

/** The person who has the session alone; undefined where it is the account's. */
export function userOf(proof: Proof): string | undefined {
  return proof.kind === 'token' ? proof.user : undefined;
}

/** True for a principal that has a certificate, no password, and no people who log in by tokens. */
export function isByCertificateAlone({ certificate, verifiers, token }: Principal): boolean {
  return certificate !== undefined && verifiers.length === 0 && !token?.login;
}

/** The same for rules that take the same tokens of the same people, wherever they stand and whatever else they say. */
export function ruleText(rule: TokenRule | undefined): string {
  if (!rule?.login) return '';
  const { issuer, audience, keys, user, require, maxAge } = rule;
  return JSON.stringify([issuer, audience, keys, user, [...require], maxAge]);
}

/**
 * Only a principal without a password proves itself by a certificate, and only by the one that it is bound to. Everybody
 * else is asked for a password, so that a client without that certificate cannot tell this principal from one that does not exist.
 */
export function provenByCertificate(
  principal: Principal | undefined,
  certificate: ClientCertificate | undefined,
): Proof | undefined {
  if (!principal || principal.disabled !== undefined || !isByCertificateAlone(principal)) return undefined;
  if (principal.certificate === undefined || !certificate) return undefined;
  return isMeant(principal.certificate, certificate) ? { kind: 'certificate' } : undefined;
}
