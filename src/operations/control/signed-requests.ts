/** Shared by all requests that others must sign: who may make one, and whether a signature counts. */
import { z } from 'zod';
import {
  type Approval,
  type Approvers,
  approvedBy,
  isParty,
  personBehind,
  type SignedRequest,
  signerOf,
} from '../../metering/approvals.ts';
import { type ControlReply, failed } from './protocol.ts';
import { isNameless } from './user-name.ts';

export const signature = z.string().max(16 * 1024);

const ROOT = 'root';

/** Why `by` may not ask for `what` (`a permit`); undefined if they may. */
export function refuseNameless(by: string, what: string): ControlReply | undefined {
  const person = personBehind(by);
  if (person === ROOT) {
    const hint = 'Use sudo from an account of your own, or a user of the group of the control socket.';
    return failed('refused', `${what} must be asked for by a person, and root may be any of them`, hint);
  }
  // A person without a known name could approve their own request under their name.
  if (isNameless(person)) {
    return failed('refused', `${what} must be asked for by a person, and the host does not know the name of ${person}`);
  }
  return undefined;
}

/** All guards keep each request in memory, also for a time after its end: one person must not fill it. */
const MOST_OF_ONE = 200;

/** Why `by` may not make one more request; undefined if they may. `askers`: who made each of the kept requests; `what` names the kind (`permits`). */
export function refuseMany(by: string, askers: readonly string[], what: string): ControlReply | undefined {
  const person = personBehind(by);
  const own = askers.filter((asker) => personBehind(asker) === person).length;
  return own < MOST_OF_ONE ? undefined : failed('refused', `"${person}" has asked for ${own} ${what} lately`);
}

/** By id: ids begin with the time. */
export function newestFirst<T extends { readonly id: string }>(requests: readonly T[]): T[] {
  return [...requests].sort((a, b) => (a.id < b.id ? 1 : -1));
}

/** Why enough approvers can never sign it; undefined if they can. */
export function tooFewApprovers(
  request: SignedRequest,
  approvers: Approvers,
  needed: number,
): ControlReply | undefined {
  const others = [...approvers.keys()].filter((name) => !isParty(request, name, approvers));
  if (others.length >= needed) return undefined;
  const hint = 'The person who asks for it or will use it may not sign it: let another person ask for it, or use it.';
  return failed(
    'refused',
    `${needed} must sign it, and there ${others.length === 1 ? 'is' : 'are'} ${others.length} who may`,
    hint,
  );
}

export type Signed =
  /** `approvals` includes the new one; `names`: everyone whose approval counts now. */
  | { readonly signer: string; readonly approvals: readonly Approval[]; readonly names: readonly string[] }
  | { readonly refusal: ControlReply };

/** `what`: the kind of request, such as `permit`. */
export function signedBy(request: SignedRequest, given: string, approvers: Approvers, what: string): Signed {
  // The owner of the key counts as the signer, not the account that submits the signature.
  const signer = signerOf(request, given, approvers);
  if (signer === undefined) {
    const hint = `The keys that count stand in approvers.yaml, and the signature must be over the text of this ${what}.`;
    return { refusal: failed('refused', 'this is no signature of an approver', hint) };
  }
  if (isParty(request, signer, approvers)) {
    return { refusal: failed('refused', `"${signer}" asked for this ${what}, and cannot approve it`) };
  }
  const before = approvedBy(request, approvers);
  if (before.includes(signer)) {
    return { refusal: failed('refused', `"${signer}" has approved this ${what} already`) };
  }
  // A signature that no longer counts, as after a key was replaced, gives way to the new one.
  const others = request.approvals.filter((approval) => approval.by !== signer);
  const approvals = [...others, { by: signer, signature: given }];
  return { signer, approvals, names: approvedBy({ ...request, approvals }, approvers) };
}
