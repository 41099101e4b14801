/** The certificate that a client has shown in a TLS handshake, with its private key behind it: what login and policy ask of it. */
import type { Buffer } from 'node:buffer';
import { createHash, X509Certificate } from 'node:crypto';
import { formatDistinguishedName, subjectOf } from '../pki/distinguished-name.ts';

export interface ClientCertificate {
  /** `sha256:…` over its DER form. */
  readonly fingerprint: string;
  /** As `formatDistinguishedName` writes it; undefined where no configured authority vouches for it, or it cannot be read for certain. */
  readonly subject: string | undefined;
  /** Milliseconds since the epoch. */
  readonly validFrom: number;
  readonly validUntil: number;
  /** Itself and those above it, as DER: up to the authority where that is known. */
  readonly chain: readonly Buffer[];
}

/** `chain`: itself first. `vouchedFor`: it ends at one of the configured authorities. */
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
