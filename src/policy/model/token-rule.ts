/** How the tokens of an account's end users are checked (`token:` of a principal). */

import type { TokenLogin } from '../compile/token-login.ts';
import type { RuleRef } from '../source/rule.ts';

export interface TokenRule {
  /** Compared exactly with `iss`. */
  readonly issuer: string;
  /** `aud` must contain one of them. */
  readonly audience: readonly string[];
  /** A JWK set: the path of a file, or an address. */
  readonly keys: string;
  /** The claim with the end user's name. */
  readonly user: string;
  /** By attribute: the claim with its value. For other attributes, the claim has the attribute's name. */
  readonly claims: ReadonlyMap<string, string>;
  /** By claim: the text that it must equal, or that its list must contain. */
  readonly require: ReadonlyMap<string, string>;
  /** Milliseconds after `iat`, even if the token itself expires later. */
  readonly maxAge?: number;
  /** End users may log in with their tokens; absent: the account logs in, and names its end user later. */
  readonly login?: TokenLogin;
  readonly rule: RuleRef;
}
