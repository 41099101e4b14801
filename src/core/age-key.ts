/**
 * Whether a text is a key of age, by its form and its checksum: Bech32 (BIP 173). The library says so too, but takes a tenth of a second to load; it
 * is asked where something is encrypted or decrypted.
 */

import { Buffer } from 'node:buffer';

const RECIPIENTS: ReadonlySet<string> = new Set(['age', 'age1pq', 'age1tag', 'age1tagpq']);
const IDENTITIES: ReadonlySet<string> = new Set(['AGE-SECRET-KEY-', 'AGE-SECRET-KEY-PQ-']);

/** Of 32 bytes, the shortest key, with the checksum. */
const LEAST_CHARACTERS = 58;

/** `age1…` as `age-keygen` prints it. */
export function isRecipient(text: string): boolean {
  return RECIPIENTS.has(prefixOf(text)) && isBech32(text);
}

/** `AGE-SECRET-KEY-1…` as `age-keygen` writes it. */
export function isIdentity(text: string): boolean {
  return IDENTITIES.has(prefixOf(text)) && isBech32(text.toLowerCase()) && text === text.toUpperCase();
}

function prefixOf(text: string): string {
  return text.slice(0, Math.max(text.lastIndexOf('1'), 0));
}

const ALPHABET = 'qpzry9x8gf2tvdw0s3jn54khce6mua7l';
const GENERATOR = [0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3];

/** In lower case. */
function isBech32(text: string): boolean {
  const prefix = Buffer.from(prefixOf(text));
  const values = Array.from(text.slice(prefix.length + 1), (character) => ALPHABET.indexOf(character));
  if (values.length < LEAST_CHARACTERS || values.includes(-1)) return false;
  let sum = 1;
  for (const value of [...prefix.map((byte) => byte >> 5), 0, ...prefix.map((byte) => byte & 31), ...values]) {
    const top = sum >>> 25;
    sum = ((sum & 0x1ffffff) << 5) ^ value;
    for (const [bit, number] of GENERATOR.entries()) if ((top >> bit) & 1) sum ^= number;
  }
  return sum === 1;
}
