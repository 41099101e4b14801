/** Signatures that `ssh-keygen -Y sign` makes: OpenSSH's PROTOCOL.sshsig. Tells who signed a text; the caller decides whether they may. */
import { Buffer } from 'node:buffer';
import { createHash, verify } from 'node:crypto';
import { FieldReader, magnitude, stringField } from './ssh-fields.ts';
import type { KeyKind, SshPublicKey } from './ssh-public-key.ts';
import { type BrowserAssertion, browserSignature, signedByBrowser, WEBAUTHN } from './webauthn.ts';

const MAGIC = 'SSHSIG';
const HASHES: readonly string[] = ['sha256', 'sha512'];
/** The holder of the security key touched it: OpenSSH's PROTOCOL.u2f. */
const USER_PRESENT = 0x01;
const LONGEST = 16 * 1024;
/** Of the text, in what a page signs. */
const BROWSER_HASH = 'sha512';

/** By kind of key: the allowed signature algorithms, each with its hash. */
const ALGORITHMS: Readonly<Record<KeyKind, Readonly<Record<string, string | null>>>> = {
  ed25519: { 'ssh-ed25519': null },
  // ssh-rsa is left out: its hash is SHA-1.
  rsa: { 'rsa-sha2-256': 'sha256', 'rsa-sha2-512': 'sha512' },
  'ecdsa-256': { 'ecdsa-sha2-nistp256': 'sha256' },
  'ecdsa-384': { 'ecdsa-sha2-nistp384': 'sha384' },
  'ecdsa-521': { 'ecdsa-sha2-nistp521': 'sha512' },
};

const ON_SECURITY_KEY: Readonly<Record<string, string>> = {
  'sk-ssh-ed25519@openssh.com': 'ssh-ed25519',
  'sk-ecdsa-sha2-nistp256@openssh.com': 'ecdsa-sha2-nistp256',
  [WEBAUTHN['ecdsa-256']]: 'ecdsa-sha2-nistp256',
  [WEBAUTHN.ed25519]: 'ssh-ed25519',
};

/**
 * Whether `armored` is a signature of exactly this text, in this namespace, by this key. `origin`: of the page whose browser signatures are accepted;
 * absent: none are.
 */
export function isSignedBy(
  key: SshPublicKey,
  text: string,
  namespace: string,
  armored: string,
  origin?: string,
): boolean {
  const blob = unarmored(armored);
  if (!blob) return false;
  const fields = new FieldReader(blob);
  const magic = fields.take(MAGIC.length)?.toString('latin1');
  const version = fields.uint32();
  const publicKey = fields.string();
  const signedNamespace = fields.text();
  const reserved = fields.string();
  const hash = fields.text();
  const signature = fields.string();
  if (!fields.complete || magic !== MAGIC || version !== 1 || !publicKey || !reserved || !hash || !signature) {
    return false;
  }
  // A signature made for another purpose does not count here.
  if (signedNamespace !== namespace || !HASHES.includes(hash)) return false;
  if (!publicKey.equals(key.blob)) return false;
  const message = createHash(hash).update(text, 'utf8').digest();
  const signed = Buffer.concat([
    Buffer.from(MAGIC),
    stringField(namespace),
    stringField(reserved),
    stringField(hash),
    stringField(message),
  ]);
  return isGenuine(key, signed, signature, origin);
}

/** The SSH signature made from a pasted browser's answer; undefined if it is not one. `isSignedBy` decides whether it counts. */
export function armouredBrowserSignature(
  { blob, kind }: SshPublicKey,
  origin: string,
  namespace: string,
  assertion: BrowserAssertion,
): string | undefined {
  const signature = browserSignature(kind, assertion, origin);
  if (!signature) return undefined;
  const version = Buffer.from([0, 0, 0, 1]);
  const fields = [blob, namespace, '', BROWSER_HASH, signature].map(stringField);
  const base64 = Buffer.concat([Buffer.from(MAGIC), version, ...fields]).toString('base64');
  return `-----BEGIN SSH SIGNATURE-----\n${base64.replace(/.{1,70}/g, '$&\n')}-----END SSH SIGNATURE-----\n`;
}

function isGenuine(key: SshPublicKey, signed: Buffer, signature: Buffer, origin: string | undefined): boolean {
  const fields = new FieldReader(signature);
  const name = fields.text();
  const body = fields.string();
  if (name === undefined || !body) return false;
  let data = signed;
  let algorithm = name;
  if (key.application !== undefined) {
    const [flags, counter] = [fields.byte(), fields.take(4)];
    const plain = ON_SECURITY_KEY[name];
    if (flags === undefined || !counter || plain === undefined || (flags & USER_PRESENT) === 0) return false;
    const isFromBrowser = Object.values<string>(WEBAUTHN).includes(name);
    const message = isFromBrowser ? signedByBrowser(fields, signed, flags, origin) : signed;
    if (!message) return false;
    data = Buffer.concat([sha256(key.application), Buffer.from([flags]), counter, sha256(message)]);
    algorithm = plain;
  }
  const hash = Object.hasOwn(ALGORITHMS[key.kind], algorithm) ? ALGORITHMS[key.kind][algorithm] : undefined;
  if (!fields.complete || hash === undefined) return false;
  if (!key.kind.startsWith('ecdsa')) return verify(hash, data, key.key, body);
  const raw = rawEcdsa(body, key.kind);
  return raw !== undefined && verify(hash, data, { key: key.key, dsaEncoding: 'ieee-p1363' }, raw);
}

/** Two `mpint`s as two numbers of the curve's length. */
function rawEcdsa(body: Buffer, kind: KeyKind): Buffer | undefined {
  const length = Math.ceil(Number(kind.slice('ecdsa-'.length)) / 8);
  const fields = new FieldReader(body);
  const [r, s] = [fields.string(), fields.string()].map((mpint) => mpint && magnitude(mpint, length));
  return r && s && fields.complete ? Buffer.concat([r, s]) : undefined;
}

function unarmored(text: string): Buffer | undefined {
  if (text.length > LONGEST) return undefined;
  const match = /^-----BEGIN SSH SIGNATURE-----\r?\n([A-Za-z0-9+/=\r\n]+)-----END SSH SIGNATURE-----\s*$/.exec(text);
  return match?.[1] === undefined ? undefined : Buffer.from(match[1].replace(/[\r\n]/g, ''), 'base64');
}

function sha256(bytes: Uint8Array | string): Buffer {
  return createHash('sha256').update(bytes).digest();
}
