/** Checks a token's claims against a principal's token rule. */
import { isUserName } from '../metering/user-name.ts';
import type { TokenRule } from '../policy/model/token-rule.ts';
import { problem, type TokenProblem } from './problem.ts';

/** Tolerated difference between the clocks of issuer and guard. */
const CLOCK_SKEW_MS = 30_000;

const LONGEST_USER = 200;

/** The end user of a token, and the time until which it is accepted: milliseconds since the epoch, with the clock skew added. */
export interface CheckedClaims {
  readonly user: string;
  readonly expires: number;
}

type Claims = Readonly<Record<string, unknown>>;

/** `now`: milliseconds since the epoch. */
export function checkClaims(rule: TokenRule, claims: Claims, now: number): CheckedClaims | TokenProblem {
  if (own(claims, 'iss') !== rule.issuer) return problem('the token is of another issuer');
  if (!listed(own(claims, 'aud')).some((audience) => rule.audience.includes(audience)))
    return problem('the token is for another audience');
  const until = expiry(rule, claims, now);
  if (typeof until !== 'number') return until;
  for (const [claim, text] of rule.require) {
    if (!says(claim, own(claims, claim), text))
      return problem('the token is not for this account: a claim that it requires is another one');
  }
  const user = userOf(own(claims, rule.user));
  if (user === undefined) return problem('the token does not name its end user in the claim that the policy asks for');
  return { user, expires: until };
}

/** Times are whole seconds (RFC 7519 allows fractions, which no issuer writes). */
function expiry({ maxAge }: TokenRule, claims: Claims, now: number): number | TokenProblem {
  const [exp, nbf, iat] = ['exp', 'nbf', 'iat'].map((claim) => seconds(own(claims, claim)));
  if (exp === undefined) return problem('the token does not say when it expires');
  if (exp === 'unreadable' || nbf === 'unreadable' || iat === 'unreadable')
    return problem('a time in the token ("exp", "nbf", "iat") is not a number of seconds');
  if (exp + CLOCK_SKEW_MS <= now) return problem('the token has expired');
  if (nbf !== undefined && nbf - CLOCK_SKEW_MS > now) return problem('the token is not valid yet');
  if (iat !== undefined && iat - CLOCK_SKEW_MS > now) return problem('the token was issued in the future');
  if (maxAge === undefined) return exp + CLOCK_SKEW_MS;
  if (iat === undefined) return problem('the token does not say when it was issued');
  if (iat + maxAge + CLOCK_SKEW_MS <= now) return problem('the token was issued too long ago');
  return Math.min(exp, iat + maxAge) + CLOCK_SKEW_MS;
}

function seconds(value: unknown): number | undefined | 'unreadable' {
  if (value === undefined) return undefined;
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value * 1000 : 'unreadable';
}

/** A list of texts, or one. */
function listed(value: unknown): readonly string[] {
  if (typeof value === 'string') return [value];
  return Array.isArray(value) && value.every((item) => typeof item === 'string') ? value : [];
}

function says(claim: string, value: unknown, text: string): boolean {
  // A list in one text (RFC 8693, 4.2).
  if (claim === 'scope' && typeof value === 'string') return value.split(' ').includes(text);
  if (typeof value === 'boolean' || Number.isSafeInteger(value)) return String(value) === text;
  return listed(value).includes(text);
}

/** Undefined if the value names no end user, or if characters that do not show could make two names look alike. */
function userOf(value: unknown): string | undefined {
  const user = typeof value === 'number' && Number.isSafeInteger(value) ? String(value) : value;
  if (typeof user !== 'string' || user.length > LONGEST_USER) return undefined;
  return isUserName(user) ? user : undefined;
}

/** Inherited properties of an object are not claims. */
function own(claims: Claims, name: string): unknown {
  return Object.hasOwn(claims, name) ? claims[name] : undefined;
}
