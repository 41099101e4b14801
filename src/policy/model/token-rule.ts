/** How the tokens of the people behind an account are checked (`token:` of a principal). */

import type { TokenLogin } from '../compile/token-login.ts';
import type { RuleRef } from '../source/rule.ts';

export interface TokenRule {
  /** `iss`, to the letter. */
  readonly issuer: string;
  /** One of them has to stand in `aud`. */
  readonly audience: readonly string[];
  /** A JWK set: the path of a file, or an address. */
  readonly keys: string;
  /** The claim that names the person. */
  readonly user: string;
  /** By attribute: the claim that gives it. One that is not here comes from the claim of its own name. */
  readonly claims: ReadonlyMap<string, string>;
  /** By claim: the text that it must be, or that must be in its list. */
  readonly require: ReadonlyMap<string, string>;
  /** Milliseconds after `iat`, however long the token itself would hold. */
  readonly maxAge?: number;
  /** People may log in by their tokens; absent: the account logs in, and says for whom it asks. */
  readonly login?: TokenLogin;
  readonly rule: RuleRef;
}
