/** `approvers.yaml`: who may approve requests that others must sign (permits, raises, break-glass), and with which SSH key. */
import { z } from 'zod';
import { parsePublicKey, type SshPublicKey } from '../../pki/ssh-public-key.ts';
import { isOfBrowsers } from '../../pki/webauthn.ts';
import { mapping } from '../schema/schema-values.ts';
import { validate } from '../schema/validate.ts';
import type { DiagnosticReport } from '../source/diagnostic.ts';
import type { PolicyDocument } from '../source/document.ts';

export interface Approver {
  readonly name: string;
  /** The same person's name at the operating system: people must not approve their own requests. */
  readonly user: string;
  readonly key: SshPublicKey;
  /** Of the console, where the key signs in a browser. */
  readonly origin?: string;
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
  origin: z
    .string()
    .optional()
    .describe(
      'Of the console, where the key signs in a browser: `https://rowgate.example.org`. The console makes the line.',
    ),
});

export const approversSchema = mapping({
  approvers: z
    .record(z.string().regex(/^[A-Za-z0-9_][A-Za-z0-9_.@-]*$/, 'expected a name (letters, digits, _ . @ -)'), approver)
    .describe(
      'Who may approve export permits, larger limits and openings of closed principals, by name. A permit needs two of them, and not the asker.',
    ),
});

/** Adds the approvers of one file. An entry with any problem makes no approver. */
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
    const { origin } = entry;
    const wrong = origin === undefined ? undefined : problemOfOrigin(origin, key);
    if (wrong !== undefined) {
      report.error(document.placeOfValue([...path, 'origin']), wrong);
      continue;
    }
    const made = { name, user: entry.user ?? name, key, ...(origin !== undefined && { origin }) };
    const twin = [...approvers.values()].find((other) => isSamePerson(other, made));
    if (twin) {
      // Two approvals must come from two people, so a person must not be listed twice.
      const what = twin.name === name ? 'is defined twice' : `is "${twin.name}" once more: same key or same user`;
      report.error(document.place(path), `approver "${name}" ${what}`);
      approvers.delete(twin.name);
      continue;
    }
    approvers.set(name, made);
  }
}

/** A browser signs for the host of the page, which is the key's application, and nowhere but over https or on the same machine. */
function problemOfOrigin(origin: string, { kind, application }: SshPublicKey): string | undefined {
  const url = URL.canParse(origin) ? new URL(origin) : undefined;
  const isSecure = url?.protocol === 'https:' || (url?.protocol === 'http:' && url.hostname === 'localhost');
  if (!url || url.origin !== origin || !isSecure) {
    return 'expected an origin such as "https://rowgate.example.org"; "http:" only of localhost';
  }
  if (isOfBrowsers(kind) && application === url.hostname) return undefined;
  return `expected a key "sk-ecdsa-sha2-nistp256@openssh.com" or "sk-ssh-ed25519@openssh.com" whose application is "${url.hostname}": the console makes one`;
}

function isSamePerson(one: Approver, other: Approver): boolean {
  const isSame = one.user.toLowerCase() === other.user.toLowerCase();
  return one.name === other.name || isSame || one.key.blob.equals(other.key.blob);
}
