/** Whether every statement of a role is judged and held to it: the others may do to their session at the server what they like. */
import type { RolePolicy } from './policy.ts';

export function isGuarded({ access, mode }: RolePolicy): boolean {
  return access === 'restricted' && mode === 'enforce';
}
