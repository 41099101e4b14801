/** SSH public keys as in `.pub` files: `ssh-ed25519 AAAA… comment` (RFC 4253, section 6.6; RFC 5656; RFC 8709; OpenSSH's PROTOCOL.u2f). */
import { Buffer } from 'node:buffer';
import { createPublicKey, type KeyObject } from 'node:crypto';
import { FieldReader, magnitude } from './ssh-fields.ts';

/** The algorithm and key size, which decide how signatures are made. */
export type KeyKind = 'ed25519' | 'rsa' | 'ecdsa-256' | 'ecdsa-384' | 'ecdsa-521';

export interface SshPublicKey {
  readonly kind: KeyKind;
  /** The application in the signatures of a security key; absent for other keys. */
  readonly application?: string;
  readonly key: KeyObject;
  /** The key in its wire format; two keys are the same if their blobs are. */
  readonly blob: Buffer;
}

const CURVES: Readonly<Record<string, { readonly kind: KeyKind; readonly crv: string; readonly bytes: number }>> = {
  nistp256: { kind: 'ecdsa-256', crv: 'P-256', bytes: 32 },
  nistp384: { kind: 'ecdsa-384', crv: 'P-384', bytes: 48 },
  nistp521: { kind: 'ecdsa-521', crv: 'P-521', bytes: 66 },
};

const LEAST_RSA_BITS = 2048;

/** Undefined for certificates, DSA, short RSA keys, and what is not a key. */
export function parsePublicKey(line: string): SshPublicKey | undefined {
  const [type, base64] = line.trim().split(/\s+/);
  if (type === undefined || base64 === undefined || !/^[A-Za-z0-9+/]+={0,2}$/.test(base64)) return undefined;
  const key = readPublicKey(Buffer.from(base64, 'base64'));
  return key?.type === type ? key.key : undefined;
}

function readPublicKey(blob: Buffer): { type: string; key: SshPublicKey } | undefined {
  const fields = new FieldReader(blob);
  const type = fields.text();
  if (type === undefined) return undefined;
  const isOnSecurityKey = type.startsWith('sk-');
  const read = readKind(type, fields);
  const application = isOnSecurityKey ? fields.text() : undefined;
  if (!read || !fields.complete) return undefined;
  try {
    const key = createPublicKey({ key: read.jwk, format: 'jwk' });
    const bits = key.asymmetricKeyDetails?.modulusLength;
    if (read.kind === 'rsa' && (bits ?? 0) < LEAST_RSA_BITS) return undefined;
    return { type, key: { kind: read.kind, key, blob, ...(application !== undefined && { application }) } };
  } catch {
    return undefined; // a point that is not on its curve
  }
}

function readKind(type: string, fields: FieldReader): { kind: KeyKind; jwk: JsonWebKey } | undefined {
  switch (type) {
    case 'ssh-ed25519':
    case 'sk-ssh-ed25519@openssh.com': {
      const x = fields.string();
      return x?.length === 32 ? { kind: 'ed25519', jwk: { kty: 'OKP', crv: 'Ed25519', x: base64url(x) } } : undefined;
    }
    case 'ecdsa-sha2-nistp256':
    case 'ecdsa-sha2-nistp384':
    case 'ecdsa-sha2-nistp521':
    case 'sk-ecdsa-sha2-nistp256@openssh.com':
      return readPoint(fields);
    case 'ssh-rsa': {
      const [exponent, modulus] = [fields.string(), fields.string()];
      const [e, n] = [exponent && magnitude(exponent), modulus && magnitude(modulus)];
      return e && n ? { kind: 'rsa', jwk: { kty: 'RSA', e: base64url(e), n: base64url(n) } } : undefined;
    }
    default:
      return undefined;
  }
}

function readPoint(fields: FieldReader): { kind: KeyKind; jwk: JsonWebKey } | undefined {
  const curve = CURVES[fields.text() ?? ''];
  const point = fields.string();
  // 4: an uncompressed point, both coordinates in full (RFC 5480, section 2.2).
  if (!curve || point?.[0] !== 4 || point.length !== 1 + 2 * curve.bytes) return undefined;
  const [x, y] = [point.subarray(1, 1 + curve.bytes), point.subarray(1 + curve.bytes)];
  return { kind: curve.kind, jwk: { kty: 'EC', crv: curve.crv, x: base64url(x), y: base64url(y) } };
}

type JsonWebKey = import('node:crypto').JsonWebKey;

function base64url(bytes: Buffer): string {
  return bytes.toString('base64url');
}
