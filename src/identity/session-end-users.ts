/** The end users behind the tokens of one session. A known token is answered at once; a new one is verified first. */
import type { TokenRule } from '../policy/model/token-rule.ts';
import type { EndUser, EndUserCheck, EndUsers } from '../session/end-user/end-user.ts';
import type { SessionPolicy } from '../session/session-policy.ts';
import { endUserOfToken } from './end-user.ts';
import { problem, type TokenProblem } from './problem.ts';
import type { TokenVerifier, Verified } from './verifier.ts';

/** A refused token is refused without a check for this long, then checked again. */
const REFUSED_MS = 5_000;

export class SessionEndUsers implements EndUsers {
  private verified: { readonly rule: TokenRule; readonly token: string; readonly verified: Verified } | undefined;
  private refused:
    | { readonly rule: TokenRule; readonly token: string; readonly problem: TokenProblem; readonly at: number }
    | undefined;
  private waitingFor: { readonly rule: TokenRule; readonly token: string } | undefined;
  private giving: { readonly token: string; readonly outcome?: 'done' | TokenProblem } | undefined;

  /** @param elapsed monotonic milliseconds. */
  constructor(
    private readonly verifier: TokenVerifier,
    private readonly elapsed: () => number,
    private readonly wake: () => void,
  ) {}

  check(policy: SessionPolicy, token: string): EndUserCheck {
    const rule = policy.principal.token;
    if (!rule) return problem('this account takes no tokens');
    const verified = this.standing(rule, token);
    if (verified) return 'refused' in verified ? verified : this.person(policy, verified);
    const { refused, waitingFor } = this;
    if (isOf(refused, rule, token) && this.elapsed() - refused.at < REFUSED_MS) return refused.problem;
    if (!isOf(waitingFor, rule, token)) this.verify(rule, token);
    return 'wait';
  }

  giveBack(policy: SessionPolicy, token: string): 'done' | TokenProblem | 'wait' {
    const { giving } = this;
    if (giving?.token === token && giving.outcome) {
      this.giving = undefined;
      return giving.outcome;
    }
    if (giving?.token === token) return 'wait';
    const check = this.check(policy, token);
    if (check === 'wait') return 'wait';
    // Only a client with the valid token may give it back. Giving it back a second time succeeds.
    const verified = this.verified?.token === token ? this.verified.verified : undefined;
    if ('refused' in check || !verified) return this.verifier.isGivenBack(verified) ? 'done' : (check as TokenProblem);
    const asked: { readonly token: string; outcome?: 'done' | TokenProblem } = { token };
    this.giving = asked;
    void this.verifier.giveBack(verified).then((failure) => {
      asked.outcome = failure ?? 'done';
      this.wake();
    });
    return 'wait';
  }

  private standing(rule: TokenRule, token: string): Verified | TokenProblem | undefined {
    const { verified } = this;
    if (isOf(verified, rule, token)) return this.verifier.stands(verified.verified);
    const known = this.verifier.known(rule, token);
    if (known && !('refused' in known)) this.verified = { rule, token, verified: known };
    return known;
  }

  private person(policy: SessionPolicy, verified: Verified): EndUser | TokenProblem {
    const known = verified.persons.get(policy);
    if (known) return known;
    const made = endUserOfToken(policy, verified);
    verified.persons.set(policy, made);
    return made;
  }

  private verify(rule: TokenRule, token: string): void {
    const waitingFor = { rule, token };
    this.waitingFor = waitingFor;
    void this.verifier.verify(rule, token).then((outcome) => {
      if (this.waitingFor !== waitingFor) return;
      this.waitingFor = undefined;
      if ('refused' in outcome) this.refused = { rule, token, problem: outcome, at: this.elapsed() };
      else this.verified = { rule, token, verified: outcome };
      this.wake();
    });
  }
}

function isOf<T extends { readonly rule: TokenRule; readonly token: string }>(
  held: T | undefined,
  rule: TokenRule,
  token: string,
): held is T {
  return held !== undefined && held.rule === rule && held.token === token;
}
