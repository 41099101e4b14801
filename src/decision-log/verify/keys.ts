/** The keys that verify seals: trusted ones, and others that the log itself names. */
import { Buffer } from 'node:buffer';
import { createPublicKey, type KeyObject, verify } from 'node:crypto';
import { type SealFields, sealText } from '../chain/seal.ts';
import { keyId } from '../seals/seal-key.ts';

const RAW = /^[A-Za-z0-9_-]{43}$/;

export type Signature = 'genuine' | 'forged' | 'unknown-key';

/** A public key in the form of `sealed_by`, or in PEM: 32 bytes in base64url. Undefined if it is not a public Ed25519 key. */
export function readPublicKey(text: string): string | undefined {
  const trimmed = text.trim();
  if (RAW.test(trimmed)) return keyObject(trimmed) && trimmed;
  if (!trimmed.startsWith('-----BEGIN PUBLIC KEY-----')) return undefined;
  try {
    const { crv, x } = createPublicKey(trimmed).export({ format: 'jwk' });
    return crv === 'Ed25519' && x !== undefined ? x : undefined;
  } catch {
    return undefined;
  }
}

export class KeyRing {
  private readonly known = new Map<string, KeyObject>();
  private readonly trusted = new Map<string, string>();
  /** No key was given: the first one that the log names is trusted. */
  readonly trustsFirst: boolean;

  constructor(trusted: readonly string[]) {
    this.trustsFirst = trusted.length === 0;
    for (const key of trusted) this.trust(key);
  }

  /** Registers a segment's key. False if it is not trusted; its seals can be verified all the same. */
  meet(key: string): boolean {
    if (this.trusted.size === 0 && this.trustsFirst) this.trust(key);
    const object = keyObject(key);
    if (object) this.known.set(keyId(key), object);
    return this.trusted.has(keyId(key));
  }

  isTrusted(id: string): boolean {
    return this.trusted.has(id);
  }

  /** By id. */
  get trustedKeys(): ReadonlyMap<string, string> {
    return this.trusted;
  }

  signature(guard: string, fields: SealFields): Signature {
    const key = this.known.get(fields.key);
    if (!key) return 'unknown-key';
    const genuine = verify(null, Buffer.from(sealText(guard, fields)), key, Buffer.from(fields.signature, 'base64url'));
    return genuine ? 'genuine' : 'forged';
  }

  private trust(key: string): void {
    const object = keyObject(key);
    if (!object) return;
    this.known.set(keyId(key), object);
    this.trusted.set(keyId(key), key);
  }
}

function keyObject(key: string): KeyObject | undefined {
  try {
    return RAW.test(key) ? createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: key }, format: 'jwk' }) : undefined;
  } catch {
    return undefined;
  }
}
