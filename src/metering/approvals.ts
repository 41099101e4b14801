/** What people sign with their SSH keys before it holds: who has signed it, and whose signatures count. What it lets happen is for others. */
import { createHash, createHmac } from 'node:crypto';
import type { SshPublicKey } from '../pki/ssh-public-key.ts';
import { isSignedBy } from '../pki/ssh-signature.ts';

/** The name of an approver, with the signature over the text of a request. */
export interface Approval {
  readonly by: string;
  readonly signature: string;
}

/** Something that others than those whom it serves must sign. */
export interface SignedRequest {
  /** All that it is about; the same for the same request. */
  readonly text: string;
  /** `ssh-keygen -Y sign -n NAMESPACE` */
  readonly namespace: string;
  /** Who asked for it, and who will use it, as records name them: they do not approve it. */
  readonly parties: readonly string[];
  readonly approvals: readonly Approval[];
}

/** Who may approve, by name. */
export type Approvers = ReadonlyMap<string, { readonly user: string; readonly key: SshPublicKey }>;

/** A title and what is asked for, line by line. Ends in a line break. */
export function requestText(title: string, lines: readonly (readonly [string, unknown])[]): string {
  // JSON: no value can look like another line.
  return `${title}\n${lines.map(([name, value]) => `${name}: ${JSON.stringify(value)}\n`).join('')}`;
}

/** The approver who made this signature over the request; undefined where it is nobody's who may approve. */
export function signerOf(
  { text, namespace }: SignedRequest,
  signature: string,
  approvers: Approvers,
): string | undefined {
  for (const [name, { key }] of approvers) if (isSignedBy(key, text, namespace, signature)) return name;
  return undefined;
}

/** A user of the operating system behind `by` of a record: `ines`, also where she came as root: `ines (as root)`. */
export function personBehind(by: string): string {
  return by.replace(/ \(as [^)]*\)$/, '');
}

/** Whether this approver is one of those whom the request serves. */
export function isParty({ parties }: SignedRequest, name: string, approvers: Approvers): boolean {
  // A directory of users may hand out the same name in either case.
  const own = [name, approvers.get(name)?.user].map((one) => one?.toLowerCase());
  return parties.some((party) => own.includes(personBehind(party).toLowerCase()));
}

/** Whose approvals count now: signed by a key that stands in the policy now, and not by whom the request serves. */
export function approvedBy(request: SignedRequest, approvers: Approvers): readonly string[] {
  const { text, namespace, approvals } = request;
  const names = approvals
    .filter(({ by, signature }) => {
      const key = approvers.get(by)?.key;
      // The store is believed nothing: each signature is checked against the policy in force.
      return key !== undefined && !isParty(request, by, approvers) && isSignedBy(key, text, namespace, signature);
    })
    .map(({ by }) => by);
  return [...new Set(names)];
}

/** All approvals that either has. */
export function mergedApprovals(held: readonly Approval[], more: readonly Approval[]): readonly Approval[] {
  return [...held.filter(({ by }) => !more.some((approval) => approval.by === by)), ...more];
}

/** As `ssh-keygen -l` shows it: `SHA256:…` */
function keyFingerprint({ blob }: Pick<SshPublicKey, 'blob'>): string {
  return `SHA256:${createHash('sha256').update(blob).digest('base64').replace(/=+$/, '')}`;
}

/** Those of `approvedBy`, with the keys that signed: for records. */
export function signersShown(
  names: readonly string[],
  approvers: Approvers | undefined,
): readonly { readonly name: string; readonly key: string }[] {
  return names.flatMap((name) => {
    const approver = approvers?.get(name);
    return approver ? [{ name, key: keyFingerprint(approver.key) }] : [];
  });
}

/** Names a store, so that what was signed for one guard's counts at no other's. `hashKey`: of `BudgetStore.hashKey`. */
export function stateName(hashKey: Uint8Array): string {
  return createHmac('sha256', hashKey).update('rowgate state').digest('base64url').slice(0, 22);
}
