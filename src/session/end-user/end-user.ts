/** The end user: named by a token that the client has set (`rowgate.token`). */
import type { Refusal } from '../../core/refusal.ts';
import type { TokenRule } from '../../policy/model/token-rule.ts';
import type { SessionPolicy } from '../session-policy.ts';

export interface EndUser {
  /** As the claim says: `7731`. */
  readonly user: string;
  /** All of the role's: the principal's own, and those `from token`, as the text that PostgreSQL's input function takes. */
  readonly attributes: ReadonlyMap<string, string>;
  /** The same as JSON values, for the log. */
  readonly shown: Readonly<Record<string, unknown>>;
}

/** `refused`: this token names no valid end user. */
export type EndUserCheck = EndUser | { readonly refused: Refusal } | 'wait';

export interface EndUsers {
  /**
   * The current end user of a token: asked at each statement that needs it, and cached as long as the token, the keys and the policy are valid. Never
   * throws. On `wait`, `Session.onBudget` is called when it may be asked again.
   */
  check(policy: SessionPolicy, token: string): EndUserCheck;
  /** A logout: from `done` on the token is refused everywhere. A `refused` token was not valid. */
  giveBack(policy: SessionPolicy, token: string): 'done' | { readonly refused: Refusal } | 'wait';
}

/** A token whose signature and claims meet its rule. */
export interface VerifiedToken {
  readonly user: string;
  /** As JSON has them. */
  readonly claims: Readonly<Record<string, unknown>>;
  /** Until when it is taken: milliseconds since the epoch. */
  readonly expires: number;
}

/** What a whole process knows of people. */
export interface Identity {
  /** For one session; `wake` is called when a question that was answered by `wait` may be asked again, never within `check`. */
  persons(wake: () => void): EndUsers;
  /** For a login by a token, whose principal is not known yet: by one principal's rule. Never rejects. */
  verify(rule: TokenRule, token: string): Promise<VerifiedToken | { readonly refused: Refusal }>;
  /** The same at once, for a token that is cached; undefined if it has to be verified. */
  known(rule: TokenRule, token: string): VerifiedToken | { readonly refused: Refusal } | undefined;
  /** Keys may have changed: they are read again before their next use. */
  keysChanged(): void;
}
