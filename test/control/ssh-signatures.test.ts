/** Signatures that the real ssh-keygen makes are taken, and nothing else is: other texts, other purposes, other keys, bytes changed. */
import { execFileSync } from 'node:child_process';
import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { stringField } from '../../src/pki/ssh-fields.ts';
import { parsePublicKey, type SshPublicKey } from '../../src/pki/ssh-public-key.ts';
import { isSignedBy } from '../../src/pki/ssh-signature.ts';
import { describeWith, tool } from '../support/tools.ts';

const keygen = tool('ssh-keygen');
const folder = mkdtempSync(join(tmpdir(), 'rowgate-test-ssh-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const TEXT = 'rows: 100000\nreason: "l’année scolaire"\n';

function newKey(name: string, options: readonly string[]): string {
  const file = join(folder, name);
  execFileSync(keygen.path ?? '', ['-q', '-t', ...options, '-N', '', '-C', 'a comment', '-f', file]);
  return file;
}

function signed(file: string, text: string, namespace = 'rowgate-permit'): string {
  return execFileSync(keygen.path ?? '', ['-q', '-Y', 'sign', '-f', file, '-n', namespace], {
    input: text,
    encoding: 'utf8',
    stdio: ['pipe', 'pipe', 'ignore'],
  });
}

function publicKey(file: string): SshPublicKey {
  const key = parsePublicKey(readFileSync(`${file}.pub`, 'utf8'));
  if (!key) throw new Error(`not read: ${file}`);
  return key;
}

/** The same armour around other bytes. */
function changedAt(armored: string, index: number): string {
  const blob = Buffer.from(armored.replace(/-----.*-----|\s/g, ''), 'base64');
  blob[index] = (blob[index] ?? 0) ^ 1;
  return `-----BEGIN SSH SIGNATURE-----\n${blob.toString('base64')}\n-----END SSH SIGNATURE-----\n`;
}

describeWith(keygen)('made by ssh-keygen', () => {
  it.each([
    ['ed25519', ['ed25519']],
    ['ecdsa-256', ['ecdsa', '-b', '256']],
    ['ecdsa-384', ['ecdsa', '-b', '384']],
    ['ecdsa-521', ['ecdsa', '-b', '521']],
    ['rsa', ['rsa', '-b', '2048']],
  ])('%s', (kind, options) => {
    const file = newKey(kind, options);
    const key = publicKey(file);
    expect(key.kind).toBe(kind);
    // ECDSA's numbers have leading zeros now and then.
    for (let round = 0; round < 4; round++) {
      expect(isSignedBy(key, `${TEXT}${round}`, 'rowgate-permit', signed(file, `${TEXT}${round}`))).toBe(true);
    }
    const signature = signed(file, TEXT);
    expect(isSignedBy(key, TEXT, 'rowgate-permit', signature.replaceAll('\n', '\r\n'))).toBe(true);
    expect(isSignedBy(key, `${TEXT} `, 'rowgate-permit', signature), 'another text').toBe(false);
    expect(isSignedBy(key, TEXT, 'rowgate-permit', signed(file, TEXT, 'git')), 'another purpose').toBe(false);
    expect(isSignedBy(key, TEXT, 'git', signature), 'another purpose').toBe(false);
    const other = publicKey(newKey(`${kind}-other`, options));
    expect(isSignedBy(other, TEXT, 'rowgate-permit', signature), 'another key').toBe(false);
    const length = Buffer.from(signature.replace(/-----.*-----|\s/g, ''), 'base64').length;
    for (let index = 0; index < length; index += kind === 'rsa' ? 7 : 1) {
      expect(isSignedBy(key, TEXT, 'rowgate-permit', changedAt(signature, index)), `byte ${index}`).toBe(false);
    }
  });

  it('a short RSA key is none', () => {
    expect(parsePublicKey(readFileSync(`${newKey('short', ['rsa', '-b', '1024'])}.pub`, 'utf8'))).toBeUndefined();
  });
});

describe('on a security key', () => {
  const APPLICATION = 'ssh:';
  const { publicKey: plain, privateKey } = generateKeyPairSync('ed25519');
  const x = Buffer.from(plain.export({ format: 'jwk' }).x ?? '', 'base64url');
  const type = 'sk-ssh-ed25519@openssh.com';
  const blob = Buffer.concat([stringField(type), stringField(x), stringField(APPLICATION)]);
  const key = parsePublicKey(`${type} ${blob.toString('base64')}`);
  const sha256 = (bytes: Buffer | string) => createHash('sha256').update(bytes).digest();

  /** As a security key signs: the application and whether it was touched are part of it. */
  function touched(flags: number): string {
    const hash = createHash('sha512').update(TEXT).digest();
    const parts = [stringField('rowgate-permit'), stringField(''), stringField('sha512')];
    const toSign = Buffer.concat([Buffer.from('SSHSIG'), ...parts, stringField(hash)]);
    const tail = Buffer.from([flags, 0, 0, 0, 7]);
    const signature = sign(null, Buffer.concat([sha256(APPLICATION), tail, sha256(toSign)]), privateKey);
    const inner = Buffer.concat([stringField(type), stringField(signature), tail]);
    const head = Buffer.concat([Buffer.from('SSHSIG'), Buffer.from([0, 0, 0, 1]), stringField(blob)]);
    const whole = Buffer.concat([head, ...parts, stringField(inner)]);
    return `-----BEGIN SSH SIGNATURE-----\n${whole.toString('base64')}\n-----END SSH SIGNATURE-----\n`;
  }

  it('counts where it was touched, and only then', () => {
    if (!key) throw new Error('the key was not read');
    expect(isSignedBy(key, TEXT, 'rowgate-permit', touched(1))).toBe(true);
    expect(isSignedBy(key, TEXT, 'rowgate-permit', touched(0))).toBe(false);
    expect(isSignedBy(key, 'another text', 'rowgate-permit', touched(1))).toBe(false);
  });
});

it('what is no key and no signature is refused, not thrown', () => {
  const { publicKey: plain } = generateKeyPairSync('ed25519');
  const x = Buffer.from(plain.export({ format: 'jwk' }).x ?? '', 'base64url');
  const good = Buffer.concat([stringField('ssh-ed25519'), stringField(x)]);
  const key = parsePublicKey(`ssh-ed25519 ${good.toString('base64')}`);
  if (!key) throw new Error('the key was not read');
  const noKeys = [
    '',
    'ssh-ed25519',
    'ssh-ed25519 !!!',
    `ssh-rsa ${good.toString('base64')}`,
    `ssh-ed25519 ${good.subarray(0, 40).toString('base64')}`,
    `ssh-ed25519 ${Buffer.concat([good, Buffer.from('x')]).toString('base64')}`,
    `ssh-dss ${Buffer.concat([stringField('ssh-dss'), stringField(x)]).toString('base64')}`,
  ];
  for (const line of noKeys) expect(parsePublicKey(line), line).toBeUndefined();
  const armour = (bytes: Buffer) =>
    `-----BEGIN SSH SIGNATURE-----\n${bytes.toString('base64')}\n-----END SSH SIGNATURE-----\n`;
  const noSignatures = ['', 'x', armour(Buffer.from('SSHSIG')), armour(Buffer.alloc(2000, 0xff)), armour(good)];
  for (const text of noSignatures) expect(isSignedBy(key, TEXT, 'rowgate-permit', text)).toBe(false);
});
