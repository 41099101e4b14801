/** What `rowgate check` warns of that is allowed, and looks like more protection than it is. */
import type { Config } from '../config/config.ts';
import { type Diagnostic, placeOfRule } from '../policy/diagnostic.ts';
import type { Policy } from '../policy/policy.ts';
import type { RuleRef } from '../policy/rule.ts';

export function policyWarnings(policy: Policy, config: Pick<Config, 'tls'>): Diagnostic[] {
  const observed = [...policy.roles.values()]
    .filter(({ mode, access }) => mode === 'observe' && access === 'restricted')
    .map(({ name, rule }) => {
      const message = `role "${name}" is only observed: whatever its policy says, every statement is forwarded unchanged`;
      return { ...warning(rule, message), role: name };
    });
  return config.tls ? observed : [...observed, ...tokenWarnings(policy)];
}

function tokenWarnings(policy: Policy): Diagnostic[] {
  const taken = 'without "tls" in the configuration their tokens are taken by unix sockets and from this machine alone';
  return [...policy.principals.values()].flatMap(({ name, token }) =>
    token?.login ? [warning(token.rule, `people log in to "${name}" by tokens: ${taken}`)] : [],
  );
}

function warning(rule: RuleRef, message: string): Diagnostic {
  return { ...placeOfRule(rule), severity: 'warning', message };
}
