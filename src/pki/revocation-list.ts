/** Revocation lists of X.509 (RFC 5280, section 5) and the certificates that they name. OpenSSL checks their signatures in the handshake. */
import { Buffer } from 'node:buffer';
import { type DerElement, readElement, readElements } from './der.ts';
import { formatDistinguishedName, readName } from './distinguished-name.ts';

export interface RevocationList {
  /** In the form of `CertificateId`. */
  readonly issuer: string;
  /** Milliseconds since the epoch. */
  readonly thisUpdate: number;
  /** Undefined if the list does not say when the next one is due. */
  readonly nextUpdate: number | undefined;
  /** Serial numbers, as hex digits. */
  readonly serials: ReadonlySet<string>;
}

/** Identifies a certificate: no two share an issuer and a serial number. */
export interface CertificateId {
  readonly issuer: string;
  readonly serial: string;
}

const INTEGER = 0x02;
const UTC_TIME = 0x17;
const GENERALIZED_TIME = 0x18;
const SEQUENCE = 0x30;
const EXPLICIT_0 = 0xa0;

/** Undefined if the bytes are not a revocation list. */
export function readRevocationList(der: Uint8Array): RevocationList | undefined {
  const fields = signedFields(der);
  if (!fields) return undefined;
  // [version], signature, issuer, thisUpdate, [nextUpdate], [revokedCertificates], [extensions]; the version is present if it is 2.
  if (fields[0]?.tag === INTEGER) fields.shift();
  const [, issuer, thisUpdate, ...rest] = fields;
  const from = thisUpdate && readTime(thisUpdate);
  if (issuer?.tag !== SEQUENCE || from === undefined) return undefined;
  const nextUpdate = rest[0] && readTime(rest[0]);
  const revoked = rest[nextUpdate === undefined ? 0 : 1];
  const serials = new Set<string>();
  if (revoked?.tag === SEQUENCE) {
    const entries = readElements(revoked.content);
    if (!entries) return undefined;
    for (const { tag, content } of entries) {
      const serial = readElement(content);
      if (tag !== SEQUENCE || serial?.tag !== INTEGER) return undefined;
      serials.add(hex(serial));
    }
  }
  return { issuer: keyOf(issuer), thisUpdate: from, nextUpdate, serials };
}

/** The issuer and serial number of a certificate; undefined if the bytes are not a certificate. */
export function certificateId(der: Uint8Array): CertificateId | undefined {
  const fields = signedFields(der);
  if (fields?.[0]?.tag === EXPLICIT_0) fields.shift();
  // serialNumber, signature, issuer
  const [serial, , issuer] = fields ?? [];
  return serial?.tag === INTEGER && issuer?.tag === SEQUENCE
    ? { issuer: keyOf(issuer), serial: hex(serial) }
    : undefined;
}

/** The fields that are signed: a list and a certificate are both SEQUENCE { SEQUENCE { fields }, algorithm, signature }. */
function signedFields(der: Uint8Array): DerElement[] | undefined {
  const whole = readElement(der);
  const signed = whole?.tag === SEQUENCE ? readElement(whole.content) : undefined;
  return signed?.tag === SEQUENCE ? readElements(signed.content) : undefined;
}

/** Names are compared as RFC 5280, section 7.1, says: by their text, ignoring string type, case and repeated spaces. */
function keyOf(issuer: DerElement): string {
  const name = readName(issuer);
  return name
    ? formatDistinguishedName(name).toLowerCase().replace(/\s+/g, ' ')
    : Buffer.from(issuer.content).toString('hex');
}

function hex({ content }: DerElement): string {
  return Buffer.from(content).toString('hex');
}

/** UTCTime `YYMMDDHHMMSSZ` or GeneralizedTime `YYYYMMDDHHMMSSZ`, as RFC 5280 allows them; undefined for anything else. */
function readTime({ tag, content }: DerElement): number | undefined {
  if (tag !== UTC_TIME && tag !== GENERALIZED_TIME) return undefined;
  const text = Buffer.from(content).toString('latin1');
  const digits = (
    tag === UTC_TIME ? /^(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/ : /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/
  )
    .exec(text)
    ?.slice(1)
    .map(Number);
  if (!digits) return undefined;
  const [year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0] = digits;
  const century = tag === GENERALIZED_TIME ? 0 : year < 50 ? 2000 : 1900;
  return Date.UTC(century + year, month - 1, day, hour, minute, second);
}
