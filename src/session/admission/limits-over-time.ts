/** Which of what a statement does is limited over time, for a principal: only that is asked of its budget. */
import type { Limits } from '../../policy/model/limits.ts';
import type { SessionPolicy } from '../ports.ts';

export interface LimitedOverTime {
  /** Rows, bytes or people. */
  readonly shown: boolean;
  readonly changed: boolean;
}

export const NOT_LIMITED: LimitedOverTime = { shown: false, changed: false };

/** A policy is the same object until something of it changes. */
const known = new WeakMap<SessionPolicy, LimitedOverTime>();

/** What the policy limits over time, at any time of day; cached by policy. */
export function limitedOverTime(policy: SessionPolicy): LimitedOverTime {
  const before = known.get(policy);
  if (before) return before;
  const { role, principal } = policy;
  const all = [role.limitsPerUser, ...limitsAtAllTimes(policy)];
  // An end user who is locked out meanwhile sees no more rows; the session, which other end users share, does not end.
  const isShared = principal.token !== undefined;
  const made = {
    shown: isShared || all.some((limits) => limits && limitsShown(limits)),
    changed: all.some((limits) => limits?.changed !== undefined),
  };
  known.set(policy, made);
  return made;
}

function limitsShown({ rows, bytes, subjects, answers }: Limits): boolean {
  return rows !== undefined || bytes !== undefined || (subjects?.size ?? 0) > 0 || (answers?.size ?? 0) > 0;
}

/** What the planner expects of its statements is limited, now or at another time. */
export function isEstimated(policy: SessionPolicy): boolean {
  return limitsAtAllTimes(policy).some(({ estimatedRows }) => estimatedRows !== undefined);
}

/** INVARIANT 178: a statement runs on into another time, so what may be limited while it runs decides how it is sent, and what of it is counted. */
function limitsAtAllTimes({ role: now, principal: own, atAllTimes }: SessionPolicy): readonly Limits[] {
  const { role, principal } = atAllTimes ?? { role: now, principal: own };
  const during = [...(role.during ?? []), ...(principal.during ?? [])].map(({ limits }) => limits);
  return [role.limits, principal.limits, ...during];
}
