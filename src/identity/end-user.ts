/** Makes the end user from a verified token, for the role of its principal. */

import { claimValue } from '../policy/compile/attributes.ts';
import { attributeValues } from '../policy/model/attribute-values.ts';
import type { Principal, RolePolicy } from '../policy/model/policy.ts';
import type { EndUser, VerifiedToken } from '../session/end-user/end-user.ts';
import { problem, type TokenProblem } from './problem.ts';

/** The token must have been verified by this principal's rule. */
export function endUserOfToken(
  { role, principal }: { readonly role: RolePolicy; readonly principal: Principal },
  { user, claims }: Pick<VerifiedToken, 'user' | 'claims'>,
): EndUser | TokenProblem {
  const attributes = new Map<string, string>();
  for (const [name, attribute] of role.attributes) {
    const claim = principal.token?.claims.get(name) ?? name;
    const value = attribute.fromToken
      ? claimValue(attribute, Object.hasOwn(claims, claim) ? claims[claim] : undefined)
      : principal.attributes.get(name);
    if (value === undefined) return problem(`the token has no claim that gives the attribute "${name}" of its type`);
    attributes.set(name, value);
  }
  return { user, attributes, shown: attributeValues(role.attributes, attributes) };
}
