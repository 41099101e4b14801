/** The public keys of an issuer: a JWK set (RFC 7517), and checking a token's signature with them. */
import { Buffer } from 'node:buffer';
import type { createLocalJWKSet, JWK } from 'jose';
import { isObject, readJson } from './json.ts';
import { problem, type TokenProblem } from './problem.ts';
import { ALGORITHMS } from './token.ts';

/** Each new text gives a new object: a token that was verified with another object must be verified again. */
export interface JwkSet {
  readonly text: string;
  /** The number of usable keys. */
  readonly size: number;
  readonly keys: readonly JWK[];
  /** Made of them for the first token. */
  find?: ReturnType<typeof createLocalJWKSet>;
}

const MOST_KEYS = 100;
const LEAST_RSA_BITS = 2048;
const MOST_RSA_BITS = 8192;
/** The usual exponent is 65537; with exponent 1 anyone could forge a signature. */
const LEAST_EXPONENT_BITS = 17;
/** Members of private and symmetric keys (RFC 7518, RFC 8037). */
const SECRET_MEMBERS = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k', 'priv'];

/** The set, or what is wrong with it, in words for the operator that do not quote it. */
export function readKeySet(text: string): JwkSet | { readonly wrong: string } {
  const set = readJson(text)?.value;
  if (!isObject(set) || !Array.isArray(set.keys) || !set.keys.every(isObject))
    return { wrong: 'not a JWK set: {"keys": [ … ]}' };
  const keys: readonly Readonly<Record<string, unknown>>[] = set.keys;
  if (keys.length > MOST_KEYS) return { wrong: `more than ${MOST_KEYS} keys` };
  // A key set is public: a private key in it can be known to anyone, and then the whole set is not trusted.
  if (keys.some((key) => key.kty === 'oct' || SECRET_MEMBERS.some((name) => Object.hasOwn(key, name))))
    return { wrong: 'holds a private or a symmetric key; only public keys belong there' };
  const useful = keys.filter(isUseful) as readonly JWK[];
  return { text, size: useful.length, keys: useful };
}

/** A set may also hold keys for other purposes or of other algorithms. */
function isUseful({ kty, crv, n, e, alg, use }: Readonly<Record<string, unknown>>): boolean {
  if (use !== undefined && use !== 'sig') return false;
  if (alg !== undefined && !ALGORITHMS.includes(String(alg))) return false;
  if (kty === 'RSA') {
    const bits = bitsOf(n);
    return bits >= LEAST_RSA_BITS && bits <= MOST_RSA_BITS && bitsOf(e) >= LEAST_EXPONENT_BITS;
  }
  return (kty === 'OKP' && crv === 'Ed25519') || (kty === 'EC' && crv === 'P-256');
}

function bitsOf(text: unknown): number {
  const number = Buffer.from(typeof text === 'string' ? text : '', 'base64url');
  const first = number.findIndex((byte) => byte !== 0);
  return first < 0 ? 0 : (number.length - first) * 8 - Math.clz32(number[first] ?? 0) + 24;
}

/** Undefined if the key that the token names made the signature; `unknown` if the set has no such key. */
export async function checkSignature(token: string, keys: JwkSet): Promise<TokenProblem | 'unknown' | undefined> {
  const { compactVerify, createLocalJWKSet, errors } = await import('jose');
  try {
    keys.find ??= createLocalJWKSet({ keys: [...keys.keys] });
    await compactVerify(token, keys.find, { algorithms: [...ALGORITHMS] });
    return undefined;
  } catch (error) {
    if (error instanceof errors.JWKSNoMatchingKey) return 'unknown';
    if (error instanceof errors.JWKSMultipleMatchingKeys)
      return problem('the token does not tell by "kid" which of several keys it is signed by');
    return problem('the signature of the token is wrong');
  }
}
