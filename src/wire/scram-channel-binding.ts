/** Channel binding data of type `tls-server-end-point` (RFC 5929 section 4): a hash of the server's certificate. */
import { createHash } from 'node:crypto';

/** The digest by the certificate's signature algorithm; MD5 and SHA-1 are replaced by SHA-256, as the RFC demands. */
const DIGESTS: Readonly<Record<string, string>> = {
  '1.2.840.113549.1.1.4': 'sha256', // md5WithRSA
  '1.2.840.113549.1.1.5': 'sha256', // sha1WithRSA
  '1.2.840.113549.1.1.14': 'sha224',
  '1.2.840.113549.1.1.11': 'sha256',
  '1.2.840.113549.1.1.12': 'sha384',
  '1.2.840.113549.1.1.13': 'sha512',
  '1.2.840.10045.4.1': 'sha256', // ecdsa-with-SHA1
  '1.2.840.10045.4.3.1': 'sha224',
  '1.2.840.10045.4.3.2': 'sha256',
  '1.2.840.10045.4.3.3': 'sha384',
  '1.2.840.10045.4.3.4': 'sha512',
};

/**
 * The data of this certificate (DER); undefined where its signature algorithm names no single digest
 * (Ed25519, RSASSA-PSS): then channel binding is not offered, which PostgreSQL does as well for the former.
 */
export function serverEndPoint(certificate: Uint8Array): Buffer | undefined {
  const algorithm = signatureAlgorithm(certificate);
  const digest = algorithm === undefined ? undefined : DIGESTS[algorithm];
  return digest === undefined ? undefined : createHash(digest).update(certificate).digest();
}

/** Certificate ::= SEQUENCE { tbsCertificate, signatureAlgorithm SEQUENCE { OBJECT IDENTIFIER, … }, signature } */
function signatureAlgorithm(certificate: Uint8Array): string | undefined {
  const outer = readElement(certificate, 0);
  if (outer?.tag !== 0x30) return undefined;
  const body = readElement(certificate, outer.start);
  const algorithm = body && readElement(certificate, body.end);
  if (algorithm?.tag !== 0x30) return undefined;
  const oid = readElement(certificate, algorithm.start);
  return oid?.tag === 0x06 ? readOid(certificate.subarray(oid.start, oid.end)) : undefined;
}

interface Element {
  readonly tag: number;
  readonly start: number;
  readonly end: number;
}

function readElement(der: Uint8Array, offset: number): Element | undefined {
  const tag = der[offset];
  const first = der[offset + 1];
  if (tag === undefined || first === undefined) return undefined;
  let start = offset + 2;
  let length = first;
  if (first >= 0x80) {
    const octets = first - 0x80;
    if (octets < 1 || octets > 3) return undefined;
    length = 0;
    for (let i = 0; i < octets; i++) length = length * 256 + (der[start + i] ?? 0);
    start += octets;
  }
  return start + length <= der.length ? { tag, start, end: start + length } : undefined;
}

function readOid(bytes: Uint8Array): string {
  const arcs: number[] = [];
  let arc = 0;
  for (const byte of bytes) {
    arc = arc * 128 + (byte & 0x7f);
    if (byte >= 0x80) continue;
    if (arcs.length === 0) arcs.push(Math.min(2, Math.floor(arc / 40)), arc - 40 * Math.min(2, Math.floor(arc / 40)));
    else arcs.push(arc);
    arc = 0;
  }
  return arcs.join('.');
}
