/** Tells each role the data subjects of the database, and which of them its limits count. */
import type { Limits, WindowLimit } from '../model/limits.ts';
import type { Principal, RolePolicy, Subject } from '../model/policy.ts';

/** A limit of one principal makes the whole role count: its principals share judgements. */
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
      const limitedSubjects = namedBy(limits);
      const boundedSubjects = new Set([...limitedSubjects].filter((subject) => isBounded(role, subject)));
      return [name, { ...role, subjects: all, limitedSubjects, boundedSubjects }];
    }),
  );
}

function namedBy(limits: readonly (Limits | undefined)[]): ReadonlySet<string> {
  return new Set(limits.flatMap((each) => [...(each?.subjects?.keys() ?? []), ...(each?.answers?.keys() ?? [])]));
}

/** By the role's own limits, which `during` may replace. A limit that only warns or throttles bounds nothing. */
function isBounded(role: RolePolicy, subject: string): boolean {
  const refuses = (limits: readonly WindowLimit[] | undefined): boolean =>
    limits?.some(({ effect = role.whenExceeded ?? 'deny' }) => effect === 'deny' || effect === 'lock') === true;
  const during = (role.during ?? []).map(({ limits }) => limits);
  return (['subjects', 'answers'] as const).every((of) => {
    const own = role.limits[of]?.get(subject);
    const other = during.flatMap((limits) => limits[of]?.get(subject) ?? []);
    // Answers without a limit of their own count as people, at every time of `during`.
    if (of === 'answers' && !own) return other.length === 0;
    return refuses(own) && during.every((limits) => !limits[of]?.has(subject) || refuses(limits[of]?.get(subject)));
  });
}
