/** Who can read an encrypted log: its auditors, by the public keys of age (age-encryption.org). */
import { Buffer } from 'node:buffer';
import { Encrypter } from 'age-encryption';

/** What only the recipients can open, each of them by itself: base64 of an age file. */
export async function encryptTo(recipients: readonly string[], bytes: Uint8Array): Promise<string> {
  const encrypter = new Encrypter();
  for (const recipient of recipients) encrypter.addRecipient(recipient);
  return Buffer.from(await encrypter.encrypt(bytes)).toString('base64');
}
