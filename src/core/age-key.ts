/** Whether a text is a key of age, by its form and checksum. The library of age says so too, but takes a tenth of a second to load: it is asked when it encrypts. */
import { bech32 } from '@scure/base';

const RECIPIENTS: readonly string[] = ['age', 'age1pq', 'age1tag', 'age1tagpq'];
const IDENTITIES: readonly string[] = ['age-secret-key-', 'age-secret-key-pq-'];
const LEAST_BYTES = 32;

/** `age1…` as `age-keygen` prints it. */
export function isRecipient(text: string): boolean {
  return text === text.toLowerCase() && isKey(text, RECIPIENTS);
}

/** `AGE-SECRET-KEY-1…` as `age-keygen` writes it. */
export function isIdentity(text: string): boolean {
  return text === text.toUpperCase() && isKey(text, IDENTITIES);
}

function isKey(text: string, prefixes: readonly string[]): boolean {
  const { prefix, words } = bech32.decodeUnsafe(text, false) ?? {};
  if (prefix === undefined || !words || !prefixes.includes(prefix)) return false;
  return (bech32.fromWordsUnsafe(words)?.length ?? 0) >= LEAST_BYTES;
}
