/** Who vouches for clients' certificates, and which of them were taken back: what handshakes are given, and what open sessions are held to. */
import { Buffer } from 'node:buffer';
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import {
  certificateNotTrusted,
  certificateRevoked,
  type LoginRefusal,
  revocationUnknown,
} from '../../core/login-refusal.ts';
import type { ClientCertificate } from '../../identity/client-certificate.ts';
import { certificateId, type RevocationList, readRevocationList } from '../../pki/revocation-list.ts';

export interface AuthorityFiles {
  /** Certificates of clients must come from one of these authorities, where a client shows one. */
  readonly clientCa?: string;
  /** Revocation lists of these authorities, and of those between them and the clients: one for each, in whatever file. */
  readonly clientCrl?: readonly string[];
}

interface ReadList extends RevocationList {
  readonly file: string;
  readonly pem: string;
  readonly nextUpdate: number;
}

export class ClientAuthorities {
  /** What all of it was read from: texts that change when one of the files does. */
  readonly sources: readonly Buffer[];
  /** For `createServer` of node:tls. A list that has run out, or is missing, makes every certificate of its authority fail there. */
  readonly handshake: { readonly ca?: Buffer; readonly crl?: string[] };
  readonly lists: readonly ReadList[];
  private readonly certificates: readonly X509Certificate[];
  /** Certificates that a handshake under these files has accepted. */
  private readonly accepted = new WeakSet<ClientCertificate>();

  /** Throws if a file cannot be read, or does not contain what it should. */
  constructor({ clientCa, clientCrl = [] }: AuthorityFiles) {
    const ca = clientCa === undefined ? undefined : readFileSync(clientCa);
    const files = clientCrl.map((file) => ({ file, content: readFileSync(file) }));
    this.certificates = ca ? blocksOf(ca, 'CERTIFICATE').map((der) => new X509Certificate(der)) : [];
    if (ca && this.certificates.length === 0) throw new Error(`${clientCa} holds no certificate`);
    this.lists = files.flatMap(({ file, content }) => listsIn(file, content));
    this.sources = [ca ?? Buffer.alloc(0), ...files.map(({ content }) => content)];
    this.handshake = {
      ...(ca && { ca }),
      // A list at all makes OpenSSL ask for one of each authority in the chain (X509_V_FLAG_CRL_CHECK_ALL).
      ...(this.lists.length > 0 && { crl: this.lists.map(({ pem }) => pem) }),
    };
  }

  get isConfigured(): boolean {
    return this.certificates.length > 0;
  }

  /** What it means to the client that a handshake did not accept its certificate. @param code the last of the reasons, as node:tls has it */
  refusalFor(code: string, { chain }: ClientCertificate): LoginRefusal {
    if (code === 'CERT_REVOKED') return certificateRevoked();
    // If the issuer is unknown, there is no list for it, either.
    return code.includes('CRL') && this.vouchFor(chain) ? revocationUnknown() : certificateNotTrusted();
  }

  /** A handshake under these files has accepted it. */
  accept(certificate: ClientCertificate): void {
    this.accepted.add(certificate);
  }

  /**
   * Why a certificate that was accepted under other files would not be now: it was taken back, or its authority was. Dates are not
   * looked at here: a list that has run out refuses new logins, and ends no session.
   */
  noLongerTrusted(certificate: ClientCertificate): LoginRefusal | undefined {
    if (!this.isConfigured || this.accepted.has(certificate)) return undefined;
    const { chain } = certificate;
    if (chain.some((der) => this.isRevoked(der))) return certificateRevoked();
    return this.vouchFor(chain) ? undefined : certificateNotTrusted();
  }

  private isRevoked(der: Buffer): boolean {
    if (this.lists.length === 0) return false;
    const id = certificateId(der);
    return !id || this.lists.some(({ issuer, serials }) => issuer === id.issuer && serials.has(id.serial));
  }

  /** One of them is an authority, or signed by one. Each was signed by the next: the handshake has seen that. */
  private vouchFor(chain: readonly Buffer[]): boolean {
    return chain.some((der) => {
      const certificate = new X509Certificate(der);
      return this.certificates.some(
        (authority) =>
          authority.raw.equals(der) || (certificate.checkIssued(authority) && certificate.verify(authority.publicKey)),
      );
    });
  }
}

function listsIn(file: string, content: Buffer): ReadList[] {
  const found = content[0] === 0x30 ? [content] : blocksOf(content, 'X509 CRL');
  if (found.length === 0) throw new Error(`${file} holds no revocation list`);
  return found.map((der) => {
    const list = readRevocationList(der);
    if (!list) throw new Error(`${file} holds a revocation list that cannot be read`);
    const { nextUpdate } = list;
    // Such a list would be taken for the newest one for ever.
    if (nextUpdate === undefined) throw new Error(`${file} holds a revocation list without nextUpdate`);
    return { ...list, nextUpdate, file: basename(file), pem: pemOf(der) };
  });
}

/** The DER of each block of this kind; OpenSSL reads no more than one of a text. */
function blocksOf(pem: Buffer, kind: string): Buffer[] {
  const blocks = pem
    .toString('latin1')
    .matchAll(new RegExp(`-----BEGIN ${kind}-----([^-]*)-----END ${kind}-----`, 'g'));
  return [...blocks].map(([, base64 = '']) => Buffer.from(base64, 'base64'));
}

function pemOf(der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN X509 CRL-----\n${lines.join('\n')}\n-----END X509 CRL-----\n`;
}
