/** An authority that revokes certificates, and the lists made of them. */
import { X509Certificate } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { AsnConvert } from '@peculiar/asn1-schema';
import { Certificate, CertificateList, RevokedCertificate, TBSCertList, Time, Version } from '@peculiar/asn1-x509';
import { keyIn, pem, signatureOf } from './certificate-signing.ts';
import type { Certificates, Dates } from './certificates.ts';

export interface RevokingAuthority {
  /** Absolute path of the newest list, in PEM. */
  readonly list: string;
  /** The newest list. */
  der(): Buffer;
  /** Revokes the certificate in that file; it is in the lists made from then on. */
  revoke(cert: string): void;
  /** Writes the list again; without dates: valid from now, for a day. */
  makeList(dates?: Dates): void;
}

const DAY_MS = 86_400_000;

/** `name`: of files `NAME.crt` and `NAME.key` in the folder, an authority's. Its list is empty at first. */
export function revokingAuthority({ folder }: Pick<Certificates, 'folder'>, name = 'ca'): RevokingAuthority {
  const list = join(folder, `${name}.crl`);
  const revoked: RevokedCertificate[] = [];
  const certificateIn = (cert: string) =>
    AsnConvert.parse(new X509Certificate(readFileSync(cert)).raw, Certificate).tbsCertificate;
  let der = Buffer.alloc(0);
  const authority: RevokingAuthority = {
    list,
    der: () => der,
    revoke: (cert) => {
      const { serialNumber } = certificateIn(cert);
      const revocationDate = new Time(new Date());
      revoked.push(new RevokedCertificate({ userCertificate: serialNumber, revocationDate }));
    },
    makeList: (dates = { from: new Date(), until: new Date(Date.now() + DAY_MS) }) => {
      const { algorithm, sign } = signatureOf(keyIn(join(folder, `${name}.key`)));
      const tbsCertList = new TBSCertList({
        version: Version.v2,
        signature: algorithm,
        issuer: certificateIn(join(folder, `${name}.crt`)).subject,
        thisUpdate: new Time(dates.from),
        nextUpdate: new Time(dates.until),
        ...(revoked.length > 0 && { revokedCertificates: [...revoked] }),
      });
      const signature = sign(AsnConvert.serialize(tbsCertList));
      const whole = new CertificateList({ tbsCertList, signatureAlgorithm: algorithm, signature });
      der = Buffer.from(AsnConvert.serialize(whole));
      writeFileSync(list, pem('X509 CRL', AsnConvert.serialize(whole)));
    },
  };
  authority.makeList();
  return authority;
}
