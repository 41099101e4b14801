/** A security key in the browser: makes a key of an approver for this page, and signs with it what `ssh-keygen -Y sign` would sign. */
import { Failure } from './api.ts';

/** By their numbers in the register of COSE: what a browser's keys sign by, as OpenSSH names the keys. The first that a key can do is taken. */
const KINDS: Readonly<
  Record<number, { readonly type: string; readonly curve: readonly string[]; readonly bytes: number }>
> = {
  // ES256, whose signatures `ssh-keygen -Y verify` checks.
  [-7]: { type: 'sk-ecdsa-sha2-nistp256@openssh.com', curve: ['nistp256'], bytes: 65 },
  // Ed25519
  [-8]: { type: 'sk-ssh-ed25519@openssh.com', curve: [], bytes: 32 },
};
const ALGORITHMS = [-7, -8];
const FLAGS_AT = 32;
/** A key that its holder can copy to other devices. */
const MAY_LEAVE = 0x08;

/** Browsers name a key by the host of the page, which must be a name. */
export function canSign(): boolean {
  return isSecureContext && 'PublicKeyCredential' in globalThis && !/^[\d.]+$|:/.test(location.hostname);
}

/** The line of `approvers.yaml`. @throws Failure */
export async function makeKey(name: string): Promise<string> {
  const made = await asked(() =>
    navigator.credentials.create({
      publicKey: {
        rp: { id: location.hostname, name: 'Rowgate' },
        user: { id: crypto.getRandomValues(new Uint8Array(16)), name, displayName: name },
        challenge: crypto.getRandomValues(new Uint8Array(32)),
        pubKeyCredParams: ALGORITHMS.map((alg) => ({ type: 'public-key', alg })),
        // The browser finds it by the page, and the console keeps nothing of it.
        authenticatorSelection: { residentKey: 'required', userVerification: 'preferred' },
        attestation: 'none',
      },
    }),
  );
  const response = made.response as AuthenticatorAttestationResponse;
  const flags = new Uint8Array(response.getAuthenticatorData())[FLAGS_AT] ?? 0;
  if ((flags & MAY_LEAVE) !== 0) throw new Failure('key-copied', '');
  const kind = KINDS[response.getPublicKeyAlgorithm()];
  const encoded = response.getPublicKey();
  if (!kind || !encoded) throw new Failure('key-silent', '');
  const { type, curve, bytes } = kind;
  const point = new Uint8Array(encoded).slice(-bytes);
  const blob = joined(...[type, ...curve, point, location.hostname].map(field));
  return `${JSON.stringify(name)}: { key: "${type} ${base64(blob)}", origin: "${location.origin}" }`;
}

/** Over the text as the page shows it. @throws Failure */
export async function signWithKey(text: string, namespace: string) {
  const hash = new Uint8Array(await crypto.subtle.digest('SHA-512', new TextEncoder().encode(text)));
  const challenge = joined(
    new TextEncoder().encode('SSHSIG'),
    field(namespace),
    field(''),
    field('sha512'),
    field(hash),
  );
  const made = await asked(() =>
    navigator.credentials.get({
      publicKey: { challenge, rpId: location.hostname, userVerification: 'preferred' },
    }),
  );
  const { authenticatorData, clientDataJSON, signature } = made.response as AuthenticatorAssertionResponse;
  return {
    authenticatorData: base64url(authenticatorData),
    clientDataJSON: base64url(clientDataJSON),
    signature: base64url(signature),
  };
}

async function asked(ask: () => Promise<Credential | null>): Promise<PublicKeyCredential> {
  try {
    const made = await ask();
    if (made instanceof PublicKeyCredential) return made;
  } catch (error) {
    throw new Failure('key-silent', error instanceof Error ? error.message : '');
  }
  throw new Failure('key-silent', '');
}

/** A `string` of RFC 4251. */
function field(content: string | Uint8Array): Uint8Array {
  const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : content;
  const length = new Uint8Array(4);
  new DataView(length.buffer).setUint32(0, bytes.length);
  return joined(length, bytes);
}

function joined(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

function base64(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes));
}

function base64url(bytes: ArrayBuffer): string {
  return base64(new Uint8Array(bytes)).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}
