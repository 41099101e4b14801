/** What is the same for all that others must sign: who may ask for it, and whether a signature that somebody brings counts. */
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

/** Why `by` may not ask for `what` (`a permit`); undefined where they may. */
export function asksAsNobody(by: string, what: string): ControlReply | undefined {
  const person = personBehind(by);
  if (person === ROOT) {
    const hint = 'Use sudo from an account of your own, or a user of the group of the control socket.';
    return failed('refused', `${what} is asked for by a person, and root may be anybody`, hint);
  }
  // Who has no name could approve under theirs what they asked for.
  if (isNameless(person)) {
    return failed('refused', `${what} is asked for by a person, and the host does not know the name of ${person}`);
  }
  return undefined;
}

/** Why it can never be signed by enough; undefined where it can. */
export function tooFewApprovers(
  request: SignedRequest,
  approvers: Approvers,
  needed: number,
): ControlReply | undefined {
  const others = [...approvers.keys()].filter((name) => !isParty(request, name, approvers));
  if (others.length >= needed) return undefined;
  const hint = 'Whom it serves does not sign it: let somebody else ask for it, or use it.';
  return failed(
    'refused',
    `${needed} must sign it, and there ${others.length === 1 ? 'is' : 'are'} ${others.length} who may`,
    hint,
  );
}

export type Signed =
  /** `approvals` with the new one; `names`: of all whose approvals count now. */
  | { readonly signer: string; readonly approvals: readonly Approval[]; readonly names: readonly string[] }
  | { readonly refusal: ControlReply };

/** `what`: `permit`. */
export function signedBy(request: SignedRequest, given: string, approvers: Approvers, what: string): Signed {
  // Whose key it is counts, not who brings it.
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
  // A signature that counts no more, as after a key was replaced, makes room for the new one.
  const others = request.approvals.filter((approval) => approval.by !== signer);
  const approvals = [...others, { by: signer, signature: given }];
  return { signer, approvals, names: approvedBy({ ...request, approvals }, approvers) };
}
