/** Verifies tokens by the rules of principals, and caches valid ones. `end-user.ts` makes the end user of a role from one. */
import { createHash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { Logger } from 'pino';
import { isUserName } from '../metering/user-name.ts';
import type { TokenRule } from '../policy/model/token-rule.ts';
import type { EndUser, VerifiedToken } from '../session/end-user/end-user.ts';
import type { SessionPolicy } from '../session/session-policy.ts';
import { checkSignature, type JwkSet } from './key-set.ts';
import { KeySource } from './key-source.ts';
import type { LoggedOutTokens } from './logged-out-tokens.ts';
import { keysUnavailable, notRevoked, problem, type TokenProblem } from './problem.ts';
import { keysPlace } from './read-keys.ts';
import { readToken } from './token.ts';

/** Limits how many tasks run at once; the others wait. */
export class Semaphore {
  private running = 0;
  private readonly waiting: (() => void)[] = [];

  constructor(private readonly atOnce: number) {}

  async pass<T>(task: () => Promise<T>): Promise<T> {
    if (this.running >= this.atOnce) await new Promise<void>((go) => this.waiting.push(go));
    else this.running++;
    try {
      return await task();
    } finally {
      const next = this.waiting.shift();
      if (next) next();
      else this.running--;
    }
  }
}

export interface VerifierOptions {
  /** The policies folder, which relative key files refer to. */
  readonly folder: string;
  readonly log: Logger;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Monotonic milliseconds. */
  readonly elapsed: () => number;
  readonly loggedOut: LoggedOutTokens;
}

/** A token that was valid when it was verified; `stands` tells whether it still is. */
export interface Verified extends VerifiedToken {
  readonly rule: TokenRule;
  /** The text of the rule: after a reload, the same rule is another object. */
  readonly ruleText: string;
  readonly keys: JwkSet;
  /** The token's id: SHA-256 of its signed part. */
  readonly digest: string;
  /** The end user, by the policy of a session. */
  readonly persons: WeakMap<SessionPolicy, EndUser | TokenProblem>;
}

/** Total length of the cached tokens; their claims take about as much again. */
const REMEMBERED_CHARACTERS = 16 * 1024 * 1024;
const AT_ONCE = 16;

export class TokenVerifier {
  /** By token. A token is rarely valid by several rules; then the last one is kept. */
  private readonly remembered = new LRUCache<string, Verified>({
    maxSize: REMEMBERED_CHARACTERS,
    sizeCalculation: (_, token) => token.length,
  });
  private readonly underWay = new Map<string, Promise<Verified | TokenProblem>>();
  private readonly sources = new Map<string, KeySource>();
  private readonly ruleTexts = new WeakMap<TokenRule, string>();
  private readonly gate = new Semaphore(AT_ONCE);

  constructor(private readonly options: VerifierOptions) {}

  /** Undefined if the token has to be verified. */
  known(rule: TokenRule, token: string): Verified | TokenProblem | undefined {
    const verified = this.remembered.get(token);
    return verified?.ruleText === this.textOf(rule) ? this.stands(verified) : undefined;
  }

  /** The verified token while it is valid; why it no longer is; or undefined if it must be verified again. */
  stands(verified: Verified): Verified | TokenProblem | undefined {
    if (this.options.now() >= verified.expires) return problem('the token has expired');
    if (this.isGivenBack(verified)) return problem('the token was given back');
    const keys = this.sourceOf(verified.rule).current();
    if (keys === 'lost') return keysUnavailable();
    // A token signed by a key that has left the set is no longer valid.
    return keys === verified.keys ? verified : undefined;
  }

  /** Never rejects. Concurrent calls for one token verify it once. */
  verify(rule: TokenRule, token: string): Promise<Verified | TokenProblem> {
    const key = `${this.textOf(rule)}\n${token}`;
    const known = this.underWay.get(key);
    if (known) return known;
    const made = this.verifyNow(rule, token)
      .catch((error: unknown) => {
        this.options.log.error({ err: error }, 'internal error while a token was verified; it was refused');
        return keysUnavailable();
      })
      .finally(() => this.underWay.delete(key));
    this.underWay.set(key, made);
    return made;
  }

  /** Keys that were read are read again before they are used. */
  keysChanged(): void {
    for (const source of this.sources.values()) source.changed();
  }

  private async verifyNow(rule: TokenRule, token: string): Promise<Verified | TokenProblem> {
    const read = readToken(token);
    if ('refused' in read) return read;
    const claimed = checkClaims(rule, read.claims, this.options.now());
    if ('refused' in claimed) return claimed;
    const source = this.sourceOf(rule);
    let keys = await source.settled();
    // The same token keeps the same object.
    const known = this.remembered.peek(token);
    if (known?.keys === keys && known.ruleText === this.textOf(rule)) return this.stands(known) ?? known;
    let wrong = keys === 'lost' ? undefined : await this.signatureProblem(token, keys);
    if (wrong === 'unknown' && (await source.askAgain())) {
      keys = await source.settled();
      wrong = keys === 'lost' ? undefined : await this.signatureProblem(token, keys);
    }
    if (keys === 'lost') return keysUnavailable();
    if (wrong === 'unknown') return problem('the token is signed by a key that its issuer does not publish');
    if (wrong) return wrong;
    const ruleText = this.textOf(rule);
    // The id is a hash of the signed part: from an ECDSA signature (r, s) anyone can compute a second valid one, (r, n - s).
    const digest = digestOf(token.slice(0, token.lastIndexOf('.')));
    const verified = { ...claimed, claims: read.claims, rule, ruleText, keys, digest, persons: new WeakMap() };
    this.remembered.set(token, verified);
    return this.stands(verified) ?? verified;
  }

  isGivenBack(verified: Verified | undefined): boolean {
    return verified !== undefined && this.options.loggedOut.has(verified.digest);
  }

  /** From now on the token is refused everywhere. Undefined: done. Never rejects. */
  async giveBack({ digest, claims }: Verified): Promise<TokenProblem | undefined> {
    try {
      // Kept until the token itself expires, not only as long as this rule accepts it: another principal may accept it for longer.
      return (await this.options.loggedOut.add(digest, Number(claims.exp) * 1000))
        ? undefined
        : problem('too many tokens were given back');
    } catch (error) {
      this.options.log.error({ err: error }, 'a token that was given back could not be kept');
      return notRevoked();
    }
  }

  private signatureProblem(token: string, keys: JwkSet): Promise<TokenProblem | 'unknown' | undefined> {
    return this.gate.pass(() => checkSignature(token, keys));
  }

  private sourceOf({ keys: name }: TokenRule): KeySource {
    const known = this.sources.get(name);
    if (known) return known;
    const { folder, log, elapsed } = this.options;
    const made = new KeySource({ name, ...keysPlace(name, folder), elapsed, log });
    this.sources.set(name, made);
    return made;
  }

  private textOf(rule: TokenRule): string {
    let text = this.ruleTexts.get(rule);
    if (text === undefined) {
      const { issuer, audience, keys, user, require, maxAge } = rule;
      text = JSON.stringify([issuer, audience, keys, user, [...require], maxAge]);
      this.ruleTexts.set(rule, text);
    }
    return text;
  }
}

function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('base64url');
}

/** Tolerated difference between the clocks of issuer and guard. */
const CLOCK_SKEW_MS = 30_000;

const LONGEST_USER = 200;

/** The end user of a token, and the time until which it is accepted: milliseconds since the epoch, with the clock skew added. */
interface CheckedClaims {
  readonly user: string;
  readonly expires: number;
}

type Claims = Readonly<Record<string, unknown>>;

/** Checks a token's claims against a principal's token rule. `now`: milliseconds since the epoch. */
function checkClaims(rule: TokenRule, claims: Claims, now: number): CheckedClaims | TokenProblem {
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
