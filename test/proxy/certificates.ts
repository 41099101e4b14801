/** Certificates for one test run: an authority, a server for localhost, a client, and one that nobody trusts. Made by openssl. */
import { execFileSync } from 'node:child_process';
import { createHash, X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findProgram } from '../support/programs.ts';

export interface Certificate {
  readonly cert: string;
  readonly key: string;
  /** `sha256:…` */
  readonly fingerprint: string;
}

export interface Certificates {
  readonly folder: string;
  readonly ca: string;
  readonly server: Certificate;
  readonly client: Certificate;
  /** Signed by itself. */
  readonly stranger: Certificate;
}

export const openssl = findProgram('openssl');

export function makeCertificates(): Certificates {
  const folder = mkdtempSync(join(tmpdir(), 'rowgate-tls-'));
  const run = (...args: string[]) => execFileSync(openssl ?? 'openssl', args, { cwd: folder, stdio: 'ignore' });
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const selfSigned = (name: string, subject: string) =>
    run('req', '-x509', ...newKey, '-keyout', `${name}.key`, '-out', `${name}.crt`, '-days', '2', '-subj', subject);
  const signed = (name: string, subject: string, extensions: string) => {
    writeFileSync(join(folder, `${name}.ext`), extensions);
    run('req', ...newKey, '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', subject);
    const by = ['-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial', '-extfile', `${name}.ext`];
    run('x509', '-req', '-in', `${name}.csr`, ...by, '-out', `${name}.crt`, '-days', '2');
  };
  selfSigned('ca', '/CN=test authority');
  selfSigned('stranger', '/CN=stranger');
  signed('server', '/CN=localhost', 'subjectAltName=DNS:localhost\n');
  signed('client', '/CN=client', 'extendedKeyUsage=clientAuth\n');
  const certificate = (name: string): Certificate => {
    const cert = join(folder, `${name}.crt`);
    const der = new X509Certificate(readFileSync(cert)).raw;
    return {
      cert,
      key: join(folder, `${name}.key`),
      fingerprint: `sha256:${createHash('sha256').update(der).digest('hex')}`,
    };
  };
  return {
    folder,
    ca: join(folder, 'ca.crt'),
    server: certificate('server'),
    client: certificate('client'),
    stranger: certificate('stranger'),
  };
}
