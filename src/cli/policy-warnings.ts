/** What `rowgate check` warns about although it is allowed: apparent protection that does not hold, and principals whose time runs out. */
import type { Config } from '../config/config.ts';
import { isEndUserLogin } from '../policy/compile/token-login.ts';
import { endingPrincipals, lastDayText } from '../policy/model/last-days.ts';
import type { Policy } from '../policy/model/policy.ts';
import { type Diagnostic, placeOfRule } from '../policy/source/diagnostic.ts';
import type { RuleRef } from '../policy/source/rule.ts';

/** `now`: milliseconds since the epoch. */
export function policyWarnings(policy: Policy, config: Pick<Config, 'tls' | 'timeZone'>, now: number): Diagnostic[] {
  const observed = [...policy.roles.values()]
    .filter(({ mode, access }) => mode === 'observe' && access === 'restricted')
    .map(({ name, rule }) => {
      const message = `role "${name}" is only observed: whatever its policy says, every statement is forwarded unchanged`;
      return { ...warning(rule, message), role: name };
    });
  const alone = [...policy.principals.values()]
    .filter((one) => one.mode === 'observe' && policy.roles.get(one.role)?.mode === 'enforce')
    .map(({ name, rule }) =>
      warning(rule, `principal "${name}" is only observed: its statements are forwarded unchanged`),
    );
  const dated = lastDayWarnings(policy, now, config.timeZone);
  return [...observed, ...alone, ...dated, ...nameWarnings(policy), ...(config.tls ? [] : tokenWarnings(policy))];
}

function tokenWarnings(policy: Policy): Diagnostic[] {
  const taken = 'without "tls" in the configuration their tokens are taken by unix sockets and from this machine alone';
  return [...policy.principals.values()].flatMap(({ name, token }) =>
    token?.login ? [warning(token.rule, `people log in to "${name}" by tokens: ${taken}`)] : [],
  );
}

/** Principals that have a password and a name of the form that end users log in with. */
function nameWarnings({ principals }: Policy): Diagnostic[] {
  const all = [...principals.values()];
  return all
    .filter(({ verifiers }) => verifiers.length > 0)
    .flatMap(({ name, rule }) => {
      const people = all.find(({ token }) => token?.login && isEndUserLogin(token.login, name));
      if (!people) return [];
      const why = `"${people.name}" has such names in "token.login.users"`;
      return [warning(rule, `clients of principal "${name}" are asked for a token, not for its password: ${why}`)];
    });
}

/** Principals that `valid_until` locks out soon, or has locked out. */
function lastDayWarnings({ principals }: Policy, now: number, timeZone: string): Diagnostic[] {
  const soon = endingPrincipals(principals.values(), now).map((ending) =>
    warning(ending.rule, `principal "${ending.name}" may log in until ${lastDayText(ending, now, timeZone)}`),
  );
  const over = [...principals.values()].flatMap(({ name, rule, validUntil = now }) =>
    validUntil < now ? [warning(rule, `principal "${name}" cannot log in any more: its "valid_until" is over`)] : [],
  );
  return [...soon, ...over];
}

function warning(rule: RuleRef, message: string): Diagnostic {
  return { ...placeOfRule(rule), severity: 'warning', message };
}
