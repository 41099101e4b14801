/** The certificate that a client proved in the TLS handshake to have the private key of: what login and policy ask of it. */
import type { Buffer } from 'node:buffer';
import { createHash, X509Certificate } from 'node:crypto';
import { formatDistinguishedName, subjectOf } from '../pki/distinguished-name.ts';

export interface ClientCertificate {
  /** `sha256:…` over its DER form. */
  readonly fingerprint: string;
  /** In the form of `formatDistinguishedName`; undefined if no configured authority vouches for it, or if it cannot be read unambiguously. */
  readonly subject: string | undefined;
  /** Milliseconds since the epoch. */
  readonly validFrom: number;
  readonly validUntil: number;
  /** The certificate and its issuers, as DER, up to the authority if that is known. */
  readonly chain: readonly Buffer[];
}

/** `chain`: begins with the certificate itself. `vouchedFor`: it ends at a configured authority. */
export function clientCertificate(chain: readonly [Buffer, ...Buffer[]], vouchedFor: boolean): ClientCertificate {
  const [der] = chain;
  const { validFrom, validTo } = new X509Certificate(der);
  const name = vouchedFor ? subjectOf(der) : undefined;
  return {
    fingerprint: `sha256:${createHash('sha256').update(der).digest('hex')}`,
    subject: name && formatDistinguishedName(name),
    validFrom: Date.parse(validFrom),
    validUntil: Date.parse(validTo),
    chain,
  };
}
