/** Whose login a token is: the principal of an end user, named by its own name or by the end user's. */
import { Buffer } from 'node:buffer';
import { type LoginRefusal, severalPrincipals, tokenRefused, tokenUnchecked } from '../../core/login-refusal.ts';
import { isObject, readJsonBytes } from '../../identity/json.ts';
import { type Proof, ruleText } from '../../identity/proof.ts';
import { isEndUserLogin, type TokenLogin } from '../../policy/compile/token-login.ts';
import type { Policy, Principal } from '../../policy/model/policy.ts';
import type { TokenRule } from '../../policy/model/token-rule.ts';
import type { Identity } from '../../session/end-user/end-user.ts';

/** A principal that people log in to by their tokens. */
export type LoginPrincipal = Principal & { readonly token: TokenRule & { readonly login: TokenLogin } };

const known = new WeakMap<Policy, readonly LoginPrincipal[]>();

/** Those of this policy, in its order. */
export function loginPrincipals(policy: Policy): readonly LoginPrincipal[] {
  let found = known.get(policy);
  if (!found) {
    found = [...policy.principals.values()].filter(isLoginPrincipal);
    known.set(policy, found);
  }
  return found;
}

function isLoginPrincipal(principal: Principal): principal is LoginPrincipal {
  return principal.disabled === undefined && principal.token?.login !== undefined;
}

/** The principal whose end users log in under such names; undefined if the policy has none for this name. */
export function principalOfPeople(policy: Policy, name: string): LoginPrincipal | undefined {
  return loginPrincipals(policy).find(({ token }) => isEndUserLogin(token.login, name));
}

interface Check {
  readonly principal: LoginPrincipal;
  readonly check: Awaited<ReturnType<Identity['verify']>>;
}

export type TokenOwner =
  | { readonly principal: string; readonly proof: Proof; readonly refusal?: undefined }
  | { readonly refusal: LoginRefusal };

/** `name`: of the principal, or the person's own. */
export async function tokenOwnerOf(
  policy: Policy,
  name: string,
  token: string,
  verify: Identity['verify'],
): Promise<TokenOwner> {
  // The token is checked against every rule, whatever name was given: neither timing nor messages reveal which principals exist.
  const checks = await Promise.all(
    loginPrincipals(policy).map(async (principal) => ({ principal, check: await verify(principal.token, token) })),
  );
  const named = policy.principals.get(name);
  const owners = checks.flatMap(({ principal, check }): TokenOwner[] => {
    // A name in the policy always means that principal, whatever names end users have.
    if ('refused' in check || (named ? principal !== named : check.user !== name)) return [];
    const { user, expires } = check;
    const rule = ruleText(principal.token);
    return [{ principal: principal.name, proof: { kind: 'token', token, user, rule, expires } }];
  });
  const [owner] = owners;
  if (owners.length > 1) return { refusal: severalPrincipals() };
  return owner ?? { refusal: refusalOf(name, token, checks) };
}

/** Says why where every rule for tokens of its issuer says the same. */
function refusalOf(name: string, token: string, checks: readonly Check[]): LoginRefusal {
  const reasons = checks.map(({ check }) => ('refused' in check ? check.refused.reason : undefined));
  if (reasons.includes('token-unchecked')) return tokenUnchecked();
  const issuer = claimedIssuer(token);
  const ofIssuer = checks.filter(({ principal }) => principal.token.issuer === issuer);
  const said = (ofIssuer.length > 0 ? ofIssuer : checks).map(({ check }) =>
    'refused' in check ? check.refused.message : undefined,
  );
  const [why, ...others] = new Set(said);
  const isCommon = why !== undefined && others.length === 0;
  return tokenRefused(name, isCommon ? `${why[0]?.toUpperCase()}${why.slice(1)}.` : undefined);
}

/** Believed for nothing but which answer may serve. */
function claimedIssuer(token: string): string | undefined {
  const claims = readJsonBytes(Buffer.from(token.split('.')[1] ?? '', 'base64url'))?.value;
  return isObject(claims) && typeof claims.iss === 'string' ? claims.iss : undefined;
}
