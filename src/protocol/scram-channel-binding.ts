/** Channel binding data of type `tls-server-end-point` (RFC 5929 section 4): a hash of the server's certificate. */
import type { Buffer } from 'node:buffer';
import { createHash } from 'node:crypto';
import { Der, type DerElement, readElement, readElements, readOid } from '../pki/der.ts';

/** By signature algorithm, the digest; MD5 and SHA-1 are replaced by SHA-256, as the RFC demands. */
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

const RSASSA_PSS = '1.2.840.113549.1.1.10';
const MGF1 = '1.2.840.113549.1.1.8';

/** The hash functions that the parameters of RSASSA-PSS name (RFC 8017, appendix A.2.3). */
const HASHES: Readonly<Record<string, string>> = {
  '1.3.14.3.2.26': 'sha256', // SHA-1, replaced as above
  '2.16.840.1.101.3.4.2.1': 'sha256',
  '2.16.840.1.101.3.4.2.2': 'sha384',
  '2.16.840.1.101.3.4.2.3': 'sha512',
  '2.16.840.1.101.3.4.2.4': 'sha224',
};
const SHA1 = '1.3.14.3.2.26';

/**
 * The data for this certificate (DER). Undefined if its signature algorithm uses no hash function (Ed25519) or several (RSASSA-PSS with different
 * ones): the RFC defines none for these, and channel binding is not offered.
 */
export function serverEndPoint(certificate: Uint8Array): Buffer | undefined {
  const digest = digestOf(certificate);
  return digest === undefined ? undefined : createHash(digest).update(certificate).digest();
}

/** Certificate ::= SEQUENCE { tbsCertificate, signatureAlgorithm SEQUENCE { OBJECT IDENTIFIER, parameters }, signature } */
function digestOf(certificate: Uint8Array): string | undefined {
  const outer = readElement(certificate);
  const algorithm = outer?.tag === Der.Sequence ? readElements(outer.content)?.[1] : undefined;
  const [oid, parameters] = algorithm ? (algorithmOf(algorithm) ?? []) : [];
  if (oid === undefined) return undefined;
  return oid === RSASSA_PSS ? pssDigest(parameters) : DIGESTS[oid];
}

/** RSASSA-PSS-params ::= SEQUENCE { [0] hashAlgorithm DEFAULT sha1, [1] maskGenAlgorithm DEFAULT mgf1SHA1, … } */
function pssDigest(parameters: DerElement | undefined): string | undefined {
  const fields = parameters?.tag === Der.Sequence ? readElements(parameters.content) : undefined;
  if (!fields) return undefined;
  const [hash = SHA1] = explicit(fields, 0xa0) ?? [];
  const [mask = MGF1, inner] = explicit(fields, 0xa1) ?? [];
  const [innerHash = SHA1] = (inner && algorithmOf(inner)) ?? [];
  return mask === MGF1 && innerHash === hash ? HASHES[hash] : undefined;
}

function explicit(fields: readonly DerElement[], tag: number): Algorithm | undefined {
  const field = fields.find((candidate) => candidate.tag === tag);
  const inside = field && readElement(field.content);
  return inside && algorithmOf(inside);
}

type Algorithm = readonly [oid: string, parameters: DerElement | undefined];

function algorithmOf(sequence: DerElement): Algorithm | undefined {
  const [oid, parameters] = sequence.tag === Der.Sequence ? (readElements(sequence.content) ?? []) : [];
  return oid?.tag === Der.Oid ? [readOid(oid.content), parameters] : undefined;
}
