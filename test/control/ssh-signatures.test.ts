/** Tests SSH signatures: those of the real ssh-keygen are accepted, and others are refused: other texts, other purposes, other keys, changed bytes. */
import { execFileSync } from 'node:child_process';
import { createHash, generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { stringField } from '../../src/pki/ssh-fields.ts';
import { parsePublicKey, type SshPublicKey } from '../../src/pki/ssh-public-key.ts';
import { armouredBrowserSignature, isSignedBy } from '../../src/pki/ssh-signature.ts';
import { describeWith, testWith, tool } from '../support/tools.ts';

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

  it('a short RSA key is refused', () => {
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

  /** As a security key signs: the signature covers the application and whether the key was touched. */
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

describe.each(['ecdsa', 'ed25519'] as const)('in a browser, by %s', (kind) => {
  const ORIGIN = 'https://rowgate.example.org:8433';
  const HOST = 'rowgate.example.org';
  const NAMESPACE = 'rowgate-permit';
  const sha256 = (bytes: Buffer | string) => createHash('sha256').update(bytes).digest();
  const isEcdsa = kind === 'ecdsa';
  const type = isEcdsa ? 'sk-ecdsa-sha2-nistp256@openssh.com' : 'sk-ssh-ed25519@openssh.com';

  function newKeyOf(application: string) {
    const { publicKey: plain, privateKey } = isEcdsa
      ? generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
      : generateKeyPairSync('ed25519');
    const { x = '', y = '' } = plain.export({ format: 'jwk' });
    const point = Buffer.concat([Buffer.from([4]), Buffer.from(x, 'base64url'), Buffer.from(y, 'base64url')]);
    const fields = isEcdsa ? ['nistp256', point] : [Buffer.from(x, 'base64url')];
    const blob = Buffer.concat([type, ...fields, application].map(stringField));
    const line = `${type} ${blob.toString('base64')}`;
    const key = parsePublicKey(line);
    if (!key) throw new Error('the key was not read');
    return { key, privateKey, line };
  }

  /** The text that OpenSSH's `sshsig` would sign: the challenge. */
  function challengeOf(text: string, namespace = NAMESPACE): Buffer {
    const hash = createHash('sha512').update(text).digest();
    return Buffer.concat([Buffer.from('SSHSIG'), ...[namespace, '', 'sha512', hash].map(stringField)]);
  }

  const mine = newKeyOf(HOST);

  interface Given {
    readonly by?: ReturnType<typeof newKeyOf>;
    readonly text?: string;
    readonly namespace?: string;
    readonly client?: Readonly<Record<string, unknown>>;
    /** In the place of what a browser writes. */
    readonly written?: (json: string) => string;
    readonly flags?: number;
    readonly extensions?: Buffer;
    readonly application?: string;
    /** The origin in the signature. */
    readonly origin?: string;
  }

  /** As a browser and its key answer, put into the armour. */
  function answered(given: Given): string {
    const { by = mine, text = TEXT, namespace = NAMESPACE, client = {}, written = (json: string) => json } = given;
    const { flags = 5, extensions = Buffer.alloc(0), application = HOST, origin = ORIGIN } = given;
    const challenge = challengeOf(text, namespace).toString('base64url');
    const told = { type: 'webauthn.get', challenge, origin: ORIGIN, crossOrigin: false, ...client };
    const clientDataJSON = Buffer.from(written(JSON.stringify(told)));
    const authenticatorData = Buffer.concat([sha256(application), Buffer.from([flags, 0, 0, 0, 7]), extensions]);
    const signed = Buffer.concat([authenticatorData, sha256(clientDataJSON)]);
    const signature = sign(isEcdsa ? 'sha256' : null, signed, by.privateKey);
    return armouredBrowserSignature(by.key, origin, NAMESPACE, { authenticatorData, clientDataJSON, signature }) ?? '';
  }

  const counts = (armored: string, origin: string | undefined = ORIGIN) =>
    isSignedBy(mine.key, TEXT, NAMESPACE, armored, origin);

  it.each([
    ['with a touch alone', { flags: 1 }],
    ['with a touch and a PIN', { flags: 5 }],
    ['where the browser says more of itself', { client: { other_keys_can_be_added_here: 'do not compare' } }],
    ['where it says nothing of frames', { client: { crossOrigin: undefined } }],
  ] satisfies [string, Given][])('counts %s', (_, given) => {
    // ECDSA's numbers have leading zeros now and then.
    for (let round = 0; round < 8; round++) expect(counts(answered(given))).toBe(true);
  });

  it.each([
    ['over another request', { text: `${TEXT}x` }],
    ['for another purpose', { namespace: 'rowgate-raise' }],
    ['of another challenge', { client: { challenge: randomBytes(32).toString('base64url') } }],
    ['of another origin', { client: { origin: 'https://evil.example' }, origin: 'https://evil.example' }],
    ['of another port', { client: { origin: 'https://rowgate.example.org' }, origin: 'https://rowgate.example.org' }],
    ['of another origin, said to be this', { client: { origin: 'https://evil.example' } }],
    ['of this origin, said to be another', { origin: 'https://evil.example' }],
    ['of an origin that begins alike', { client: { origin: `${ORIGIN}.evil.example` } }],
    ['in a frame of another page', { client: { crossOrigin: true } }],
    ['below another page', { client: { topOrigin: 'https://evil.example' } }],
    ['of no touch', { flags: 4 }],
    ['of a key that may leave its device', { flags: 5 | 8 }],
    ['with extensions', { flags: 5 | 0x80, extensions: Buffer.from([0xa0]) }],
    ['with extensions that no flag tells of', { extensions: Buffer.from([0xa0]) }],
    ['with the flag of extensions, and none', { flags: 5 | 0x80 }],
    ['for another application', { application: 'evil.example' }],
    ['made at the creation of a key', { client: { type: 'webauthn.create' } }],
    [
      'with its fields in another order',
      {
        written: (json: string) =>
          json.replace('{"type":"webauthn.get",', '{').replace(/}$/, ',"type":"webauthn.get"}'),
      },
    ],
    [
      'with a second origin behind',
      { written: (json: string) => json.replace(/}$/, ',"origin":"https://evil.example"}') },
    ],
    ['with something behind', { written: (json: string) => `${json} x` }],
    ['by another key', { by: newKeyOf(HOST) }],
    ['that is empty', { written: () => '' }],
  ] satisfies [string, Given][])('does not count %s', (_, given) => expect(counts(answered(given))).toBe(false));

  it('counts by no key of another approver, and where the policy names no origin, or another', () => {
    const good = answered({});
    expect(counts(good)).toBe(true);
    expect(isSignedBy(newKeyOf(HOST).key, TEXT, NAMESPACE, good, ORIGIN)).toBe(false);
    expect(isSignedBy(mine.key, TEXT, NAMESPACE, good)).toBe(false);
    expect(counts(good, 'https://other.example')).toBe(false);
  });

  it('counts with no byte changed', () => {
    const good = answered({});
    const { length } = Buffer.from(good.replace(/-----.*-----|\s/g, ''), 'base64');
    for (let index = 0; index < length; index++) expect(counts(changedAt(good, index)), `byte ${index}`).toBe(false);
  });

  testWith(keygen)('is what OpenSSH takes for one, and what it does not take is none', () => {
    // It has no such signatures by Ed25519.
    if (!isEcdsa) return;
    const [signers, file] = [join(folder, 'allowed'), join(folder, 'browser.sig')];
    writeFileSync(signers, `zoe ${mine.line}\n`);
    const verified = (armored: string): boolean => {
      writeFileSync(file, armored);
      const words = ['-Y', 'verify', '-f', signers, '-I', 'zoe', '-n', NAMESPACE, '-s', file];
      try {
        execFileSync(keygen.path ?? '', words, { input: TEXT, stdio: ['pipe', 'ignore', 'ignore'] });
        return true;
      } catch {
        return false;
      }
    };
    expect(verified(answered({}))).toBe(true);
    for (const given of [{ text: 'x' }, { by: newKeyOf(HOST) }, { origin: 'https://evil.example' }])
      expect(verified(answered(given)), JSON.stringify(given)).toBe(false);
  });
});

it('a malformed key or signature is refused, without an exception', () => {
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
