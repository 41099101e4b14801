/** The person behind the account: whom a token names that the client has set (`rowgate.token`). */
import type { Refusal } from '../errors.ts';
import type { SessionPolicy } from './session-policy.ts';

export interface Person {
  /** As the claim says: `7731`. */
  readonly user: string;
  /** All of the role's: the principal's own, and those `from token`, as the text that PostgreSQL's input function takes. */
  readonly attributes: ReadonlyMap<string, string>;
  /** The same as JSON values, for the log. */
  readonly shown: Readonly<Record<string, unknown>>;
}

/** `refused`: nobody is behind this token. */
export type PersonCheck = Person | { readonly refused: Refusal } | 'wait';

export interface Persons {
  /**
   * Who is behind a token, now: asked at each statement that needs to know, and remembered as long as the token, the keys and the policy
   * hold. Throws never. On `wait`, `Session.onBudget` is called when the same may be asked again.
   */
  check(policy: SessionPolicy, token: string): PersonCheck;
}
