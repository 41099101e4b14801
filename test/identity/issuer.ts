/** An issuer of tokens for the tests: keys of each algorithm, its published key set, and tokens with any claims. */
import { generateKeyPairSync, type KeyObject, type SignKeyObjectInput, sign } from 'node:crypto';
import type { TokenRule } from '../../src/policy/model/token-rule.ts';

export const ISSUER = 'https://id.example';
/** The time of the tests' clocks, in milliseconds since the epoch. */
export const NOW = Date.UTC(2026, 10, 25, 9, 0, 0);
export const NOW_S = NOW / 1000;

export type Jwk = Readonly<Record<string, unknown>>;

export interface Key {
  readonly alg: string;
  readonly kid: string;
  readonly private: KeyObject;
  readonly public: KeyObject;
  /** The published key. */
  readonly jwk: Jwk;
}

/** By the names of JOSE, of those that are taken and of others. */
const PAIRS: Readonly<Record<string, () => { privateKey: KeyObject; publicKey: KeyObject }>> = {
  EdDSA: () => generateKeyPairSync('ed25519'),
  Ed448: () => generateKeyPairSync('ed448'),
  ES256: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  ES384: () => generateKeyPairSync('ec', { namedCurve: 'P-384' }),
  ES256K: () => generateKeyPairSync('ec', { namedCurve: 'secp256k1' }),
  RS256: () => generateKeyPairSync('rsa', { modulusLength: 2048 }),
  RS1024: () => generateKeyPairSync('rsa', { modulusLength: 1024 }),
};

export function makeKey(pair: string, kid: string = pair, alg = pair): Key {
  const made = PAIRS[pair]?.();
  if (!made) throw new Error(`no such key: ${pair}`);
  const { privateKey, publicKey } = made;
  const jwk = { ...publicKey.export({ format: 'jwk' }), kid, alg, use: 'sig' };
  return { alg, kid, private: privateKey, public: publicKey, jwk };
}

export function keySet(...keys: readonly (Key | Jwk)[]): string {
  return JSON.stringify({ keys: keys.map((key) => ('jwk' in key ? key.jwk : key)) });
}

export function encoded(part: string | Uint8Array | object): string {
  const bytes = typeof part === 'string' || part instanceof Uint8Array ? part : JSON.stringify(part);
  return Buffer.from(bytes as Uint8Array).toString('base64url');
}

/** The bytes of a signature, as JOSE has them. */
export function signature(
  input: string,
  key: KeyObject,
  alg: string,
  options: Partial<SignKeyObjectInput> = {},
): Buffer {
  const hash = key.asymmetricKeyType?.startsWith('ed') ? null : `sha${alg.slice(2, 5)}`;
  return sign(hash, Buffer.from(input), { key, dsaEncoding: 'ieee-p1363', ...options });
}

/** Header and claims as they are given, signed. */
export function signed(key: Key, header: string | object, claims: string | object | Uint8Array): string {
  const input = `${encoded(header)}.${encoded(claims)}`;
  return `${input}.${signature(input, key.private, key.alg).toString('base64url')}`;
}

/** A good token by the rule of `ruleOf`, but for what is given. */
export function token(key: Key, claims: object = {}, header: object = {}): string {
  return signed(
    key,
    { alg: key.alg, kid: key.kid, typ: 'JWT', ...header },
    { iss: ISSUER, aud: 'rowgate', sub: '7731', iat: NOW_S - 60, exp: NOW_S + 300, ...claims },
  );
}

export function ruleOf(more: Partial<TokenRule> = {}): TokenRule {
  return {
    issuer: ISSUER,
    audience: ['rowgate'],
    keys: 'jwks.json',
    user: 'sub',
    claims: new Map(),
    require: new Map(),
    rule: 'principals.yaml:5',
    ...more,
  };
}
