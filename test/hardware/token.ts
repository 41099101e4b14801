/** A PKCS#11 token of SoftHSM, with a key that was made in it and never leaves it, and the settings of OpenSSL to use it. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { all, condition, tool as find } from '../support/tools.ts';

export interface HardwareToken {
  readonly folder: string;
  /** For programs that use the key: where the token is, the engine's module, OpenSSL's configuration with the provider. */
  readonly environment: Record<string, string>;
  /** The module itself. */
  readonly module: string;
  /** `sslkey` of libpq, by OpenSSL's engine. */
  engineKey(pin?: string): string;
  /** File for `sslkey`, by OpenSSL's provider: it holds the key's address, and no key. */
  providerKey(pin?: string): string;
  /** A request for a certificate of that subject, signed by the key: an absolute path. */
  request(subject: string): string;
  /** Runs pkcs11-tool on the token. */
  tool(...args: string[]): string;
  /** Pulls the token out, and puts it back. */
  unplug(): void;
  plug(): void;
  destroy(): void;
}

const PIN = '1234';
const LABEL = 'rowgate-test';

const softhsm = find('softhsm2-util');
const tool = find('pkcs11-tool');
export const openssl = find('openssl', { since: 3 });
const module = firstOf(['/usr/lib/softhsm/libsofthsm2.so', '/usr/lib64/pkcs11/libsofthsm2.so']);
const engine = inLibraries('engines-3/pkcs11.so');
const provider = inLibraries('ossl-modules/pkcs11.so');

/** In CI none may be missing. */
export const HARDWARE = all(
  softhsm,
  tool,
  openssl,
  condition(module !== undefined, 'libsofthsm2.so'),
  condition(engine !== undefined, 'engines-3/pkcs11.so'),
  condition(provider !== undefined, 'ossl-modules/pkcs11.so'),
);
if (process.env.CI && HARDWARE.lacks) throw new Error(`not on this machine: ${HARDWARE.lacks}`);

/** @param algorithm as pkcs11-tool's --key-type */
export function newToken(algorithm = 'EC:prime256v1'): HardwareToken {
  const folder = mkdtempSync(join(tmpdir(), 'rowgate-test-token-'));
  const [tokens, away] = [join(folder, 'tokens'), join(folder, 'unplugged')];
  mkdirSync(tokens);
  const softhsmConf = join(folder, 'softhsm2.conf');
  const opensslConf = join(folder, 'openssl.cnf');
  writeFileSync(softhsmConf, `directories.tokendir = ${tokens}\nobjectstore.backend = file\nlog.level = ERROR\n`);
  writeFileSync(opensslConf, opensslSettings());
  const environment = {
    PATH: process.env.PATH ?? '',
    SOFTHSM2_CONF: softhsmConf,
    PKCS11_MODULE_PATH: module ?? '',
    OPENSSL_CONF: opensslConf,
  };
  const run = (program: string | undefined, args: readonly string[]) =>
    execFileSync(program ?? '', args, { env: environment, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  const onToken = (...args: string[]) =>
    run(tool.path, ['--module', module ?? '', '--token-label', LABEL, '--login', '--pin', PIN, ...args]);
  run(softhsm.path, ['--init-token', '--free', '--label', LABEL, '--pin', PIN, '--so-pin', '567890']);
  onToken('--keypairgen', '--key-type', algorithm, '--label', 'app', '--id', '01');
  const address = `pkcs11:token=${LABEL};object=app;type=private`;
  return {
    folder,
    environment,
    module: module ?? '',
    engineKey: (pin = PIN) => `pkcs11:${address};pin-value=${pin}`,
    providerKey(pin = PIN) {
      const file = join(folder, `key-${pin}.pem`);
      writeFileSync(file, addressFile(`${address}?pin-value=${pin}`), { mode: 0o600 });
      return file;
    },
    request(subject) {
      const file = join(folder, 'app.csr');
      run(openssl.path, ['req', '-new', '-key', `${address}?pin-value=${PIN}`, '-subj', subject, '-out', file]);
      return file;
    },
    tool: onToken,
    unplug: () => renameSync(tokens, away),
    plug: () => renameSync(away, tokens),
    destroy: () => rmSync(folder, { recursive: true, force: true }),
  };
}

function opensslSettings(): string {
  return `openssl_conf = init
[init]
providers = providers
[providers]
default = default_provider
pkcs11 = pkcs11_provider
[default_provider]
activate = 1
[pkcs11_provider]
module = ${provider}
pkcs11-module-path = ${module}
pkcs11-module-quirks = no-deinit
activate = 1
`;
}

/** PEM of the provider's own kind: SEQUENCE { VisibleString, UTF8String }. */
function addressFile(address: string): string {
  const element = (tag: number, content: Buffer) => Buffer.concat([Buffer.from([tag, content.length]), content]);
  const parts = [element(0x1a, Buffer.from('PKCS#11 Provider URI v1.0')), element(0x0c, Buffer.from(address))];
  const lines =
    element(0x30, Buffer.concat(parts))
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  const name = 'PKCS#11 PROVIDER URI';
  return `-----BEGIN ${name}-----\n${lines.join('\n')}\n-----END ${name}-----\n`;
}

function firstOf(paths: readonly string[]): string | undefined {
  return paths.find((path) => existsSync(path));
}

/** Debian has a folder for each kind of machine. */
function inLibraries(path: string): string | undefined {
  const folders = existsSync('/usr/lib') ? readdirSync('/usr/lib').map((name) => join('/usr/lib', name)) : [];
  return firstOf(['/usr/lib64', ...folders].map((folder) => join(folder, path)));
}
