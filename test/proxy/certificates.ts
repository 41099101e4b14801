/** Certificates for one test run: an authority, a server for localhost, a client, and one from an untrusted authority. They are made in this process, without openssl. */
import { createHash, randomBytes, X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AsnConvert, OctetString } from '@peculiar/asn1-schema';
import {
  AuthorityKeyIdentifier,
  BasicConstraints,
  Certificate as CertificateAsn,
  ExtendedKeyUsage,
  Extension,
  Extensions,
  GeneralName,
  id_ce_authorityKeyIdentifier,
  id_ce_basicConstraints,
  id_ce_extKeyUsage,
  id_ce_keyUsage,
  id_ce_subjectAltName,
  id_ce_subjectKeyIdentifier,
  id_kp_clientAuth,
  id_kp_serverAuth,
  KeyIdentifier,
  KeyUsage,
  KeyUsageFlags,
  SubjectAlternativeName,
  SubjectKeyIdentifier,
  SubjectPublicKeyInfo,
  TBSCertificate,
  Time,
  Validity,
  Version,
} from '@peculiar/asn1-x509';
import { nameOf } from './certificate-names.ts';
import { bytesOf, type KeyKind, keyIn, newKeys, pem, signatureOf } from './certificate-signing.ts';

export interface Certificate {
  readonly cert: string;
  readonly key: string;
  /** `sha256:…` */
  readonly fingerprint: string;
}

export interface Issue {
  /** Default: EC, P-256. */
  readonly newKey?: KeyKind;
  /** Default: for a client. */
  readonly extensions?: readonly Extension[];
  /** Default: from now, for two days. */
  readonly valid?: Dates;
  /** Name of the authority's files; default: `ca`. */
  readonly by?: string;
}

export interface Dates {
  readonly from: Date;
  readonly until: Date;
}

export interface Certificates {
  readonly folder: string;
  readonly ca: string;
  readonly server: Certificate;
  readonly client: Certificate;
  /** Signed by itself. */
  readonly stranger: Certificate;
  /** One more certificate from the authority; a subject as `/O=School/CN=app`. */
  issue(name: string, subject: string, options?: Issue): Certificate;
  /** One more certificate that is signed by itself. */
  selfSign(name: string, subject: string, options?: Pick<Issue, 'newKey' | 'valid'>): Certificate;
}

const extension = (id: string, value: object, critical = false): Extension =>
  new Extension({ extnID: id, critical, extnValue: new OctetString(AsnConvert.serialize(value)) });
const usedFor = (purpose: string): Extension => extension(id_ce_extKeyUsage, new ExtendedKeyUsage([purpose]));

export const FOR_SERVERS = [
  extension(id_ce_subjectAltName, new SubjectAlternativeName([new GeneralName({ dNSName: 'localhost' })])),
];
const FOR_CLIENTS = [usedFor(id_kp_clientAuth)];
export const FOR_SERVERS_ALONE = [usedFor(id_kp_serverAuth)];
export const FOR_AUTHORITIES = [
  extension(id_ce_basicConstraints, new BasicConstraints({ cA: true }), true),
  extension(id_ce_keyUsage, new KeyUsage(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign), true),
];
/** A critical extension that no verifier knows. */
export const UNKNOWN = [new Extension({ extnID: '1.2.3.4', critical: true, extnValue: new OctetString([5, 0]) })];

export const LONG_AGO: Dates = { from: new Date('2025-01-01'), until: new Date('2025-01-02') };
export const IN_THE_FUTURE: Dates = { from: new Date('2040-01-01'), until: new Date('2040-01-02') };

const DAY_MS = 86_400_000;

export function makeCertificates(): Certificates {
  const folder = mkdtempSync(join(tmpdir(), 'rowgate-tls-'));
  const file = (name: string): string => join(folder, name);
  const certificateIn = (cert: string) =>
    AsnConvert.parse(new X509Certificate(readFileSync(cert)).raw, CertificateAsn).tbsCertificate;

  /** Writes a certificate for a public key, signed by the authority in the files `by`. */
  const write = (name: string, subject: string, publicKey: Buffer, { valid, by, extensions = FOR_CLIENTS }: Issue) => {
    const authority = by === undefined ? undefined : certificateIn(file(`${by}.crt`));
    const subjectPublicKeyInfo = AsnConvert.parse(publicKey, SubjectPublicKeyInfo);
    const issuerKey = keyIn(file(`${by ?? name}.key`));
    const own = nameOf(subject);
    const { algorithm, sign } = signatureOf(issuerKey);
    const idOf = (key: SubjectPublicKeyInfo): Buffer =>
      createHash('sha1').update(Buffer.from(key.subjectPublicKey)).digest();
    const issuerId = new KeyIdentifier(idOf(authority?.subjectPublicKeyInfo ?? subjectPublicKeyInfo));
    const tbsCertificate = new TBSCertificate({
      version: Version.v3,
      // Positive, and as long for each.
      serialNumber: bytesOf(Buffer.concat([Buffer.from([0x4a]), randomBytes(15)])),
      signature: algorithm,
      issuer: authority?.subject ?? own,
      validity: new Validity({
        notBefore: new Time(valid?.from ?? new Date()).getTime(),
        notAfter: new Time(valid?.until ?? new Date(Date.now() + 2 * DAY_MS)).getTime(),
      }),
      subject: own,
      subjectPublicKeyInfo,
      extensions: new Extensions([
        extension(id_ce_subjectKeyIdentifier, new SubjectKeyIdentifier(idOf(subjectPublicKeyInfo))),
        extension(id_ce_authorityKeyIdentifier, new AuthorityKeyIdentifier({ keyIdentifier: issuerId })),
        ...extensions,
      ]),
    });
    const signed = new CertificateAsn({
      tbsCertificate,
      signatureAlgorithm: algorithm,
      signatureValue: sign(AsnConvert.serialize(tbsCertificate)),
    });
    writeFileSync(file(`${name}.crt`), pem('CERTIFICATE', AsnConvert.serialize(signed)));
    return file(`${name}.crt`);
  };
  const withKey = (name: string, subject: string, options: Issue): Certificate => {
    const { publicKey, privateKey } = newKeys(options.newKey);
    writeFileSync(file(`${name}.key`), privateKey.export({ format: 'pem', type: 'pkcs8' }), { mode: 0o600 });
    const cert = write(name, subject, publicKey.export({ format: 'der', type: 'spki' }), options);
    const fingerprint = createHash('sha256')
      .update(new X509Certificate(readFileSync(cert)).raw)
      .digest('hex');
    return { cert, key: file(`${name}.key`), fingerprint: `sha256:${fingerprint}` };
  };

  const issue: Certificates['issue'] = (name, subject, options) => withKey(name, subject, { by: 'ca', ...options });
  const selfSign: Certificates['selfSign'] = (name, subject, options) =>
    withKey(name, subject, {
      ...options,
      extensions: [extension(id_ce_basicConstraints, new BasicConstraints({ cA: true }), true)],
    });
  selfSign('ca', '/CN=test authority');
  return {
    folder,
    ca: file('ca.crt'),
    server: issue('server', '/CN=localhost', { extensions: FOR_SERVERS }),
    client: issue('client', '/CN=client'),
    stranger: selfSign('stranger', '/CN=stranger'),
    issue,
    selfSign,
  };
}
