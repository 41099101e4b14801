/** Shared by both sides of a SCRAM-SHA-256 exchange (RFC 5802, RFC 7677): keys, proofs and strict parsing of attributes. */
import { Buffer } from 'node:buffer';
import { createHash, createHmac, pbkdf2 } from 'node:crypto';

export type ScramMechanism = 'SCRAM-SHA-256' | 'SCRAM-SHA-256-PLUS';

/** Bytes of a SHA-256 digest, and so of every key and proof here. */
export const KEY_LENGTH = 32;

/** Longest SCRAM message that either side reads; real ones stay below 500 bytes. */
const MESSAGE_LIMIT = 2048;

/** HMAC-SHA-256 of the text in UTF-8. */
export function hmac(key: Uint8Array, text: string): Buffer {
  return createHmac('sha256', key).update(text, 'utf8').digest();
}

export function sha256(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes).digest();
}

/** The client's two keys, which a verifier is made from. */
export interface ScramKeys {
  readonly clientKey: Buffer;
  readonly storedKey: Buffer;
  readonly serverKey: Buffer;
}

export type DeriveKeys = (password: string, salt: Buffer, iterations: number) => Promise<ScramKeys>;

/** RFC 5802 section 3: SaltedPassword (Hi) and the keys derived from it. Runs off the event loop. */
export async function deriveKeys(password: string, salt: Uint8Array, iterations: number): Promise<ScramKeys> {
  const prepared = await prepare(password);
  const salted = await new Promise<Buffer>((done, failed) => {
    pbkdf2(prepared, salt, iterations, KEY_LENGTH, 'sha256', (error, key) => (error ? failed(error) : done(key)));
  });
  const clientKey = hmac(salted, 'Client Key');
  return { clientKey, storedKey: sha256(clientKey), serverKey: hmac(salted, 'Server Key') };
}

/** SASLprep (RFC 4013); a password that it prohibits is used unchanged, as in PostgreSQL. */
async function prepare(password: string): Promise<string> {
  // Of ASCII it changes nothing and prohibits some: the tables are loaded for other passwords.
  if (Buffer.byteLength(password) === password.length) return password;
  const { default: saslprep } = await import('@mongodb-js/saslprep');
  try {
    return saslprep(password) || password;
  } catch {
    return password;
  }
}

/** `a XOR b`, of equal length. */
export function xor(a: Uint8Array, b: Uint8Array): Buffer {
  const result = Buffer.from(a);
  for (let i = 0; i < result.length; i++) result[i]! ^= b[i] ?? 0;
  return result;
}

/** Canonical base64 only; undefined for anything else (stray characters, missing or superfluous padding). */
export function decodeBase64(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64');
  return bytes.toString('base64') === text ? bytes : undefined;
}

/** A nonce is printable ASCII without a comma (RFC 5802 section 7); its length is limited here. */
export function isNonce(text: string): boolean {
  return /^[\x21-\x2b\x2d-\x7e]{8,256}$/.test(text);
}

/**
 * Reads `k=v,k=v,…` with exactly these keys in this order. Returns the values, or undefined. Extensions (such as `m=…`) are therefore refused: none
 * is defined.
 */
export function readAttributes(text: string, keys: readonly string[]): string[] | undefined {
  const parts = text.split(',');
  if (parts.length !== keys.length) return undefined;
  const values: string[] = [];
  for (const [i, key] of keys.entries()) {
    const part = parts[i];
    if (part === undefined || !part.startsWith(`${key}=`)) return undefined;
    values.push(part.slice(key.length + 1));
  }
  return values;
}

/** The message as text: valid UTF-8 without NUL, of bounded length; undefined otherwise. */
export function readText(bytes: Uint8Array): string | undefined {
  if (bytes.length > MESSAGE_LIMIT) return undefined;
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    return text.includes('\0') ? undefined : text;
  } catch {
    return undefined;
  }
}
