/** Tells each role whom the database is about, and whose people some limit of it counts. */
import type { Limits } from './limits.ts';
import type { Principal, RolePolicy, Subject } from './policy.ts';

/** INVARIANT: a limit of one principal counts for all of its role: they share the role's judgements. */
export function withSubjects(
  roles: ReadonlyMap<string, RolePolicy>,
  principals: ReadonlyMap<string, Principal>,
  subjects: ReadonlyMap<string, Subject>,
): Map<string, RolePolicy> {
  if (subjects.size === 0) return new Map(roles);
  const all = [...subjects.values()];
  return new Map(
    [...roles].map(([name, role]) => {
      const own = [...principals.values()].filter((principal) => principal.role === name);
      const limits = [role.limits, role.limitsPerUser, ...(role.during ?? []).map((during) => during.limits)];
      for (const principal of own)
        limits.push(principal.limits, ...(principal.during ?? []).map((during) => during.limits));
      return [name, { ...role, subjects: all, limitedSubjects: namedBy(limits) }];
    }),
  );
}

function namedBy(limits: readonly (Limits | undefined)[]): ReadonlySet<string> {
  return new Set(limits.flatMap((each) => [...(each?.subjects?.keys() ?? []), ...(each?.answers?.keys() ?? [])]));
}
