/**
 * Requests that people sign with their SSH keys before they take effect: who signed, and whose signatures count. What a request allows is defined
 * elsewhere.
 */
import { createHash, createHmac } from 'node:crypto';
import type { SshPublicKey } from '../pki/ssh-public-key.ts';
import { isSignedBy } from '../pki/ssh-signature.ts';

/** An approver's name, and the signature over the text of a request. */
export interface Approval {
  readonly by: string;
  readonly signature: string;
}

/** A request that people other than its parties must sign. */
export interface SignedRequest {
  /** Everything that is requested; equal for equal requests. */
  readonly text: string;
  /** `ssh-keygen -Y sign -n NAMESPACE` */
  readonly namespace: string;
  /** Who made the request and who will use it, as records name them: they may not approve it. */
  readonly parties: readonly string[];
  readonly approvals: readonly Approval[];
}

/** `origin`: of the console, where the key signs in a browser. */
interface ApproverKey {
  readonly user: string;
  readonly key: SshPublicKey;
  readonly origin?: string;
}

/** Who may approve, by name. */
export type Approvers = ReadonlyMap<string, ApproverKey>;

/** A title, then one line for each value. Ends with a line break. */
export function requestText(title: string, lines: readonly (readonly [string, unknown])[]): string {
  // JSON: no value can look like another line.
  return `${title}\n${lines.map(([name, value]) => `${name}: ${JSON.stringify(value)}\n`).join('')}`;
}

/** The approver who made this signature over the request; undefined if it is none of the approvers'. */
export function signerOf(
  { text, namespace }: SignedRequest,
  signature: string,
  approvers: Approvers,
): string | undefined {
  for (const [name, { key, origin }] of approvers) if (isSignedBy(key, text, namespace, signature, origin)) return name;
  return undefined;
}

/** The operating system user in a record's `by`: `ines`, also for `ines (as root)`. */
export function personBehind(by: string): string {
  return by.replace(/ \(as [^)]*\)$/, '');
}

/** Whether this approver is one of the request's parties. */
export function isParty({ parties }: SignedRequest, name: string, approvers: Approvers): boolean {
  // A user directory may return a name in either case.
  const own = [name, approvers.get(name)?.user].map((one) => one?.toLowerCase());
  return parties.some((party) => own.includes(personBehind(party).toLowerCase()));
}

/** The approvers whose signatures count now: the key is in the current policy, and they are not a party. */
export function approvedBy(request: SignedRequest, approvers: Approvers): readonly string[] {
  const { text, namespace, approvals } = request;
  const names = approvals
    .filter(({ by, signature }) => {
      const approver = approvers.get(by);
      // The store is not trusted: each signature is checked against the policy in force.
      if (!approver || isParty(request, by, approvers)) return false;
      return isSignedBy(approver.key, text, namespace, signature, approver.origin);
    })
    .map(({ by }) => by);
  return [...new Set(names)];
}

const remembered = new WeakMap<object, { readonly terms: readonly unknown[]; readonly enough: boolean }>();

/** Caches the result of `enough` for a request under these terms, so that it can be asked for each statement. */
export function rememberEnough(request: object, terms: readonly unknown[], enough: () => boolean): boolean {
  const known = remembered.get(request);
  if (known && terms.every((term, i) => known.terms[i] === term)) return known.enough;
  const found = { terms, enough: enough() };
  remembered.set(request, found);
  return found.enough;
}

/** The approvals of both. */
export function mergedApprovals(held: readonly Approval[], more: readonly Approval[]): readonly Approval[] {
  return [...held.filter(({ by }) => !more.some((approval) => approval.by === by)), ...more];
}

/** Like `ssh-keygen -l`: `SHA256:…` */
function keyFingerprint({ blob }: Pick<SshPublicKey, 'blob'>): string {
  return `SHA256:${createHash('sha256')
    .update(blob)
    .digest('base64')
    .replace(/={1,2}$/, '')}`;
}

/** These approvers with the keys that signed, for records. */
export function signersShown(
  names: readonly string[],
  approvers: Approvers | undefined,
): readonly { readonly name: string; readonly key: string }[] {
  return names.flatMap((name) => {
    const approver = approvers?.get(name);
    return approver ? [{ name, key: keyFingerprint(approver.key) }] : [];
  });
}

/** The name of a store, so that a signature for one store is not valid for another. `hashKey`: from `BudgetStore.hashKey`. */
export function stateName(hashKey: Uint8Array): string {
  return createHmac('sha256', hashKey).update('rowgate state').digest('base64url').slice(0, 22);
}
