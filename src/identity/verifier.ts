/** Verifies tokens by the rules of principals, and remembers those that hold. Who is behind one, in a role, is for `person.ts`. */
import { createHash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { Logger } from 'pino';
import type { TokenRule } from '../policy/model/token-rule.ts';
import type { EndUser, VerifiedToken } from '../session/end-user/end-user.ts';
import type { SessionPolicy } from '../session/session-policy.ts';
import { checkClaims } from './claims.ts';
import { Gate } from './gate.ts';
import type { GivenBack } from './given-back.ts';
import { checkSignature, type JwkSet } from './key-set.ts';
import { KeySource } from './key-source.ts';
import { type Problem, problem, unchecked, unkept } from './problem.ts';
import { keysPlace } from './read-keys.ts';
import { readToken } from './token.ts';

export interface VerifierOptions {
  /** Of the policies: where files of keys are. */
  readonly folder: string;
  readonly log: Logger;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Monotonic milliseconds. */
  readonly elapsed: () => number;
  readonly givenBack: GivenBack;
}

/** A token that held when it was verified; `stands` says whether it still does. */
export interface Verified extends VerifiedToken {
  readonly rule: TokenRule;
  /** What the rule says: the same rule is another object after a reload. */
  readonly ruleText: string;
  readonly keys: JwkSet;
  /** By what it is named: SHA-256 of what is signed, and of the whole token, by which an earlier version named it. */
  readonly digests: readonly [string, string];
  /** Who it is, by the policy of a session. */
  readonly persons: WeakMap<SessionPolicy, EndUser | Problem>;
}

/** Characters of the tokens that are remembered, of all together; their claims take about as much again. */
const REMEMBERED_CHARACTERS = 16 * 1024 * 1024;
const AT_ONCE = 16;

export class TokenVerifier {
  /** By token. By several rules a token is seldom good, and then the last counts. */
  private readonly remembered = new LRUCache<string, Verified>({
    maxSize: REMEMBERED_CHARACTERS,
    sizeCalculation: (_, token) => token.length,
  });
  private readonly underWay = new Map<string, Promise<Verified | Problem>>();
  private readonly sources = new Map<string, KeySource>();
  private readonly ruleTexts = new WeakMap<TokenRule, string>();
  private readonly gate = new Gate(AT_ONCE);

  constructor(private readonly options: VerifierOptions) {}

  /** Undefined where the token has to be verified. */
  known(rule: TokenRule, token: string): Verified | Problem | undefined {
    const verified = this.remembered.get(token);
    return verified?.ruleText === this.textOf(rule) ? this.stands(verified) : undefined;
  }

  /** What became of a verified token: itself while it holds; undefined where it has to be verified anew. */
  stands(verified: Verified): Verified | Problem | undefined {
    if (this.options.now() >= verified.expires) return problem('the token has expired');
    if (this.isGivenBack(verified)) return problem('the token was given back');
    const keys = this.sourceOf(verified.rule).current();
    if (keys === 'lost') return unchecked();
    // A key that is gone from the set has signed nothing.
    return keys === verified.keys ? verified : undefined;
  }

  /** Never rejects. The same token is verified once at a time. */
  verify(rule: TokenRule, token: string): Promise<Verified | Problem> {
    const key = `${this.textOf(rule)}\n${token}`;
    const known = this.underWay.get(key);
    if (known) return known;
    const made = this.verifyNow(rule, token)
      .catch((error: unknown) => {
        this.options.log.error({ err: error }, 'internal error while a token was verified; it was refused');
        return unchecked();
      })
      .finally(() => this.underWay.delete(key));
    this.underWay.set(key, made);
    return made;
  }

  /** What was read of keys is read again before it is used. */
  keysChanged(): void {
    for (const source of this.sources.values()) source.changed();
  }

  private async verifyNow(rule: TokenRule, token: string): Promise<Verified | Problem> {
    const read = readToken(token);
    if ('refused' in read) return read;
    const claimed = checkClaims(rule, read.claims, this.options.now());
    if ('refused' in claimed) return claimed;
    const source = this.sourceOf(rule);
    let keys = await source.settled();
    // The same person stays the same object.
    const known = this.remembered.peek(token);
    if (known?.keys === keys && known.ruleText === this.textOf(rule)) return this.stands(known) ?? known;
    let wrong = keys === 'lost' ? undefined : await this.signatureProblem(token, keys);
    if (wrong === 'unknown' && (await source.askAgain())) {
      keys = await source.settled();
      wrong = keys === 'lost' ? undefined : await this.signatureProblem(token, keys);
    }
    if (keys === 'lost') return unchecked();
    if (wrong === 'unknown') return problem('the token is signed by a key that its issuer does not publish');
    if (wrong) return wrong;
    const ruleText = this.textOf(rule);
    // By what is signed: of an ECDSA signature (r, s) anybody can make a second one, (r, n - s).
    const digests = [digestOf(token.slice(0, token.lastIndexOf('.'))), digestOf(token)] as const;
    const verified = { ...claimed, claims: read.claims, rule, ruleText, keys, digests, persons: new WeakMap() };
    this.remembered.set(token, verified);
    return this.stands(verified) ?? verified;
  }

  isGivenBack(verified: Verified | undefined): boolean {
    return verified?.digests.some((digest) => this.options.givenBack.has(digest)) ?? false;
  }

  /** It is good for nothing from now on, wherever it is shown. Undefined: done. Never rejects. */
  async giveBack({ digests, claims }: Verified): Promise<Problem | undefined> {
    try {
      // Until the token itself ends, however long the rule takes it for: another account may take it for longer.
      return (await this.options.givenBack.add(digests[0], Number(claims.exp) * 1000))
        ? undefined
        : problem('too many tokens were given back');
    } catch (error) {
      this.options.log.error({ err: error }, 'a token that was given back could not be kept');
      return unkept();
    }
  }

  private signatureProblem(token: string, keys: JwkSet): Promise<Problem | 'unknown' | undefined> {
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
