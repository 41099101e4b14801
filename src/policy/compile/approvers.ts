/** `approvers.yaml`: who may approve what others must sign (permits, larger limits, openings), and by which SSH key. */
import { z } from 'zod';
import { parsePublicKey, type SshPublicKey } from '../../pki/ssh-public-key.ts';
import { mapping } from '../schema/schema-values.ts';
import { validate } from '../schema/validate.ts';
import type { DiagnosticReport } from '../source/diagnostic.ts';
import type { PolicyDocument } from '../source/document.ts';

export interface Approver {
  readonly name: string;
  /** The name of the same person at the operating system: nobody approves what they asked for. */
  readonly user: string;
  readonly key: SshPublicKey;
}

const approver = mapping({
  key: z
    .string()
    .describe('The SSH public key, as it stands in a `.pub` file: Ed25519, ECDSA, RSA, or one on a security key.'),
  user: z
    .string()
    .min(1)
    .optional()
    .describe('The user name of this person on the guard’s host, where it is not the name here.'),
});

export const approversSchema = mapping({
  approvers: z
    .record(z.string().regex(/^[A-Za-z0-9_][A-Za-z0-9_.@-]*$/, 'expected a name (letters, digits, _ . @ -)'), approver)
    .describe(
      'Who may approve export permits, larger limits and openings of closed principals, by name. A permit needs two of them, and not the asker.',
    ),
});

/** Adds the approvers of one file. Whatever is in doubt about one of them makes no approver of anybody. */
export function addApprovers(
  document: PolicyDocument,
  approvers: Map<string, Approver>,
  report: DiagnosticReport,
): void {
  for (const { place, message } of document.flaws) report.error(place, message);
  if (document.flaws.length > 0) return;
  const file = validate(document, approversSchema, document.value);
  if (!file.ok) {
    for (const { place, message } of file.flaws) report.error(place, message);
    return;
  }
  for (const [name, entry] of Object.entries(file.value.approvers)) {
    const path = ['approvers', name];
    const key = parsePublicKey(entry.key);
    if (!key) {
      const expected = 'expected an SSH public key such as "ssh-ed25519 AAAA…" (RSA from 2048 bits on)';
      report.error(document.placeOfValue([...path, 'key']), expected);
      continue;
    }
    const made = { name, user: entry.user ?? name, key };
    const twin = [...approvers.values()].find((other) => isSamePerson(other, made));
    if (twin) {
      // Two approvals are of two people: one who stands here twice is none.
      const what = twin.name === name ? 'is defined twice' : `is "${twin.name}" once more: same key or same user`;
      report.error(document.place(path), `approver "${name}" ${what}`);
      approvers.delete(twin.name);
      continue;
    }
    approvers.set(name, made);
  }
}

function isSamePerson(one: Approver, other: Approver): boolean {
  const isSame = one.user.toLowerCase() === other.user.toLowerCase();
  return one.name === other.name || isSame || one.key.blob.equals(other.key.blob);
}
