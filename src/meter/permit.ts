/** Export permits: the text that approvers sign, and whether enough of them did. What a permit lets through is for the budgets. */
import type { SshPublicKey } from '../ssh/public-key.ts';
import { isSignedBy } from '../ssh/signature.ts';
import type { Permit } from './budget-store.ts';
import type { Owner } from './measure.ts';

/** `ssh-keygen -Y sign -n rowgate-permit` */
export const PERMIT_NAMESPACE = 'rowgate-permit';
export const APPROVALS_NEEDED = 2;

/** Longer than any permit holds: its rows are counted as a whole, for an owner of their own. */
export const PERMIT_WINDOW = { count: 3650, unit: 'day' } as const;
export const permitOwner = (id: string): Owner => `permit:${id}`;

/** Who may approve, by name. */
export type Approvers = ReadonlyMap<string, { readonly user: string; readonly key: SshPublicKey }>;

/** Everything that a permit allows, and who asked for it, line by line; the same text for the same permit. Ends in a line break. */
export function permitText(permit: Permit): string {
  // JSON: no value can look like another line.
  const lines: readonly (readonly [string, unknown])[] = [
    ['id', permit.id],
    ['owner', permit.owner],
    ['tables', permit.tables],
    ['rows', permit.rows],
    ['from', new Date(permit.from).toISOString()],
    ['until', new Date(permit.until).toISOString()],
    ['reason', permit.reason],
    ['requested by', permit.requestedBy],
    ['requested at', new Date(permit.requestedAt).toISOString()],
  ];
  return `rowgate export permit, version 1\n${lines.map(([name, value]) => `${name}: ${JSON.stringify(value)}\n`).join('')}`;
}

/** The approver who made this signature over the permit; undefined where it is nobody's who may approve. */
export function signerOf(permit: Permit, signature: string, approvers: Approvers): string | undefined {
  const text = permitText(permit);
  for (const [name, { key }] of approvers) {
    if (isSignedBy(key, text, PERMIT_NAMESPACE, signature)) return name;
  }
  return undefined;
}

/** A user of the operating system behind `by` of a record: `ines`, also where she came as root: `ines (as root)`. */
export function personBehind(by: string): string {
  return by.replace(/ \(as [^)]*\)$/, '');
}

/** Whether this approver is the one who asked for the permit. */
export function askedFor(permit: Permit, name: string, approvers: Approvers): boolean {
  // A directory of users may hand out the same name in either case.
  const person = personBehind(permit.requestedBy).toLowerCase();
  return person === name.toLowerCase() || person === approvers.get(name)?.user.toLowerCase();
}

/** Whose approvals count now: signed by a key that stands in the policy now, and not by who asked for it. */
export function approvedBy(permit: Permit, approvers: Approvers): readonly string[] {
  const text = permitText(permit);
  const names = permit.approvals
    .filter(({ by, signature }) => {
      const key = approvers.get(by)?.key;
      // INVARIANT: the store is believed nothing: each signature is checked against the policy in force.
      return (
        key !== undefined && !askedFor(permit, by, approvers) && isSignedBy(key, text, PERMIT_NAMESPACE, signature)
      );
    })
    .map(({ by }) => by);
  return [...new Set(names)];
}

const judged = new WeakMap<Permit, { readonly approvers: Approvers; readonly enough: boolean }>();

/** Whether the permit may be used now. Remembers signatures that it has checked: cheap enough for each statement. */
export function permitHolds(permit: Permit, approvers: Approvers | undefined, now: number): boolean {
  if (permit.revokedBy !== undefined || now < permit.from || now >= permit.until || !approvers) return false;
  const known = judged.get(permit);
  if (known?.approvers === approvers) return known.enough;
  const enough = approvedBy(permit, approvers).length >= APPROVALS_NEEDED;
  judged.set(permit, { approvers, enough });
  return enough;
}
