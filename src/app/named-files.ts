/** The files that `rowgate.yaml` names: what is wrong with each, by the key that names it. The caller adds the line. */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import type { Config, ConfigProblem } from '../config/config.ts';
import type { PlaceOf } from '../config/load.ts';
import { reasonOf } from '../core/error-text.ts';
import { readSealKey } from '../decision-log/seals/seal-key.ts';
import { readSubjectKey } from '../decision-log/subject-key-file.ts';
import { ClientAuthorities } from '../server/login/client-authorities.ts';
import { ServerTls } from '../server/login/server-tls.ts';
import { readUpstreamTls } from '../upstream/tls.ts';
import { readCanaryKey } from './canary-key.ts';

export interface KeyProblem {
  readonly key: readonly PropertyKey[];
  readonly message: string;
}

/** With its place in the file. */
export function atKey({ key, message }: KeyProblem, placeOf: PlaceOf): ConfigProblem {
  return { ...placeOf(key), message: `${key.map(String).join('.')}: ${message}` };
}

/** Of TLS, towards clients and towards the server: with one of these no guard starts. */
export function tlsProblems({ tls, upstream }: Config): KeyProblem[] {
  const found: KeyProblem[] = [];
  if (tls) {
    const { cert, key, clientCa, clientCrl = [] } = tls;
    found.push(...pairProblems(['tls'], { cert, key }));
    found.push(
      ...problemsOf(
        ['tls', 'client_ca'],
        clientCa,
        () => new ClientAuthorities({ ...(clientCa !== undefined && { clientCa }) }),
      ),
    );
    for (const [index, file] of clientCrl.entries())
      found.push(...problemsOf(['tls', 'client_crl', index], file, () => new ClientAuthorities({ clientCrl: [file] })));
    // What OpenSSL says of them together: of keys that are too short, of signatures by hashes that are broken.
    if (found.length === 0) found.push(...problemsOf(['tls'], cert, () => new ServerTls(tls)));
  }
  const towardsServer = pairProblems(['upstream', 'tls'], upstream.tls);
  towardsServer.push(...certificateProblems(['upstream', 'tls', 'ca'], upstream.tls.ca));
  if (towardsServer.length === 0 && upstream.tls.mode !== 'disable')
    towardsServer.push(
      ...problemsOf(['upstream', 'tls'], upstream.tls.cert ?? upstream.tls.ca, () => readUpstreamTls(upstream.tls)),
    );
  return [...found, ...towardsServer];
}

/** Of the console's listener: with one of these it does not start. */
export function consoleTlsProblems({ console: { tls } }: Config): KeyProblem[] {
  return tls ? pairProblems(['console', 'tls'], tls) : [];
}

/** Empty if all files can be read and are valid. */
export async function fileProblems(config: Config): Promise<KeyProblem[]> {
  const { log, notify, keys } = config;
  const found = [...tlsProblems(config), ...consoleTlsProblems(config)];
  found.push(...certificateProblems(['notify', 'ca'], notify?.ca));
  found.push(...certificateProblems(['log', 'anchor', 'ca'], log.anchor?.ca));
  for (const [index, { destination }] of log.forward.entries()) {
    found.push(...certificateProblems(['log', 'forward', index, 'ca'], destination.ca));
    found.push(...pairProblems(['log', 'forward', index], destination));
  }
  // It is made where it is not there.
  if ('key' in log.seal.signer && existsSync(log.seal.signer.key)) {
    const { key } = log.seal.signer;
    found.push(...problemsOf(['log', 'seal', 'key'], key, () => readSealKey(key)));
  }
  if (keys.subjects !== undefined && log.subjects === 'hashed') {
    const read = readSubjectKey(keys.subjects);
    if ('problem' in read) found.push({ key: ['keys', 'subjects'], message: read.problem });
  }
  const canaries = await readCanaryKey(keys.canaries);
  if (typeof canaries === 'object' && 'problem' in canaries)
    found.push({ key: ['keys', 'canaries'], message: canaries.problem });
  return found;
}

function pairProblems(
  at: readonly PropertyKey[],
  { cert, key }: { readonly cert?: string; readonly key?: string },
): KeyProblem[] {
  if (cert === undefined || key === undefined) return [];
  const found = [
    ...certificateProblems([...at, 'cert'], cert),
    ...problemsOf(
      [...at, 'key'],
      key,
      () => createPrivateKey(readFileSync(key)),
      'holds no private key that can be read',
    ),
  ];
  if (found.length > 0) return found;
  const fits = new X509Certificate(readFileSync(cert)).checkPrivateKey(createPrivateKey(readFileSync(key)));
  return fits ? [] : [{ key: [...at, 'key'], message: `"${key}" is not the key of the certificate "${cert}"` }];
}

function certificateProblems(at: readonly PropertyKey[], file = ''): KeyProblem[] {
  return problemsOf(at, file, () => new X509Certificate(readFileSync(file)), 'holds no certificate');
}

/** @param holds the message if the file can be read and its content is wrong; without it, the error's own message */
function problemsOf(key: readonly PropertyKey[], file = '', look: () => unknown, holds?: string): KeyProblem[] {
  if (file === '') return [];
  try {
    look();
    return [];
  } catch (error) {
    const { code, path } = error as NodeJS.ErrnoException;
    if (path === undefined) {
      const said = reasonOf(error);
      return [
        {
          key,
          message:
            holds === undefined && said.includes(file) ? said : `"${file}" ${holds ?? `does not serve: ${said}`}`,
        },
      ];
    }
    return [{ key, message: `"${file}" ${code === 'ENOENT' ? 'does not exist' : `cannot be read (${code})`}` }];
  }
}
