/**
 * What a security key signs for a web page (W3C Web Authentication), in OpenSSH's form: `webauthn-sk-ecdsa-sha2-nistp256@openssh.com` of its
 * PROTOCOL.u2f, and the same of Ed25519, which OpenSSH has no name for. Makes such a signature from a browser's answer, and checks its content.
 */
import { Buffer } from 'node:buffer';
import { createHash, verify } from 'node:crypto';
import { type FieldReader, stringField } from './ssh-fields.ts';
import type { KeyKind, SshPublicKey } from './ssh-public-key.ts';

/** By kind of key: the algorithm of a browser's signatures. */
export const WEBAUTHN = {
  'ecdsa-256': 'webauthn-sk-ecdsa-sha2-nistp256@openssh.com',
  ed25519: 'webauthn-sk-ssh-ed25519@rowgate',
} as const satisfies Partial<Record<KeyKind, string>>;

/** The kind of a security key that browsers sign with. */
export function isOfBrowsers(kind: KeyKind): kind is keyof typeof WEBAUTHN {
  return Object.hasOwn(WEBAUTHN, kind);
}

const USER_PRESENT = 0x01;
const USER_VERIFIED = 0x04;

/** The answer of `navigator.credentials.get`, as it came. */
export interface BrowserAssertion {
  /** Hash of the application, flags, counter, extensions. */
  readonly authenticatorData: Buffer;
  readonly clientDataJSON: Buffer;
  /** Of ECDSA in DER, of Ed25519 as it is. */
  readonly signature: Buffer;
}

/**
 * What the key signed for `challenge`, from the fields after flags and counter; undefined if the page is not of `origin`, or if the data contain
 * anything unknown.
 */
export function signedByBrowser(
  fields: FieldReader,
  challenge: Buffer,
  flags: number,
  origin: string | undefined,
): Buffer | undefined {
  const [from, clientData, extensions] = [fields.string(), fields.string(), fields.string()];
  if (origin === undefined || !from?.equals(Buffer.from(origin)) || !clientData || extensions?.length !== 0) {
    return undefined;
  }
  // INVARIANT 122: a key that has left its device (a synchronised passkey), and all that is not known, count for nothing.
  if ((flags & ~(USER_PRESENT | USER_VERIFIED)) !== 0) return undefined;
  const begin = `{"type":"webauthn.get","challenge":"${challenge.toString('base64url')}","origin":${JSON.stringify(origin)}`;
  // INVARIANT 122: what is signed is this request, at the page of the origin that the policy names.
  if (!clientData.subarray(0, Buffer.byteLength(begin)).equals(Buffer.from(begin))) return undefined;
  return isOfOnePage(clientData, challenge, origin) ? clientData : undefined;
}

/** Nothing else was signed, and the page was not in another page's frame. */
function isOfOnePage(clientData: Buffer, challenge: Buffer, origin: string): boolean {
  let told: Readonly<Record<string, unknown>>;
  try {
    told = JSON.parse(clientData.toString('utf8')) as typeof told;
  } catch {
    return false;
  }
  const { type, challenge: asked, origin: from, crossOrigin = false, topOrigin } = told;
  return (
    type === 'webauthn.get' &&
    asked === challenge.toString('base64url') &&
    from === origin &&
    crossOrigin === false &&
    topOrigin === undefined
  );
}

/** Whether the key has made it, whatever was signed. */
export function isMadeBy(
  { key, kind }: SshPublicKey,
  { authenticatorData, clientDataJSON, signature }: BrowserAssertion,
) {
  const hash = createHash('sha256').update(clientDataJSON).digest();
  return verify(kind === 'ed25519' ? null : 'sha256', Buffer.concat([authenticatorData, hash]), key, signature);
}

const RP_ID_HASH = 32;
const COUNTER = 4;

/** As a field of an SSH signature; undefined if it is not valid. */
export function browserSignature(kind: KeyKind, assertion: BrowserAssertion, origin: string): Buffer | undefined {
  const { authenticatorData, clientDataJSON, signature } = assertion;
  const body = kind === 'ed25519' ? signature : numbersIn(signature);
  const rest = RP_ID_HASH + 1 + COUNTER;
  if (!isOfBrowsers(kind) || !body || authenticatorData.length < rest) return undefined;
  return Buffer.concat([
    stringField(WEBAUTHN[kind]),
    stringField(body),
    authenticatorData.subarray(RP_ID_HASH, rest),
    stringField(origin),
    stringField(clientDataJSON),
    stringField(authenticatorData.subarray(rest)),
  ]);
}

/** The two INTEGERs of a SEQUENCE, whose bytes are those of an `mpint`, as fields. */
function numbersIn(der: Buffer): Buffer | undefined {
  if (der[0] !== 0x30 || der[1] !== der.length - 2 || der[2] !== 0x02) return undefined;
  const length = der[3] ?? 0;
  const second = 4 + length;
  if (der[second] !== 0x02 || der[second + 1] !== der.length - second - 2) return undefined;
  return Buffer.concat([der.subarray(4, second), der.subarray(second + 2)].map(stringField));
}
