/** The key `log.encrypt_to`: who can read the decision log, by public keys of age (age-encryption.org). */
import { Encrypter } from 'age-encryption';
import { z } from 'zod';

export const recipients = z
  .array(z.string().refine(isRecipient, 'expected a public key of age, as age1…; "age-keygen -o FILE" makes one'))
  .min(1)
  .optional();

/** `age1…` as `age-keygen` prints it. */
export function isRecipient(text: string): boolean {
  try {
    new Encrypter().addRecipient(text);
    return true;
  } catch {
    return false;
  }
}
