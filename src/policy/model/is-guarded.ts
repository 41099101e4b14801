/** Whether every statement of a role is judged and the judgement enforced: other roles may change their session at the server in any way. */
import type { RolePolicy } from './policy.ts';

/** Restricted and enforced, not in observe mode. */
export function isGuarded({ access, mode }: RolePolicy): boolean {
  return access === 'restricted' && mode === 'enforce';
}
