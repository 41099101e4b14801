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

export interface Issue {
  /** As openssl's -newkey and -pkeyopt; default: EC, P-256. */
  readonly newKey?: readonly string[];
  /** Lines of an extensions file; default: for a client. */
  readonly extensions?: string;
  /** Further arguments for the signing. */
  readonly sign?: readonly string[];
  /** Name of the authority's files; default: `ca`. */
  readonly by?: string;
}

export interface Certificates {
  readonly folder: string;
  readonly ca: string;
  readonly server: Certificate;
  readonly client: Certificate;
  /** Signed by itself. */
  readonly stranger: Certificate;
  /** One more from the authority; a subject as `/O=School/CN=app`. */
  issue(name: string, subject: string, options?: Issue): Certificate;
  /** One more that is signed by itself. */
  selfSign(name: string, subject: string, options?: Pick<Issue, 'newKey' | 'sign'>): Certificate;
}

export const openssl = findProgram('openssl');

const EC = ['ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'];
export const FOR_SERVERS = 'subjectAltName=DNS:localhost\n';
const FOR_CLIENTS = 'extendedKeyUsage=clientAuth\n';

export function makeCertificates(): Certificates {
  const folder = mkdtempSync(join(tmpdir(), 'rowgate-tls-'));
  const run = (...args: string[]) => execFileSync(openssl ?? 'openssl', args, { cwd: folder, stdio: 'ignore' });
  const request = (name: string, subject: string, newKey: readonly string[]) => {
    const text = ['-utf8', '-multivalue-rdn', '-subj', subject];
    return ['req', '-newkey', ...newKey, '-nodes', '-keyout', `${name}.key`, ...text];
  };
  const certificate = (name: string): Certificate => {
    const cert = join(folder, `${name}.crt`);
    const der = new X509Certificate(readFileSync(cert)).raw;
    return {
      cert,
      key: join(folder, `${name}.key`),
      fingerprint: `sha256:${createHash('sha256').update(der).digest('hex')}`,
    };
  };
  const selfSign: Certificates['selfSign'] = (name, subject, { newKey = EC, sign = [] } = {}) => {
    run(...request(name, subject, newKey), '-x509', '-out', `${name}.crt`, '-days', '2', ...sign);
    return certificate(name);
  };
  const issue: Certificates['issue'] = (
    name,
    subject,
    { newKey = EC, extensions = FOR_CLIENTS, sign = [], by: authority = 'ca' } = {},
  ) => {
    writeFileSync(join(folder, `${name}.ext`), extensions);
    run(...request(name, subject, newKey), '-out', `${name}.csr`);
    const by = ['-CA', `${authority}.crt`, '-CAkey', `${authority}.key`, '-CAcreateserial', '-extfile', `${name}.ext`];
    run('x509', '-req', '-in', `${name}.csr`, ...by, '-out', `${name}.crt`, '-days', '2', ...sign);
    return certificate(name);
  };
  selfSign('ca', '/CN=test authority');
  return {
    folder,
    ca: join(folder, 'ca.crt'),
    server: issue('server', '/CN=localhost', { extensions: FOR_SERVERS }),
    client: issue('client', '/CN=client'),
    stranger: selfSign('stranger', '/CN=stranger'),
    issue,
    selfSign,
  };
}
