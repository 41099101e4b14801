/** What a policy that came into force since a statement was judged has to do with it. */
import type { Limits } from '../../policy/model/limits.ts';
import { limitedOverTime } from '../admission/limits-over-time.ts';
import type { Conversation } from '../state/conversation.ts';
import type { Execution } from '../state/execution.ts';

/** INVARIANT 160: whether its rows are taken from the budget: also where a limit on them has begun since it was judged, by the time or a new policy. */
export function isTaken({ ports }: Conversation, { watch, policy }: Execution): boolean {
  if (watch.taken) return true;
  const now = ports.policy();
  return now !== undefined && now !== policy && now.role.mode === 'enforce' && limitedOverTime(now).shown;
}

/**
 * INVARIANT 254: whether the people that the policy limits now had the same name and keys when it was judged: what it shows of others would count nowhere.
 * Nor would what runs for no end user, where each one is limited, or limited in more, since.
 */
export function isCountedAlike({ ports }: Conversation, { policy: { role }, person }: Execution): boolean {
  const now = ports.policy()?.role;
  if (now?.mode !== 'enforce') return true;
  if (!person && !limitsNoMore(now.limitsPerUser, role.limitsPerUser)) return false;
  if (now.subjects === role.subjects) return true;
  const limited = now.subjects?.filter(({ name }) => now.limitedSubjects?.has(name)) ?? [];
  return limited.every(({ name, keys }) => {
    const before = role.subjects?.find((one) => one.name === name)?.keys ?? [];
    return keys.every(({ relation, column }) =>
      before.some((key) => key.relation.oid === relation.oid && key.column.attnum === column.attnum),
    );
  });
}

function limitsNoMore(now: Limits = {}, before: Limits = {}): boolean {
  return Object.keys(now).every((kind) => Object.hasOwn(before, kind));
}

/** INVARIANT 179: whether a new policy limits what it changes, or stores of others, where none did when it was sent. */
export function changesAreLimitedNow(
  { ports }: Conversation,
  { watch, policy, statement: { kind } }: Execution,
): boolean {
  const now = ports.policy();
  if (!now || now === policy || now.role.mode !== 'enforce' || watch.takesChanges) return false;
  if (kind.kind === 'write' && kind.temporary === 'own') return false;
  const limited = limitedOverTime(now);
  return limited.changed || ((watch.writes?.length ?? 0) > 0 && limited.shown);
}
