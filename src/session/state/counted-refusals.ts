/** Which refusals say that somebody reaches for what the policy withholds: they count towards a lock. */
import type { Reason } from '../../core/refusal.ts';

/**
 * Not what anybody may get wrong (a text that does not parse), what the guard cannot judge, what is refused for the guard's own reasons, and not
 * limits, which are counted as such. Names that do not exist are here: to a role, what it was not granted does not.
 */
const BY_POLICY: ReadonlySet<Reason> = new Set([
  'statement-not-allowed',
  'relation-not-granted',
  'relation-unknown',
  'column-withheld',
  'column-unknown',
  'function-not-granted',
  'function-unknown',
  'operator-not-granted',
  'operator-unknown',
  'type-not-granted',
  'setting-not-allowed',
  'row-check',
  'write-restricted',
  'min-group',
  'collects',
  'estimates',
  'provenance',
]);

export function isCountedRefusal(reason: Reason): boolean {
  return BY_POLICY.has(reason);
}
