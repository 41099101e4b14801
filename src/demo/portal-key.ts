/** The key that signs the demo portal's tokens. It is derived from one of the demo's passwords, so it is as public as they are. */
import { Buffer } from 'node:buffer';
import { createHash, createPrivateKey, type KeyObject, sign } from 'node:crypto';

/** As in `policies/principals.yaml`. */
const ISSUER = 'https://portal.demo';
const KEY_ID = 'demo';

/** The PKCS #8 prefix of an Ed25519 key, before the seed (RFC 8410). */
const PKCS8 = Buffer.from('302e020100300506032b657004220420', 'hex');

function portalKey(): KeyObject {
  const seed = createHash('sha256').update('demo-portal').digest();
  return createPrivateKey({ key: Buffer.concat([PKCS8, seed]), format: 'der', type: 'pkcs8' });
}

/** A token for one parent, valid for an hour. `now`: milliseconds since the epoch. */
export function portalToken(parentId: number, now: number): string {
  const seconds = Math.floor(now / 1000);
  const claims = {
    iss: ISSUER,
    aud: 'rowgate',
    sub: String(parentId),
    parent_id: parentId,
    iat: seconds,
    exp: seconds + 3600,
  };
  const signed = `${encoded({ alg: 'EdDSA', kid: KEY_ID, typ: 'JWT' })}.${encoded(claims)}`;
  return `${signed}.${sign(null, Buffer.from(signed), portalKey()).toString('base64url')}`;
}

function encoded(part: object): string {
  return Buffer.from(JSON.stringify(part)).toString('base64url');
}
