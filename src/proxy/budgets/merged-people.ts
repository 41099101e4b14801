/** Whom a row shows, put together where several of its columns show them. */
import type { People } from '../../session/budget.ts';

/** Each subject once, and each of its people once. */
export function mergedPeople(people: readonly People[]): readonly People[] {
  const [only] = people;
  if (only && people.length === 1 && only.keys.length < 2) return people;
  const bySubject = new Map<string, { keys: Set<string>; unnamed: number }>();
  for (const { subject, keys, unnamed } of people) {
    const known = bySubject.get(subject) ?? { keys: new Set<string>(), unnamed: 0 };
    for (const key of keys) known.keys.add(key);
    known.unnamed += unnamed;
    bySubject.set(subject, known);
  }
  return [...bySubject].map(([subject, { keys, unnamed }]) => ({ subject, keys: [...keys], unnamed }));
}
