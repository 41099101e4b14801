/** Keys of certificates and signatures with them, under X.509's names of the algorithms. */
import { createPrivateKey, generateKeyPairSync, type KeyObject, type KeyPairKeyObjectResult, sign } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { AlgorithmIdentifier } from '@peculiar/asn1-x509';

/** RSA-PSS signs with SHA-384. */
export type KeyKind = 'ec' | 'ed25519' | 'rsa-pss';

export function newKeys(kind: KeyKind = 'ec'): KeyPairKeyObjectResult {
  switch (kind) {
    case 'ec':
      return generateKeyPairSync('ec', { namedCurve: 'P-256' });
    case 'ed25519':
      return generateKeyPairSync('ed25519');
    case 'rsa-pss':
      return generateKeyPairSync('rsa-pss', { modulusLength: 2048 });
  }
}

export function keyIn(file: string): KeyObject {
  return createPrivateKey(readFileSync(file));
}

/** RFC 4055: SHA-384, MGF1 with it, and as much salt. */
const PSS_PARAMETERS = Buffer.from(
  '3034a00f300d06096086480165030402020500a11c301a06092a864886f70d010108300d06096086480165030402020500a203020130',
  'hex',
);

interface Signature {
  readonly algorithm: AlgorithmIdentifier;
  sign(bytes: ArrayBuffer): ArrayBuffer;
}

export function signatureOf(key: KeyObject): Signature {
  switch (key.asymmetricKeyType) {
    case 'ec':
      return signing('1.2.840.10045.4.3.2', undefined, (bytes) => sign('sha256', bytes, key));
    case 'ed25519':
      return signing('1.3.101.112', undefined, (bytes) => sign(null, bytes, key));
    case 'rsa-pss':
      return signing('1.2.840.113549.1.1.10', PSS_PARAMETERS, (bytes) =>
        sign('sha384', bytes, { key, saltLength: 48 }),
      );
    default:
      throw new Error(`no certificate is signed with ${key.asymmetricKeyType}`);
  }
}

function signing(oid: string, parameters: Buffer | undefined, by: (bytes: Buffer) => Buffer): Signature {
  const algorithm = new AlgorithmIdentifier({ algorithm: oid, ...(parameters && { parameters: bytesOf(parameters) }) });
  return { algorithm, sign: (bytes) => bytesOf(by(Buffer.from(bytes))) };
}

/** Copies the bytes: a Buffer's memory may hold other data beside them. */
export function bytesOf(buffer: Buffer): ArrayBuffer {
  return new Uint8Array(buffer).buffer;
}

export function pem(label: string, der: ArrayBuffer): string {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}
