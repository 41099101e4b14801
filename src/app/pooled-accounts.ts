/** With a pooler of transactions: closes the roles that could change the connections of others. */
import type { UpstreamConfig } from '../config/config.ts';
import { isGuarded } from '../policy/model/is-guarded.ts';
import type { Policy, RolePolicy } from '../policy/model/policy.ts';

/**
 * A pooler keeps the connections of each account apart, and hands one from session to session as it is. A role of which
 * not every statement is judged (unrestricted, or observed) has no account in common with one that relies on pinned settings:
 * a DO block or a function could change them for whoever comes next.
 */
export function keepApart(policy: Policy, upstream: UpstreamConfig): { policy: Policy; errors: readonly string[] } {
  if (upstream.pooling !== 'transaction') return { policy, errors: [] };
  const accountOf = (role: RolePolicy) => (upstream.logins.get(role.name) ?? upstream.login).user;
  const roles = [...policy.roles.values()];
  const guarded = new Map(roles.filter(isGuarded).map((role) => [accountOf(role), role.name]));
  const errors: string[] = [];
  const kept = roles.map((role): RolePolicy => {
    const other = guarded.get(accountOf(role));
    if (isGuarded(role) || other === undefined) return role;
    const disabled = `it shares the upstream account "${accountOf(role)}" with role "${other}"; with upstream.pooling: transaction it needs its own, in upstream.logins`;
    errors.push(`role "${role.name}": ${disabled}`);
    return { ...role, disabled: role.disabled ?? disabled };
  });
  return { policy: { ...policy, roles: new Map(kept.map((role) => [role.name, role])) }, errors };
}
